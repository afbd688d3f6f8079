using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Tests.Docs;

/// <summary>The pages say what is there: folders, links, code.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string[] SnippetFiles = ["test/Microsoft.ML.Drift.Tests/Docs/Snippets.cs", "test/Microsoft.ML.Drift.Serving.Tests/Snippets.cs"];

    public static TheoryData<string> Pages =>
        [.. new[] { "README.md" }.Concat(Directory.GetFiles(InCheckout("docs"), "*.md").Select(path => $"docs/{Path.GetFileName(path)}").Order(StringComparer.Ordinal))];

    [Fact]
    public void FolderMap_EveryPlaceItNames_Exists() =>
        Assert.DoesNotContain(MapEntries(), entry => !Path.Exists(InCheckout(entry)));

    [Fact]
    public void FolderMap_FoldersOfTheRepository_AreAllNamed()
    {
        var library = Directory.GetDirectories(InCheckout("src/Microsoft.ML.Drift")).Select(path => $"src/Microsoft.ML.Drift/{Path.GetFileName(path)}/");
        var projects = Directory.GetDirectories(InCheckout("src")).Select(path => $"src/{Path.GetFileName(path)}/").Where(folder => folder != "src/Microsoft.ML.Drift/");
        var folders = library.Concat(projects).Where(folder => HasSource(InCheckout(folder))).Concat(["test/", "samples/", "eng/", "docs/"]);

        Assert.Empty(folders.Except(MapEntries()));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_ToFilesAndHeadings_ArePresent(string page)
    {
        var folder = Path.GetDirectoryName(InCheckout(page))!;

        Assert.DoesNotContain(Link().Matches(File.ReadAllText(InCheckout(page))).Select(match => match.Groups["target"].Value), target => !Leads(folder, page, target));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void CodeBlocks_OfAPage_AreCompiledSnippets(string page)
    {
        var compiled = Snippets().ToHashSet();

        Assert.DoesNotContain(CodeBlocks(page), block => !compiled.Contains(block));
    }

    [Fact]
    public void Snippets_AllOfThem_AreShownOnAPage()
    {
        var shown = Pages.SelectMany(page => CodeBlocks(page.Data)).ToHashSet();

        Assert.DoesNotContain(Snippets(), snippet => !shown.Contains(snippet));
    }

    private static IEnumerable<string> Snippets() =>
        SnippetFiles.SelectMany(file => SnippetRegion().Matches(File.ReadAllText(InCheckout(file)))).Select(match => Unindented(match.Groups["code"].Value));

    private static IEnumerable<string> CodeBlocks(string page) =>
        CodeBlock().Matches(File.ReadAllText(InCheckout(page))).Select(match => Unindented(match.Groups["code"].Value));

    private static List<string> MapEntries() => [.. MapEntry().Matches(File.ReadAllText(InCheckout("docs/architecture.md"))).Select(match => match.Groups["path"].Value)];

    private static bool HasSource(string folder) =>
        Path.GetFileName(folder.TrimEnd('/')) is not ("bin" or "obj") && Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Any();

    private static bool Leads(string folder, string page, string target)
    {
        if (target.StartsWith("https://", StringComparison.Ordinal)) return true;
        var parts = target.Split('#');
        var path = parts[0].Length == 0 ? InCheckout(page) : Path.Combine(folder, parts[0]);
        return Path.Exists(path) && (parts.Length == 1 || Heading().Matches(File.ReadAllText(path)).Any(match => Anchor(match.Groups["text"].Value) == parts[1]));
    }

    // As GitHub makes them: lower case, spaces as hyphens, no punctuation.
    private static string Anchor(string heading) => Punctuation().Replace(heading.Trim().ToLowerInvariant(), "").Replace(' ', '-');

    private static string Unindented(string code)
    {
        var lines = code.Split('\n').Select(line => line.TrimEnd()).ToList();
        var indent = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length > 0 ? line[indent..] : line)).Trim('\n');
    }

    private static string InCheckout(string path) => Path.Combine(Checkout.Root, path);

    [GeneratedRegex(@"^\| `(?<path>[^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex MapEntry();

    [GeneratedRegex(@"(?<!!)\[[^\]\n]*\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ (?<text>.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"^[ ]*// snippet: [\w-]+\n(?<code>.*?)^[ ]*// end snippet$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex SnippetRegion();
}
