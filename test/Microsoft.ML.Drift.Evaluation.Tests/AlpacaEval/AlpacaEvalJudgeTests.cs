using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Evaluation.Tests.Judging;

namespace Microsoft.ML.Drift.Evaluation.Tests.AlpacaEval;

public sealed class AlpacaEvalJudgeTests
{
    private static readonly AlpacaEvalExample[] Examples = [new("hello", "base one", "model one"), new("2", "base two", "model two"), new("1", "same", "same")];

    // A judge that likes what it is shown first with 0.75, whatever that is. CPython shows the model's output first for "2", the baseline's for "hello".
    private static readonly AlpacaEvalJudgeOptions Plain = new() { Template = new("t", "judge", "{$instruction}|{$output_1}|{$output_2}"), BaselineName = "b", ModelName = "n" };

    [Fact]
    public async Task Annotate_ByQuestion_FollowsAlpacaEvalsOrder()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => "p=0.75");
        var rows = await Annotate(endpoint, Plain);

        Assert.Equal([1.25, 1.75, 1.5], rows.Select(row => Math.Round(row.Preference, 12)));
        Assert.Equal(["hello|base one|model one", "2|model two|base two"], endpoint.Bodies.Select(body => body["messages"]![1]!["content"]!.GetValue<string>()).OrderDescending());
        Assert.Equal(("b", "n", "t", 8, 9), (rows[0].Generator1, rows[0].Generator2, rows[0].Annotator, rows[0].BaselineLength, rows[0].OutputLength));
        Assert.Equal(50, AlpacaEvalMetrics.Compute(rows).WinRate, 1e-9);
    }

    [Fact]
    public async Task Annotate_Both_AJudgeThatLooksAtPlacesAlone_IsATie()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => "p=0.9");

        var rows = await Annotate(endpoint, Plain with { Order = JudgeOrder.Both });

        Assert.All(rows, row => Assert.Equal(1.5, row.Preference, 1e-12));
        Assert.Equal(4, endpoint.Bodies.Count);
    }

    [Fact]
    public async Task Annotate_NoLogProbs_TakesTheLetter()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => " M\n");

        Assert.Equal([2.0, 1.0, 1.5], (await Annotate(endpoint, Plain)).Select(row => row.Preference));
    }

    [Fact]
    public async Task Annotate_UnreadableReply_HasNoPreference()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => "both are fine");

        var rows = await Annotate(endpoint, Plain with { Order = JudgeOrder.Both });

        Assert.Equal([true, true, false], rows.Select(row => double.IsNaN(row.Preference)));
    }

    [Fact]
    public async Task Annotate_DefaultTemplate_ShowsEverythingOnce()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => "m");

        await Annotate(endpoint, new());

        var shown = endpoint.Bodies.Select(body => body["messages"]![1]!["content"]!.GetValue<string>()).Single(text => text.Contains("base one", StringComparison.Ordinal));
        Assert.Contains("hello", shown);
        Assert.Contains("<answer model=\"M\">\nmodel one\n</answer>", shown);
    }

    private static async Task<IReadOnlyList<AlpacaEvalAnnotation>> Annotate(FaultyEndpoint endpoint, AlpacaEvalJudgeOptions options)
    {
        using var client = JudgeTests.Client(endpoint);
        using var judge = new Judge(client, new() { MaxReasks = 1 });
        return await new AlpacaEvalJudge(judge, options).AnnotateAsync(Examples);
    }
}
