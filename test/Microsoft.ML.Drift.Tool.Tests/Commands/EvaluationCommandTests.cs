using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Evaluation.Tests.Judging;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

/// <summary>evaluate and its subcommands, judge.</summary>
public sealed class EvaluationCommandTests(ModelFixture models) : CommandTest(models)
{
    private const string Key = "DRIFT_TEST_JUDGE_KEY";

    [Fact]
    public async Task Responses_AloneAndAgainstABaseline_GiveTheFigures()
    {
        var before = Write("before.jsonl", [.. Answers(10, row => $"same old answer, same old answer, same old answer {row}", "length")]);
        var after = Write("after.jsonl", [.. Answers(10, row => $"answer number {(char)('a' + row)} is a new one{(char)('a' + row)}", "stop").Reverse()]);

        await Succeed("evaluate", "responses", "--input", after, "--embedding-model", Models.Model, "--clusters", "3", "--output", At("alone.json"));
        var outcome = await Succeed("evaluate", "responses", "--input", after, "--baseline", before, "--output", At("both.json"));

        var alone = Read("alone.json")[0];
        Assert.Equal((10, 1, 3), ((int)alone["rows"]!, (double)alone["eos"]!, (int)alone["coverage/clusters"]!));
        Assert.Equal(10, alone["coverage/points"]!.AsArray().Count);
        Assert.NotNull(alone["tokens/mean"]);
        var both = Read("both.json")[0];
        Assert.Equal((0, 1, 10), ((double)both["differences"]!["eos"]!["baseline"]!, (double)both["differences"]!["eos"]!["difference"]!, (int)both["differences"]!["eos"]!["higher"]!));
        Assert.True((double)both["differences"]!["repetition"]!["high"]! < 0);
        Assert.Contains("95 % interval", outcome.Errors);
        Write("dsat.jsonl", DsatRows);
        Write("texts.jsonl", [.. DsatRows.Select(_ => """{"text":"bad answer"}""")]);
        await Succeed("evaluate", "responses", "--input", At("texts.jsonl"), "--rows", At("dsat.jsonl"), "--output", At("joined.json"));
        Assert.Equal((1, 0), ((double)Read("joined.json")[0]["same/rejected"]!, (double)Read("joined.json")[0]["copy/feedback"]!));
        Assert.Contains("6 rows and", await Refused("evaluate", "responses", "--input", after, "--rows", At("dsat.jsonl")));
        Assert.Contains("it must be stop or length", await Refused("evaluate", "responses", "--input", Write("bad.jsonl", """{"text":"a","finish_reason":"eos"}""")));
    }

    [Fact]
    public async Task AlpacaEval_Annotations_GiveWinRates()
    {
        var annotations = Write("a.csv", "preference,len_output,len_baseline", "1.9,30,20", "1.2,10,20", "1.6,25,20");

        await Succeed("evaluate", "alpacaeval", "--input", annotations, "--formula", "Minimal", "--strength", "10", "--output", At("out.json"));

        Assert.Equal(170 / 3.0, (double)Read("out.json")[0]["win_rate"]!, 9);
        Assert.Equal(10, (double)Read("out.json")[0]["regularization_strength"]!);
        Assert.Contains("--strength has no effect", await Refused("evaluate", "alpacaeval", "--input", annotations, "--strength", "10"));
        Assert.Contains("Data is null", await Refused("evaluate", "alpacaeval", "--input", annotations, "--formula", "Full"));
    }

    [Fact]
    public async Task WildBench_ScoresAndComparisons_GiveTheTables()
    {
        var scores = Write("s.csv", "session_id,score,len_output,is_empty,is_truncated", "a,7,100,0,0", "b,1,0,1,0");
        var groups = Write("g.csv", "session_id,task_groups", "a,Creative Tasks|Coding & Debugging");
        var pairs = Write("p.csv", "model,baseline,outcome,len_test,len_baseline,count", "m,x,win,1500,1000,3", "m,x,win,1501,1000,1", "n,x,lose,1,1,9");

        await Succeed("evaluate", "wildbench", "--scores", scores, "--task-groups", groups, "--output", At("score.json"));
        await Succeed("evaluate", "wildbench", "--comparisons", pairs, "--model-name", "m", "--length-margin", "500", "--output", At("reward.json"));

        Assert.Equal((-20, 40 * 1.75 / 4.75), ((double)Read("score.json")[0]["WB_score"]!, (double)Read("score.json")[0]["WB_score.task_macro"]!));
        Assert.Equal(37.5, (double)Read("reward.json")[0]["mixture_of_rewards"]!);
        Assert.Contains("either --scores or --comparisons", await Refused("evaluate", "wildbench"));
    }

