using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Evaluation.Tests.Judging;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

public sealed class JudgeWildBenchCommandTests(ModelFixture models) : CommandTest(models)
{
    private const string Key = "DRIFT_TEST_WILDBENCH_KEY";

    private readonly string[] _sessions =
    [
        .. Enumerable.Range(0, 4).Select(row => $$"""
            {"id":"s{{row}}","prompt":[{"role":"user","content":"hello"},{"role":"assistant","content":"yes?"},{"role":"user","content":"question {{row}}"}],"checklist":["Is {{row}} named?"],"primary_tag":"Math"}
            """),
    ];

    [Fact]
    public async Task Score_Answers_BecomeFiguresOfEvaluateWildBench()
    {
        // A judge that gives 8 to good answers, 5 to others, and nothing readable to the last one.
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: question => question.Contains("answer 3", StringComparison.Ordinal) ? "no idea" : $$"""{"strengths": "", "weaknesses": "", "score": "{{(question.Contains("good answer", StringComparison.Ordinal) ? 8 : 5)}}"}""");
        var answers = Write("after.jsonl", [.. Enumerable.Range(0, 4).Reverse().Select(row => $$"""{"id":"s{{row}}","text":"{{(row < 2 ? "good" : "poor")}} answer {{row}}"}""")]);
        string[] command = ["judge", "wildbench", "--input", answers, "--sessions", Write("sessions.jsonl", _sessions), .. Judge(endpoint), "--cache", At("cache.jsonl"), "--output", At("scores.json")];

        var outcome = await Succeed(command);
        await Succeed("evaluate", "wildbench", "--scores", At("scores.json"), "--output", At("figures.json"));

        Assert.Matches(@"answers judged\s+3\b", outcome.Errors);
        Assert.Matches(@"without a readable judgement\s+1\b", outcome.Errors);
        // Three sessions in their own order, though the answers came in another: 8, 8, 5, whose mean is 7; (7 − 5) · 2 · 10.
        Assert.Equal([("s0", 8.0), ("s1", 8.0), ("s2", 5.0)], Judged("scores.json").Select(row => ((string)row["session_id"]!, (double)row["score"]!)));
        Assert.Equal((3, 40.0), ((int)Read("figures.json")[0]["total"]!, Math.Round((double)Read("figures.json")[0]["WB_score"]!, 9)));
        Assert.Equal(40, Math.Round((double)Read("figures.json")[0]["task/Math & Data Analysis"]!, 9));
        var asked = endpoint.Bodies.Select(body => body["messages"]![0]!["content"]!.GetValue<string>()).First(text => text.Contains("answer 1", StringComparison.Ordinal));
        foreach (var part in new[] { "USER: hello\n\nASSISTANT: yes?", "question 1", "- Is 1 named?" }) Assert.Contains(part, asked);

