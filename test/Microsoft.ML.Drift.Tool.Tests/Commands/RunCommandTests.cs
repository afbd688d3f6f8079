using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

public sealed class RunCommandTests(ModelFixture models) : CommandTest(models)
{
    private static readonly string[] Recipe =
    [
        "learning_rate: 1.0e-3", "lr_scheduler_type: constant", "per_device_train_batch_size: 2", "drift:", "  iterations: 2", "  max_new_tokens: 8", "  temperature: 1.0",
        "  drop_unfinished: false", "  test_rows: 2",
    ];

    private string[] Command(string output, params string[] more) =>
        ["run", "--recipe", Write("recipe.yaml", Recipe), "--dsat", Write("dsat.jsonl", DsatRows), "--model", Models.Model, "--output", At(output), .. more];

    private static string[] Set(params string[] settings) => [.. settings.SelectMany(setting => new[] { "--set", setting })];

    [Fact]
    public async Task Run_TwoIterations_LeavesEveryStageAndTheSelectedModel_AndTellsWhereTimeWent()
    {
        var outcome = await Succeed(Command("out"));

        foreach (var name in new[] { "run.json", "model.zip", "model/config.json", "iter1/model/config.json", "iter2/model/config.json", "iter1/pairs.train.jsonl", "iter2/metrics.jsonl" })
            Assert.True(File.Exists(At($"out/{name}")), name);
        Assert.Equal(File.ReadAllBytes(At("out/iter2/model/model.safetensors")), File.ReadAllBytes(At("out/model/model.safetensors")));
        Assert.NotEqual(File.ReadAllBytes(At("out/iter1/model/model.safetensors")), File.ReadAllBytes(At("out/iter2/model/model.safetensors")));
        Assert.Contains("stage  pairs  dropped", outcome.Errors);
        Assert.Contains("\niter2", outcome.Errors);
        Assert.Contains("peak memory", outcome.Errors);
        Assert.Contains("Selected: iter2", outcome.Errors);
    }

    [Fact]
    public async Task Run_Again_ContinuesWithoutDoingAnythingTwice()
    {
        await Succeed(Command("out"));
        Directory.Delete(At("out/iter2/model"), recursive: true);
        var samples = File.ReadAllText(At("out/iter2/samples.jsonl"));
        var model = File.ReadAllBytes(At("out/model/model.safetensors"));
        var first = File.GetLastWriteTimeUtc(At("out/iter1/metrics.jsonl"));

        await Succeed(Command("out"));

        Assert.Equal(first, File.GetLastWriteTimeUtc(At("out/iter1/metrics.jsonl")));
        Assert.Equal(samples, File.ReadAllText(At("out/iter2/samples.jsonl")));
        Assert.Equal(model, File.ReadAllBytes(At("out/model/model.safetensors")));
    }

    [Fact]
    public async Task Run_OtherSettingsInTheSameFolder_AreRefusedByName()
    {
        await Succeed(Command("out", Set("drift.iterations=1")));

        Assert.Contains("Beta was 0.1 and now is 0.3", await Refused(Command("out", Set("drift.iterations=1", "beta=0.3"))));
    }

    [Fact]
    public async Task Run_SeedPairs_AreAStageOfTheirOwn()
    {
        var outcome = await Succeed(Command("out", ["--seed-pairs", Write("seed.jsonl", PairRows), .. Set("drift.iterations=1", "drift.seed_epochs=2")]));

        // Four pairs, two a step, two epochs.
        Assert.Equal(4, Read("out/seed/metrics.jsonl").Length);
        Assert.Contains("\nseed", outcome.Errors);
    }

    [Fact]
    public async Task Run_EvalDsat_TrainsOnAllRows_AndSaysThatTestRowsHasNoEffect()
    {
        var outcome = await Succeed(Command("out", ["--eval-dsat", Write("held.jsonl", DsatRows[..2]), .. Set("drift.iterations=1")]));

        // With two of the six rows held out there would be four at most.
        Assert.InRange((int)JsonNode.Parse(File.ReadAllText(At("out/iter1/stage.json")))!["training_pairs"]!, 5, 6);
        Assert.Contains("drift.test_rows: --eval-dsat names the held-out rows", outcome.Errors);
    }