    [Fact]
    public async Task Judge_KilledAndStartedAgain_AsksNothingTwice()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, earlier) => earlier == 0 && Random.Shared.Next(4) == 0 ? Fault.RateLimit : Fault.None, _ =>
        {
            Thread.Sleep(40);
            return "p=0.75";
        });
        string[] arguments =
        [
            "judge", "--input", Write("after.jsonl", [.. Answers(120, row => $"new {row}", "stop")]), "--baseline", Write("before.jsonl", [.. Answers(120, row => $"old {row}", "stop")]),
            "--judge-url", endpoint.Address.ToString(), "--judge-model", "judge", "--api-key-env", Key, "--cache", At("cache.jsonl"), "--output", At("annotations.json"), "--concurrency", "4",
        ];
        for (var kill = 0; kill < 3; kill++) await StartAndKill(arguments, replies: 15 * (kill + 1));
        var kept = File.ReadAllText(At("cache.jsonl")).Count(character => character == '\n');
        Assert.InRange(kept, 10, 119);

        Environment.SetEnvironmentVariable(Key, FaultyEndpoint.Key);
        var outcome = await Succeed([.. arguments, "--input-price", "2"]);

        Assert.Equal(120, JsonNode.Parse(File.ReadAllText(At("annotations.json")))!.AsArray().Count(row => row!["preference"] is not null));
        Assert.Equal(120, File.ReadAllLines(At("cache.jsonl")).Distinct().Count());
        Assert.Contains("replies kept from before", outcome.Errors);
        // Only the calls that were under way at one of the three kills, four at most, may have been asked again.
        Assert.InRange(endpoint.Billed.Count, 120, 120 + 3 * 4);
        await Succeed("evaluate", "alpacaeval", "--input", At("annotations.json"), "--output", At("rates.json"));
        Assert.Equal(120, (int)Read("rates.json")[0]["n_total"]!);
    }

    [Fact]
    public async Task Judge_BadChoices_AreRefused()
    {
        var (after, before) = (Write("after.jsonl", [.. Answers(2, row => $"new {row}", "stop")]), Write("before.jsonl", [.. Answers(1, row => $"old {row}", "stop")]));
        string[] files = ["judge", "--output", At("x.json"), "--input", after, "--baseline"];

        Assert.Contains("has 2 rows", await Refused([.. files, before, "--judge", Models.Model]));
        Assert.Contains("Give a judge", await Refused([.. files, after]));
        Assert.Contains("leave out --judge-url", await Refused([.. files, after, "--judge", Models.Model, "--judge-url", "http://x"]));
        Assert.Contains("DRIFT_NO_KEY is not set", await Refused([.. files, after, "--judge-url", "http://x", "--judge-model", "m", "--api-key-env", "DRIFT_NO_KEY"]));
        Assert.Contains("has no \"prompt\"", await Refused("judge", "--output", At("x.json"), "--input", Write("bare.jsonl", """{"text":"a"}"""), "--baseline", At("bare.jsonl"), "--judge", Models.Model));
    }

    private static IEnumerable<string> Answers(int count, Func<int, string> text, string reason) => Enumerable.Range(0, count).Select(row =>
        new JsonObject { ["id"] = $"row{row}", ["prompt"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = $"question {row}" }), ["text"] = text(row), ["finish_reason"] = reason }.ToJsonString());

    /// <summary>Runs the tool in a process of its own until the cache has so many replies, then kills it.</summary>
    private async Task StartAndKill(string[] arguments, int replies)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "drift.dll"), .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment[Key] = FaultyEndpoint.Key;
        using var process = Process.Start(start)!;
        var waited = Stopwatch.StartNew();
        // The tool holds a lock on its cache, so that only its size can be seen; a line has more than 200 bytes.
        while (!process.HasExited && waited.Elapsed < TimeSpan.FromMinutes(2) && Size() < replies * 200) await Task.Delay(10);
        Assert.False(process.HasExited, "the tool ended before it could be killed");
        process.Kill();
        await process.WaitForExitAsync();

        long Size() => File.Exists(At("cache.jsonl")) ? new FileInfo(At("cache.jsonl")).Length : 0;
    }
}
