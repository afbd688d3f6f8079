using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>A value of a recipe and where it stands: a line of the file, or the command line's <c>--set</c>.</summary>
internal sealed record RecipeValue(YamlNode Node, string Where)
{
    /// <summary>Plain <c>null</c>, <c>~</c> or nothing: the key's default. A quoted "null" is text.</summary>
    public bool IsNull => Node is YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any } scalar && scalar.Value is null or "" or "~" or "null" or "Null" or "NULL";

    /// <summary>Whether it is this one word.</summary>
    public bool Is(string word) => Node is YamlScalarNode scalar && string.Equals(scalar.Value?.Trim(), word, StringComparison.OrdinalIgnoreCase);

    /// <summary>What was found, short enough for an error message.</summary>
    public string Found => Node switch
    {
        YamlScalarNode scalar => $"'{scalar.Value}'",
        YamlSequenceNode => "a list",
        _ => "a mapping",
    };
}

/// <summary>Reads a recipe's YAML (JSON is YAML) into keys and values with their lines; knows nothing of what the keys mean.</summary>
internal static class RecipeFile
{
    /// <summary>The keys of a file; a nested mapping under <c>drift:</c> is flattened to <c>drift.key</c>.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not YAML, is not a mapping, or names a key twice.</exception>
    public static Dictionary<string, RecipeValue> Read(string path)
    {
        if (!File.Exists(path)) throw new InvalidInputException($"{path}: there is no such recipe file.");
        using var reader = new StreamReader(path);
        return Parse(reader, path);
    }

    internal static Dictionary<string, RecipeValue> Parse(TextReader reader, string path)
    {
        var values = new Dictionary<string, RecipeValue>(StringComparer.Ordinal);
        var start = RecipeYaml.Load(reader.ReadToEnd(), (line, problem) => new InvalidInputException($"{path}, line {line}: {problem}"));
        if (start is null) return values;
        if (start is not YamlMappingNode root) throw new InvalidInputException($"{path}, line 1: a recipe is a mapping of keys to values, for example 'beta: 0.1'.");
        Flatten(root, "", path, values);
        return values;
    }

    /// <summary>Reads one <c>--set key=value</c>; the value is YAML too, so <c>--set optim=null</c> means the default.</summary>
    /// <exception cref="InvalidInputException">There is no '=', or the value is not YAML.</exception>
    public static (string Key, RecipeValue Value) Assignment(string assignment)
    {
        var equals = assignment.IndexOf('=');
        if (equals < 1) throw new InvalidInputException($"--set {assignment}: expected key=value, for example --set beta=0.2.");
        var key = assignment[..equals].Trim();
        var node = RecipeYaml.Load(assignment[(equals + 1)..].Trim(), (_, problem) => new InvalidInputException($"--set {key}: the value is {problem}")) ?? new YamlScalarNode("");
        return (key, new RecipeValue(node, $"--set {key}"));
    }

    private static void Flatten(YamlMappingNode mapping, string prefix, string path, Dictionary<string, RecipeValue> values)
    {
        foreach (var (keyNode, value) in mapping.Children)
        {
            var where = $"{path}, line {keyNode.Start.Line}";
            if (keyNode is not YamlScalarNode { Value: { Length: > 0 } name })
                throw new InvalidInputException($"{where}: a key must be a word.");
            var key = prefix + name;
            if (prefix.Length == 0 && name == "drift" && value is YamlMappingNode section)
            {
                Flatten(section, "drift.", path, values);
                continue;
            }
            if (key == "drift" && new RecipeValue(value, where).IsNull) continue;
            if (!values.TryAdd(key, new RecipeValue(value, where))) throw new InvalidInputException($"{where}: '{key}' is given twice; the other one is at {values[key].Where}.");
        }
    }
}
