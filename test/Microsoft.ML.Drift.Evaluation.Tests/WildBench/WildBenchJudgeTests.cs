using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Evaluation.Tests.Judging;
using Microsoft.ML.Drift.Evaluation.WildBench;

namespace Microsoft.ML.Drift.Evaluation.Tests.WildBench;

public sealed class WildBenchJudgeTests
{
    private static readonly WildBenchExample Session = new("s1", "write code", "my code") { History = "before", Checklist = ["runs", "is short"], BaselineOutput = "their code", TaskGroups = ["Coding & Debugging"] };

    [Fact]
    public async Task Score_Replies_BecomeRows()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => """{"strengths": "a", "weaknesses": "b", "score": "7"}""");

        var rows = await Score(endpoint, new(), Session, Session with { SessionId = "s2", Output = " " });

        Assert.Equal([("s1", 7.0, 7, false), ("s2", 7.0, 0, true)], rows.Select(row => (row.SessionId, row.Score, row.OutputLength, row.IsEmpty)));
        Assert.Equal(["Coding & Debugging"], rows[0].TaskGroups);
        var shown = endpoint.Bodies.Select(body => body["messages"]![0]!["content"]!.GetValue<string>()).Single(text => text.Contains("my code", StringComparison.Ordinal));
        Assert.Contains("before\n", shown);
        Assert.Contains("- runs\n- is short\n", shown);
    }

    [Fact]
    public async Task Score_EmptyOutputNotShown_IsOneWithoutAQuestion()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => """{"score": "7"}""");

        var rows = await Score(endpoint, new() { JudgesEmptyOutputs = false }, Session with { Output = "" });

        Assert.Equal(1, rows.Single().Score);
        Assert.Empty(endpoint.Bodies);
    }

    [Theory]
    [InlineData(ReplyParsing.Strict, 0)]
    [InlineData(ReplyParsing.Lenient, 1)]
    public async Task Score_ReplyWithTrailingComma_DependsOnTheParsing(ReplyParsing parsing, int rows)
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => """{"score": "7",}""");

        Assert.Equal(rows, (await Score(endpoint, new() { Parsing = parsing }, Session)).Count);
    }

    [Fact]
    public async Task Score_MaxWords_CutsAndMarks()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => """{"score": "7"}""");

        var rows = await Score(endpoint, new() { MaxWords = 2 }, Session with { Output = "one two three" });

        Assert.True(rows.Single().IsTruncated);
        Assert.Contains("one two... (truncated)", endpoint.Bodies.Single()["messages"]![0]!["content"]!.GetValue<string>());
    }

    [Fact]
    public async Task Compare_JudgeThatPrefersOurText_WinsInBothOrders()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: question => question.IndexOf("my code", StringComparison.Ordinal) < question.IndexOf("their code", StringComparison.Ordinal) ? """{"choice": "A++"}""" : """{"choice": "B+"}""");

        var rows = await Compare(endpoint, new() { Order = JudgeOrder.Both }, Session);

        Assert.Equal([2, 1], rows.Select(row => row.Outcome));
        Assert.Equal((7, 10, false), (rows[0].OutputLength, rows[0].BaselineLength, rows[0].IsSkipped));
        Assert.Single(await Compare(endpoint, new(), Session));
    }

    [Fact]
    public async Task Compare_EmptySidesNotShown_AreDecided()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync();

        var rows = await Compare(endpoint, new() { JudgesEmptyOutputs = false }, Session with { Output = "" }, Session with { BaselineOutput = " " }, Session with { Output = "", BaselineOutput = "" });

        Assert.Equal([-2, 2, 0], rows.Select(row => row.Outcome));
        Assert.Empty(endpoint.Bodies);
    }

    [Fact]
    public async Task Refusals_NoBaselineOrBadWords_AreErrors()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync();

        Assert.Contains("\"s1\"", (await Assert.ThrowsAsync<ArgumentException>(() => Compare(endpoint, new(), Session with { BaselineOutput = null }))).Message);
        await Assert.ThrowsAsync<ArgumentException>(() => Score(endpoint, new() { MaxWords = 0 }, Session));
    }

    private static async Task<IReadOnlyList<WildBenchScoreRow>> Score(FaultyEndpoint endpoint, WildBenchJudgeOptions options, params WildBenchExample[] examples)
    {
        using var client = JudgeTests.Client(endpoint);
        using var judge = new Judge(client, new() { MaxReasks = 0 });
        return await new WildBenchJudge(judge, options).ScoreAsync(examples);
    }

    private static async Task<IReadOnlyList<WildBenchComparison>> Compare(FaultyEndpoint endpoint, WildBenchJudgeOptions options, params WildBenchExample[] examples)
    {
        using var client = JudgeTests.Client(endpoint);
        using var judge = new Judge(client, new() { MaxReasks = 0 });
        return await new WildBenchJudge(judge, options).CompareAsync(examples);
    }
}
