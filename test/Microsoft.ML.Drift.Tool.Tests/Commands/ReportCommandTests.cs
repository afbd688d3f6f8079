namespace Microsoft.ML.Drift.Tool.Tests.Commands;

public sealed class ReportCommandTests(ModelFixture models) : CommandTest(models)
{
    private static readonly string[] Recipe =
    [
        "learning_rate: 1.0e-3", "lr_scheduler_type: constant", "per_device_train_batch_size: 2", "drift:", "  iterations: 1", "  max_new_tokens: 8", "  temperature: 1.0",
        "  drop_unfinished: false", "  test_rows: 2",
    ];

    private string[] RunCommand(params string[] more) =>
        ["run", "--recipe", Write("recipe.yaml", Recipe), "--dsat", Write("dsat.jsonl", DsatRows), "--model", Models.Model, "--output", At("out"), .. more];

    [Fact]
    public async Task Run_AtItsEnd_LeavesAReportWithAnswersBeforeAndAfter()
    {
        var outcome = await Succeed(RunCommand("--answers", "1"));

        Assert.Contains($"Report: {At("out/report.html")}", outcome.Errors);
        var answer = Assert.Single(Read("out/answers.jsonl"));
        Assert.Equal("row0", (string?)answer["id"]);
        Assert.NotNull((string?)answer["before"]);
        var html = File.ReadAllText(At("out/report.html"));
        Assert.Contains("<h2 id=\"answers-h\">Before and after</h2>", html);
        Assert.Contains("not what I asked", html);
        Assert.Contains("finished</span>", html);
        Assert.Single(Directory.GetFiles(At("out/runs/iter1"), "events.out.tfevents.*"));
    }

    [Fact]
    public async Task Run_NoAnswers_AsksForNone()
    {
        await Succeed(RunCommand("--answers", "0"));

        Assert.False(File.Exists(At("out/answers.jsonl")));
        Assert.Contains("The bad answer and the better one", File.ReadAllText(At("out/report.html")));
        Assert.Contains("--answers is -1", await Refused(RunCommand("--answers", "-1")));
    }

    [Fact]
    public async Task Report_OfATraining_GoesWhereItIsTold()
    {
        await Succeed("train", "--model", Models.Model, "--pairs", Write("pairs.jsonl", PairRows), "--output", At("trained"));

        var outcome = await Succeed("report", At("trained"), "--output", At("pages/training.html"));

        Assert.Contains("<h2 id=\"curves-h\">Training curves</h2>", File.ReadAllText(At("pages/training.html")));
        Assert.Contains("training.html: ", outcome.Errors);
    }

    [Fact]
    public async Task Report_OfAStoppedRun_SaysWhatIsMissing()
    {
        await Succeed(RunCommand("--answers", "0"));
        Directory.Delete(At("out/iter1/model"), recursive: true);

        var outcome = await Succeed("report", At("out"));

        Assert.Contains("0 of 1 iterations are done, iter1 has begun", outcome.Errors);
        Assert.Contains("not finished</span>", File.ReadAllText(At("out/report.html")));
    }

    [Fact]
    public async Task Report_WhatIsNoRun_IsRefused()
    {
        Assert.Contains("no such folder", await Refused("report", At("nowhere")));
        Assert.Contains("neither run.json", await Refused("report", Models.Model));
        Assert.Contains("this is a folder", await Refused("report", Models.Model, "--output", Folder));
    }
}
