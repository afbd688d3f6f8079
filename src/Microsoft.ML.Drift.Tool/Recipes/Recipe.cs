using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>
/// A recipe: the keys of TRL and the Alignment Handbook with their values, checked against <see cref="RecipeKeys"/>. Typed getters
/// return null where the key is absent or null, which means the option's own default.
/// </summary>
internal sealed class Recipe
{
    private readonly Dictionary<string, RecipeValue> _values;
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    private Recipe(Dictionary<string, RecipeValue> values, IReadOnlyList<(string Key, string Reason)> ignored)
    {
        _values = values;
        Ignored = ignored;
    }

    /// <summary>The keys given that never have a meaning here, with the reason.</summary>
    public IReadOnlyList<(string Key, string Reason)> Ignored { get; }

    /// <summary>
    /// The keys given that have no effect on this command, with the reason: those that never have one, and those nobody asked for. To be told to the user once, after
    /// the recipe was used.
    /// </summary>
    public IReadOnlyList<(string Key, string Reason)> WithoutEffect() =>
        [.. Ignored, .. _values.Where(entry => !entry.Value.IsNull && !_read.Contains(entry.Key)).Select(entry => (entry.Key, RecipeKeys.WhyUnused(entry.Key)))];

    /// <summary>Whether a key has a value; null is none.</summary>
    public bool Has(string key) => _values.TryGetValue(key, out var value) && !value.IsNull;

    /// <summary>Reads a recipe file, if any, and applies the command line's overrides.</summary>
    /// <exception cref="InvalidInputException">The file or an override cannot be read, or a key is unknown; the message names the nearest known key.</exception>
    public static Recipe Load(string? path, IEnumerable<string> overrides)
    {
        var values = path is null ? new Dictionary<string, RecipeValue>(StringComparer.Ordinal) : RecipeFile.Read(path);
        foreach (var assignment in overrides) Override(values, assignment);

        var known = new Dictionary<string, RecipeValue>(StringComparer.Ordinal);
        var ignored = new List<(string, string)>();
        var problems = new List<string>();
        foreach (var (key, value) in values)
        {
            if (RecipeKeys.Find(key) is not { } definition)
                problems.Add($"{value.Where}: unknown key '{key}'; did you mean '{RecipeKeys.Nearest(key)}'?");
            else if (RecipeKeys.OnlyValue.TryGetValue(key, out var only) && !value.IsNull && !value.Is(only.Value))
                problems.Add($"{value.Where}: '{key}' is {value.Found}; it must be {only.Value}: {only.Reason}.");
            else if (RecipeKeys.OnlyValue.ContainsKey(key))
                continue;
            else if (definition.IgnoredBecause is { } reason)
            {
                if (!value.IsNull) ignored.Add((key, reason));
            }
            else if (!known.TryAdd(definition.Name, value))
                problems.Add($"{value.Where}: '{key}' is given although '{definition.Name}', another name of the same key, is given too.");
        }
        if (problems.Count > 0) throw new InvalidInputException(string.Join(Environment.NewLine, problems));
        return new Recipe(known, ignored);
    }

    /// <summary>Applies one <c>--set</c>: whatever the file calls the key, the command line's value stands.</summary>
    private static void Override(Dictionary<string, RecipeValue> values, string assignment)
    {
        var (key, value) = RecipeFile.Assignment(assignment);
        if (RecipeKeys.Find(key) is { } definition)
            foreach (var other in values.Keys.Where(name => RecipeKeys.Find(name)?.Name == definition.Name).ToList()) values.Remove(other);
        values[key] = value;
    }

    /// <summary>Where a key's value stands, for messages about it.</summary>
    public string Where(string key) => _values.TryGetValue(key, out var value) ? value.Where : key;

    public double? Number(string key) => Scalar(key) is { } value
        ? double.TryParse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong(key, "a number")
        : null;

    public int? Integer(string key)
    {
        if (Number(key) is not { } number) return null;
        return number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue ? (int)number : throw Wrong(key, "a whole number");
    }

    public bool? Boolean(string key) => Scalar(key)?.Text.ToLowerInvariant() switch
    {
        null => null,
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        _ => throw Wrong(key, "true or false"),
    };

    public string? Text(string key) => Scalar(key)?.Text;

    /// <summary>A text as it stands, white space at its ends included.</summary>
    public string? Verbatim(string key) => Value(key) is not { } value ? null
        : value.Node is YamlScalarNode { Value: { } text } ? text : throw Wrong(key, "a text");

    /// <summary>One of a fixed set of words.</summary>
    public T? Choice<T>(string key, params (string Word, T Value)[] choices)
        where T : struct
    {
        if (Scalar(key) is not { } found) return null;
        foreach (var (word, value) in choices)
            if (word.Equals(found.Text, StringComparison.OrdinalIgnoreCase)) return value;
        throw Wrong(key, "one of " + string.Join(", ", choices.Select(choice => choice.Word)));
    }

    /// <summary>A list of words; a single word is a list of one.</summary>
    public IReadOnlyList<string>? TextList(string key)
    {
        if (Value(key) is not { } value) return null;
        return value.Node switch
        {
            YamlScalarNode scalar => [scalar.Value ?? ""],
            YamlSequenceNode list when list.All(item => item is YamlScalarNode) => [.. list.Select(item => ((YamlScalarNode)item).Value ?? "")],
            _ => throw Wrong(key, "a list of words"),
        };
    }

    /// <summary>A mapping of words to numbers, such as <c>dataset_mixer</c>.</summary>
    public IReadOnlyList<(string Name, double Share)>? Shares(string key)
    {
        if (Value(key) is not { } value) return null;
        if (value.Node is not YamlMappingNode mapping) throw Wrong(key, "a mapping of paths to proportions");
        return [.. mapping.Select(pair => (
            pair.Key is YamlScalarNode name ? name.Value ?? "" : throw Wrong(key, "a mapping of paths to proportions"),
            pair.Value is YamlScalarNode share && double.TryParse(share.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? number : throw Wrong(key, "a mapping of paths to proportions")))];
    }

    /// <summary>An error about a key's value that a later check found.</summary>
    public InvalidInputException Wrong(string key, string allowed) =>
        new($"{Where(key)}: '{key}' is {(_values.TryGetValue(key, out var value) ? value.Found : "absent")}; it must be {allowed}.");

    private (string Text, bool _)? Scalar(string key)
    {
        if (Value(key) is not { } value) return null;
        return value.Node is YamlScalarNode { Value: { } text } ? (text.Trim(), true) : throw Wrong(key, "a single value");
    }

    private RecipeValue? Value(string key)
    {
        _read.Add(key);
        return _values.TryGetValue(key, out var value) && !value.IsNull ? value : null;
    }
}
