using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>
/// YAML as a recipe may use it: of a bounded length and depth, and with anchors on single values only. YamlDotNet builds a tree by recursion, and aliases make trees that are exponentially large or have no end;
/// so the events are looked at first.
/// </summary>
internal static class RecipeYaml
{
    /// <summary>Characters of a recipe; the longest part of one is a chat template.</summary>
    public const int LongestText = 1 << 20;

    /// <summary>Lists and mappings within each other; a recipe needs three.</summary>
    public const int Depth = 32;

    /// <summary>The first document's root; null for a text without one.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="error">Makes the error of a line (from 1) and what is wrong there.</param>
    public static YamlNode? Load(string text, Func<long, string, InvalidInputException> error)
    {
        if (text.Length > LongestText) throw error(1, $"{text.Length} characters long; at most {LongestText} are allowed.");
        var stream = new YamlStream();
        try
        {
            Check(new Parser(new StringReader(text)), error);
            stream.Load(new StringReader(text));
        }
        catch (YamlException problem)
        {
            throw error(problem.Start.Line, $"not valid YAML: {problem.Message}");
        }
        catch (Exception problem) when (problem is InvalidOperationException or ArgumentException) // YamlDotNet's answer to some broken escapes and tags.
        {
            throw error(1, $"not valid YAML: {problem.Message}");
        }
        return stream.Documents.Count == 0 ? null : stream.Documents[0].RootNode;
    }

    private static void Check(Parser parser, Func<long, string, InvalidInputException> error)
    {
        var depth = 0;
        while (parser.MoveNext())
        {
            var found = parser.Current!;
            depth += found.NestingIncrease;
            // The stream and its document are levels too.
            if (depth > Depth + 2) throw error(found.Start.Line, $"lists and mappings are nested more than {Depth} deep.");
            if (found is MappingStart { Anchor.IsEmpty: false } or SequenceStart { Anchor.IsEmpty: false })
                throw error(found.Start.Line, "an anchor (&) on a list or a mapping; in a recipe only single values may have one. Write the list or mapping out.");
        }
    }
}