    [Fact]
    public async Task Run_SelectBest_SelectsTheLargestHeldOutMargin()
    {
        var outcome = await Succeed(Command("out", Set("drift.select=best")));

        var best = new[] { "iter1", "iter2" }.MaxBy(stage => (double)JsonNode.Parse(File.ReadAllText(At($"out/{stage}/stage.json")))!["held_out"]!["Margin"]!);
        Assert.Contains($"Selected: {best}", outcome.Errors);
        Assert.Equal(File.ReadAllBytes(At($"out/{best}/model/model.safetensors")), File.ReadAllBytes(At("out/model/model.safetensors")));
    }

    // What the sampler did with the key stands in the run's own description.
    [Theory]
    [InlineData("drift.mode=unguided", "\"Mode\": \"Unguided\"")]
    [InlineData("drift.instruction=Do better.", "\"Instruction\": \"Do better.\"")]
    [InlineData("drift.temperature=0.5", "\"Temperature\": 0.5")]
    [InlineData("drift.top_p=0.8", "\"TopP\": 0.8")]
    [InlineData("drift.top_k=7", "\"TopK\": 7")]
    [InlineData("drift.min_p=0.05", "\"MinP\": 0.05")]
    [InlineData("drift.repetition_penalty=1.2", "\"RepetitionPenalty\": 1.2")]
    [InlineData("drift.max_new_tokens=5", "\"MaxNewTokens\": 5")]
    [InlineData("drift.max_prompt_tokens=400", "\"MaxPromptLength\": 400")]
    [InlineData("drift.retries=2", "\"MaxRetries\": 2")]
    [InlineData("drift.near_copy_threshold=0.5", "\"NearCopyThreshold\": 0.5")]
    [InlineData("drift.near_copy_threshold=0", "\"NearCopyThreshold\": null")]
    [InlineData("drift.test_rows=3", "\"NumberOfHeldOutRows\": 3")]
    [InlineData("drift.select=best", "\"Selection\": \"BestHeldOutMargin\"")]
    [InlineData("drift.shuffle=false", "\"Shuffle\": false")]
    [InlineData("seed=7", "\"Seed\": 7")]
    public async Task Run_Key_ReachesTheRun(string setting, string recorded)
    {
        await Succeed(Command("out", Set("drift.iterations=1", setting)));

        Assert.Contains(recorded, File.ReadAllText(At("out/run.json")));
    }

    [Fact]
    public async Task Run_WeightsInEightBits_SamplesWithThemOrNamesTheKey()
    {
        var command = Command("out", Set("drift.iterations=1", "drift.weights=q8_0"));
        if (!Avx512F.IsSupported)
        {
            Assert.Contains("Weights is the key drift.weights", await Refused(command));
            return;
        }
        await Succeed(command);
        Assert.Contains("\"Weights\": \"Q8_0\"", File.ReadAllText(At("out/run.json")));
        Assert.Contains("\"weights\":\"Q8_0\"", File.ReadLines(At("out/iter1/samples.jsonl")).First());
        Assert.Contains("Weights was \"Q8_0\" and now is \"Float32\"", (await Run(Command("out", Set("drift.iterations=1")))).Errors);
    }

    [Fact]
    public async Task Run_TooManyTestRows_SaysHowManyThereAre() =>
        Assert.Contains("There are 6 rows and 100 are to be held out", await Refused(Command("out", Set("drift.test_rows=100"))));

    [Fact]
    public async Task Run_NoRowBecomesAPair_SaysWhy() =>
        Assert.Contains("dropped: answer cut at the limit 4", await Refused(Command("out", Set("drift.drop_unfinished=true", "drift.max_new_tokens=1"))));

    [Fact]
    public async Task Run_UnknownKey_NamesTheNearest() => Assert.Contains("did you mean 'drift.iterations'", await Refused(Command("out", Set("drift.iteration=1"))));

    [Fact]
    public async Task Run_OwnRecipes_AreRead()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var recipe = Path.Combine(folder.FullName, "samples", "recipes", "iteration.yaml");
            if (!File.Exists(recipe)) continue;
            await Succeed("run", "--recipe", recipe, "--dsat", Write("dsat.jsonl", DsatRows), "--model", Models.Model, "--output", At("out"),
                "--set", "drift.iterations=1", "--set", "drift.test_rows=1", "--set", "drift.max_new_tokens=6", "--set", "drift.drop_unfinished=false");
            return;
        }
        Assert.Fail("samples/recipes/iteration.yaml is not found above the test's folder.");
    }
}
