using System.Text.Json;
using Microsoft.ML.Drift.Tests.Data.ChatTemplates;
using Microsoft.ML.Drift.Tests.Data.Tokenization;
using Microsoft.ML.Drift.Tests.Models;
using Microsoft.ML.Drift.Tests.Preference;

namespace Microsoft.ML.Drift.Tests;

/// <summary>docs/parity.md lists everything that was recorded. Its digits are those of the machine that wrote it.</summary>
public class ParityPageTests
{
    [Fact]
    public void Page_EveryRecordedItem_HasARow()
    {
        Assert.SkipWhen(Golden.FolderOrNull("hf", "models") is null, "The recordings are not on this machine.");
        var page = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "parity.md"));

        Assert.Equal([], Recorded().Where(row => row.Item[0] != '(' && !Section(page, row.Group).Contains($"\n| {row.Item}", StringComparison.Ordinal)));
    }

    [Fact]
    public void Page_EveryGroup_HasASection()
    {
        var page = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "parity.md"));

        Assert.Equal(ParityPage.Groups.Select(group => group.Group), page.Split('\n').Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line[3..]));
    }

    private static IEnumerable<(string Group, string Item)> Recorded()
    {
        foreach (var row in RecordedModel.Names) yield return ("Decoders", row.Data);
        foreach (var row in Folders("hf", "peft")) yield return ("Adapters", row);
        foreach (var row in Files("*.gguf", "hf", "gguf")) yield return ("GGUF models", row);
        foreach (var row in Properties("dequant.json", "hf", "gguf")) yield return ("GGUF types", row);
        foreach (var row in Names("cases", "name", "hf", "processors.json")) yield return ("Sampling rules", row);
        foreach (var row in Names("cases", "model", "hf", "next_token_distribution.json")) yield return ("Sampler", row);
        foreach (var row in GoldenTokenizerTests.Recorded()) yield return ("Tokenizers", row.Data);
        foreach (var row in ChatTemplateGoldenTests.Templates()) yield return ("Chat templates", row.Data);
        foreach (var row in PreferenceLossGoldenTests.RecordedTypes()) yield return ("Losses", row.Data);
        foreach (var row in TrlRunsTests.RecordedRuns()) yield return ("Preference training", row.Data);
        foreach (var row in TrlSftRunsTests.RecordedRuns()) yield return ("Supervised training", row.Data);
    }

    private static IEnumerable<string> Folders(params string[] path) =>
        Golden.FolderOrNull(path) is { } folder ? Directory.GetDirectories(folder).Select(each => Path.GetFileName(each)) : [];

    private static IEnumerable<string> Files(string pattern, params string[] path) =>
        Golden.FolderOrNull(path) is { } folder ? Directory.GetFiles(folder, pattern).Select(each => Path.GetFileNameWithoutExtension(each)) : [];

    private static IEnumerable<string> Properties(string file, params string[] path) =>
        Golden.FolderOrNull([.. path, file]) is { } json ? Json(json).EnumerateObject().Select(property => property.Name) : [];

    private static IEnumerable<string> Names(string list, string field, params string[] path) =>
        Golden.FolderOrNull(path) is { } json ? Json(json).GetProperty(list).EnumerateArray().Select(entry => entry.GetProperty(field).GetString()!) : [];

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;

    private static string Section(string page, string group)
    {
        var start = page.IndexOf($"## {group}\n", StringComparison.Ordinal);
        if (start < 0) return "";
        var end = page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? page[start..] : page[start..end];
    }
}