        var before = endpoint.Bodies.Count;
        await Succeed(command);
        Assert.All(endpoint.Bodies.Skip(before), body => Assert.Contains("answer 3", body["messages"]![0]!["content"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Compare_TwoBaselinesInBothOrders_BecomeRewards()
    {
        // A judge that thinks "good" much better than "poor", and whatever stands first slightly better than its equal.
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: question =>
        {
            var (good, poor) = (question.IndexOf("good answer", StringComparison.Ordinal), question.IndexOf("poor answer", StringComparison.Ordinal));
            return good < 0 || poor < 0 ? """{"choice": "A+"}""" : good < poor ? """{"choice": "A++"}""" : """{"choice": "B++"}""";
        });
        string Answers(string name, string word) => Write(name, [.. _sessions.Select(_ => $$"""{"text":"a {{word}} answer"}""")]);

        await Succeed(["judge", "wildbench", "--input", Answers("after.jsonl", "good"), "--sessions", Write("sessions.jsonl", _sessions), "--baseline", Answers("weak.jsonl", "poor"),
            "--baseline", $"equal={Answers("x.jsonl", "good")}", .. Judge(endpoint), "--order", "Both", "--output", At("comparisons.json")]);
        await Succeed("evaluate", "wildbench", "--comparisons", At("comparisons.json"), "--output", At("figures.json"));

        var figures = Read("figures.json")[0];
        Assert.Equal((100.0, 0.0), ((double)figures["reward/weak"]!, (double)figures["reward/equal"]!));
        Assert.Equal((8, 8), ((int)figures["total/weak"]!, (int)figures["total/equal"]!));
        Assert.Equal(4, Judged("comparisons.json").Count(row => (string)row["baseline"]! == "equal" && (string)row["outcome"]! == "win"));
    }

    [Fact]
    public async Task Score_TemplateMaxWordsAndParsing_ChangeWhatIsAskedAndRead()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => """{"score": "7",}""");
        var template = Path.Combine(Folder, "own.md");
        File.WriteAllText(template, "Rate: {$history}|{$user_query}|{$checklist}|{$model_output}");
        string[] command = ["judge", "wildbench", "--input", Write("after.jsonl", """{"text":"one two three"}"""), "--sessions", Write("sessions.jsonl", """{"id":"a","prompt":"q"}"""), .. Judge(endpoint), "--output", At("scores.json"),
            "--template", template, "--max-words", "2"];

        await Succeed(command);
        Assert.Equal("Rate: |q||one two... (truncated)", endpoint.Bodies.Single()["messages"]![0]!["content"]!.GetValue<string>());
        Assert.True((bool)Judged("scores.json").Single()["is_truncated"]!);
        // The trailing comma is no JSON.
        Assert.Equal(ExitCodes.Failed, (await Run([.. command, "--parsing", "Strict"])).ExitCode);
        Assert.Empty(Judged("scores.json"));
        File.WriteAllText(template, "Rate: {$model_output}");
        Assert.Contains("has no place {$history}, {$user_query}, {$checklist}", await Refused(command));
    }

    [Fact]
    public async Task Score_EmptyAnswersSkipped_ScoreOneWithoutAQuestion()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => """{"score": "7"}""");

        await Succeed(["judge", "wildbench", "--input", Write("after.jsonl", """{"text":" "}"""), "--sessions", Write("sessions.jsonl", _sessions[0]), .. Judge(endpoint), "--skip-empty", "--output", At("scores.json")]);

        Assert.Equal(1, (double)Judged("scores.json").Single()["score"]!);
        Assert.Empty(endpoint.Bodies);
    }

    [Fact]
    public async Task BadChoices_AreRefused()
    {
        var (answers, sessions) = (Write("after.jsonl", """{"text":"a"}"""), Write("sessions.jsonl", _sessions));
        string[] files = ["judge", "wildbench", "--input", answers, "--sessions", sessions, "--judge", Models.Model, "--output"];

        Assert.Contains("must end in .json", await Refused([.. files, At("x.jsonl")]));
        Assert.Contains("has 1 answers to 4 sessions", await Refused([.. files, At("x.json")]));
        var named = Write("named.jsonl", """{"id":"s9","text":"a"}""");
        Assert.Contains("no answer to the session \"s0\"", await Refused("judge", "wildbench", "--input", named, "--sessions", sessions, "--judge", Models.Model, "--output", At("x.json")));
        var whole = Write("whole.jsonl", [.. _sessions.Select(_ => """{"text":"a"}""")]);
        string[] good = ["judge", "wildbench", "--input", whole, "--sessions", sessions, "--judge", Models.Model, "--output", At("x.json")];
        Assert.Contains("--order has no effect without --baseline", await Refused([.. good, "--order", "Both"]));
        Assert.Contains("two baselines \"whole\"", await Refused([.. good, "--baseline", whole, "--baseline", whole]));
        Assert.Contains("--max-reply-tokens is 0", await Refused([.. good, "--max-reply-tokens", "0"]));
        Assert.Contains("there is no such file", await Refused([.. good, "--template", At("none.md")]));
    }

    private static string[] Judge(FaultyEndpoint endpoint)
    {
        Environment.SetEnvironmentVariable(Key, FaultyEndpoint.Key);
        return ["--judge-url", endpoint.Address.ToString(), "--judge-model", "judge", "--api-key-env", Key];
    }

    private JsonNode[] Judged(string name) => [.. JsonNode.Parse(File.ReadAllText(At(name)))!.AsArray().Select(row => row!)];
}
