using System.Text.RegularExpressions;
using Microsoft.ML.Drift.Tool.Recipes;
using Microsoft.ML.Drift.Tool.Tests.Commands;

namespace Microsoft.ML.Drift.Tool.Tests;

/// <summary>The page on the command line is true: its examples run, in order, and it names every key of a recipe.</summary>
public sealed partial class DocumentationTests(ModelFixture models) : CommandTest(models)
{
    private static readonly string Root = FindRoot();

    private static string Page => File.ReadAllText(Path.Combine(Root, "docs", "command-line.md"));

    [Fact]
    public async Task Examples_RunInOrder()
    {
        Directory.CreateSymbolicLink(At("samples"), Path.Combine(Root, "samples"));
        var lines = ShellBlock().Matches(Page).SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries)).ToList();
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = Folder;
        try
        {
            foreach (var line in lines) await RunLine(line);
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }

        Assert.Equal(
            ["convert", "detokenize", "evaluate", "generate", "inspect", "logprobs", "render", "report", "run", "sample", "tokenize", "train"],
            lines.Where(line => line.StartsWith("drift ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]).Distinct().Order());
        Assert.Equal(File.ReadAllText(At("texts.jsonl")), File.ReadAllText(At("texts-again.jsonl")));
        Assert.Contains("\"finish_reason\":\"stop\"", File.ReadAllText(At("answers.jsonl")));
        Assert.True(File.Exists(At("run/model.zip")));
        Assert.True(File.Exists(At("report.html")));
    }

    [Fact]
    public void EveryRecipeKey_IsNamed()
    {
        var named = InCode().Matches(Page).Select(match => match.Groups[1].Value).ToHashSet();

        Assert.Equal([], RecipeKeys.Names.Except(named));
    }

    private async Task RunLine(string line)
    {
        if (Echo().Match(line) is { Success: true } echo) Write(echo.Groups[2].Value, echo.Groups[1].Value);
        else if (Head().Match(line) is { Success: true } head) Write(head.Groups[3].Value, [.. File.ReadLines(At(head.Groups[2].Value)).Take(int.Parse(head.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))]);
        else
        {
            Assert.StartsWith("drift ", line);
            await Succeed(line.Split(' ')[1..]);
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Microsoft.ML.Drift.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("Microsoft.ML.Drift.sln is not found above the test's folder.");
    }

    [GeneratedRegex("```sh\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex InCode();

    [GeneratedRegex("^echo '(.*)' > (\\S+)$")]
    private static partial Regex Echo();

    [GeneratedRegex(@"^head -n (\d+) (\S+) > (\S+)$")]
    private static partial Regex Head();
}
