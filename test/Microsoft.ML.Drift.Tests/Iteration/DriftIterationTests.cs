using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Generation;
using TorchSharp;

namespace Microsoft.ML.Drift.Tests.Iteration;

public sealed class DriftIterationTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"drift-run-{Guid.NewGuid():N}");
    private readonly MLContext _ml = new(1);
    private readonly CausalLM _policy = TinyPolicy.Create();

    public void Dispose()
    {
        _policy.Dispose();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    // 12 complaints: the first two are held out, ten are trained on, in two steps of at most eight pairs.
    private static readonly IDataView Rows = TinyPolicy.View(TinyPolicy.Complaints(12));

    private static readonly DriftIterationEstimator.Options Options = new()
    {
        NumberOfIterations = 2,
        NumberOfHeldOutRows = 2,
        Sampling = TinyPolicy.Options,
        Training = new DpoTrainer.Options { BatchSize = 8, LearningRate = 1e-3, WarmupRatio = 0 },
    };

    private DriftRun Run(DriftIterationEstimator.Options options, IDataView? rows = null) => _ml.Drift().Trainers.Drift(_policy, options).Run(rows ?? Rows);

    private static byte[] Weights(CausalLM model)
    {
        using var scope = torch.NewDisposeScope();
        return [.. model.Decoder.Tensors.Values.OrderBy(slice => slice.Name, StringComparer.Ordinal).SelectMany(slice => slice.View().contiguous().bytes.ToArray())];
    }

    private static byte[] WeightsOf(DriftRun run)
    {
        using var model = run.Transformer.Model;
        return Weights(model);
    }

    [Fact]
    public void Run_TwoIterations_GivesEachStagesFiguresAndModel()
    {
        var run = Run(Options);

        Assert.Equal(["iter1", "iter2"], run.Stages.Select(stage => stage.Name));
        Assert.All(run.Stages, stage =>
        {
            Assert.Equal(10, stage.TrainingPairs);
            Assert.Equal(2, stage.History.Steps.Count());
            Assert.Equal(2, stage.HeldOut!.Pairs);
        });
        using var first = run.Stages[0].LoadModel();
        using var second = run.Stages[1].LoadModel();
        Assert.NotEqual(Weights(first), Weights(second));
        Assert.Equal(Weights(second), WeightsOf(run));
    }

    [Fact]
    public void Run_EveryStage_StartsWhereItsReferenceIs()
    {
        // The reference moves: at each stage's first step the policy equals it, so that rewards are 0 and the loss is ln 2 + α·NLL.
        var run = Run(Options);

        Assert.All(run.Stages, stage =>
        {
            var first = stage.History.Steps.First().Metrics;
            Assert.Equal(0, first["rewards/margins"]);
            Assert.Equal(Math.Log(2) + 0.001 * first["nll_loss"], first["loss"], 5);
        });
        run.Transformer.Model.Dispose();
    }

    [Fact]
    public void Run_GivenPolicy_StaysAsItIs()
    {
        var before = Weights(_policy);

        WeightsOf(Run(Options with { NumberOfIterations = 1 }));

        Assert.Equal(before, Weights(_policy));
    }

    [Fact]
    public void Run_SameSeed_SameWeights() => Assert.Equal(WeightsOf(Run(Options)), WeightsOf(Run(Options)));

    [Fact]
    public void Run_OtherSamplingSeed_OtherWeights()
    {
        var other = Options with { Sampling = Options.Sampling with { Generation = Options.Sampling.Generation with { Seed = 7 } } };

        Assert.NotEqual(WeightsOf(Run(Options)), WeightsOf(Run(other)));
    }

    [Fact]
    public void Run_WithFolder_LeavesPlainFilesAndGivesTheSameWeights()
    {
        var run = Run(Options with { RunFolder = _folder });

        foreach (var file in new[] { "run.json", "iter1/samples.jsonl", "iter1/pairs.train.jsonl", "iter1/pairs.test.jsonl", "iter1/metrics.jsonl", "iter1/stage.json", "iter2/model/model.safetensors" })
            Assert.True(File.Exists(Path.Combine(_folder, file)), file);
        Assert.Equal(WeightsOf(Run(Options)), WeightsOf(run));
    }

    [Theory]
    [InlineData("iter1", DriftActivity.Sampling)]
    [InlineData("iter1", DriftActivity.Training)]
    [InlineData("iter2", DriftActivity.Sampling)]
    [InlineData("iter2", DriftActivity.Training)]
    [InlineData("iter2", DriftActivity.Evaluating)]
    public void Run_CancelledAndRunAgain_ContinuesToTheSameWeights(string stage, DriftActivity activity)
    {
        using var cancel = new CancellationTokenSource();
        var stop = new Callback<DriftProgress>(progress =>
        {
            if (progress.Stage == stage && progress.Activity == activity) cancel.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Run(Options with { RunFolder = _folder, Progress = stop, CancellationToken = cancel.Token }));

        var continued = Run(Options with { RunFolder = _folder });

        Assert.Equal(WeightsOf(Run(Options)), WeightsOf(continued));
    }

    [Fact]
    public void Run_FinishedFolder_DoesNothingAgain()
    {
        WeightsOf(Run(Options with { RunFolder = _folder }));
        var reports = new List<DriftProgress>();

        var again = Run(Options with { RunFolder = _folder, Progress = new Callback<DriftProgress>(reports.Add) });

        Assert.Empty(reports);
        Assert.Equal(2, again.Stages[1].History.Steps.Count());
        Assert.Equal(10, again.Stages[0].TrainingPairs);
        again.Transformer.Model.Dispose();
    }

    [Fact]
    public void Run_OtherSettingsInTheSameFolder_AreRefusedByName()
    {
        WeightsOf(Run(Options with { NumberOfIterations = 1, RunFolder = _folder }));

        var error = Assert.Throws<InvalidOperationException>(() => Run(Options with { NumberOfIterations = 1, RunFolder = _folder, Training = Options.Training with { Beta = 0.2 } }));

        Assert.Contains("Training.Beta was 0.1 and now is 0.2", error.Message);
    }

    [Fact]
    public void Run_OtherRowsInTheSameFolder_AreRefused()
    {
        WeightsOf(Run(Options with { NumberOfIterations = 1, RunFolder = _folder }));

        var error = Assert.Throws<InvalidOperationException>(() => Run(Options with { NumberOfIterations = 1, RunFolder = _folder }, TinyPolicy.View(TinyPolicy.Complaints(13))));

        Assert.Contains("the data dsat rows has other contents", error.Message);
    }

    [Fact]
    public void Run_SeedPairs_TrainFirstForThreeEpochs()
    {
        var seed = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(row => new SeedPair { Prompt = $"question {row}", Chosen = $"good {row}", Rejected = $"bad {row}" }).ToList());

        var run = Run(Options with { NumberOfIterations = 1, SeedPairs = seed });

        Assert.Equal(["seed", "iter1"], run.Stages.Select(stage => stage.Name));
        Assert.Equal(3, run.Stages[0].History.Steps.Count());
        run.Transformer.Model.Dispose();
    }

    [Fact]
    public void Run_Lora_MovesTheReferenceAndLeavesMergedModels()
    {
        var run = Run(Options with { Training = Options.Training with { Lora = new LoraOptions() } });

        // Policy = reference at the second stage's start too: the first stage's adapter is part of the weights by then.
        Assert.Equal(0, run.Stages[1].History.Steps.First().Metrics["rewards/margins"]);
        Assert.NotEqual(Weights(_policy), WeightsOf(run));
    }

    [Fact]
    public void Run_TrainInPlace_IsRefused() => Assert.Contains(
        "Training.TrainInPlace is set", Assert.Throws<ArgumentException>(() => Run(Options with { Training = Options.Training with { TrainInPlace = true } })).Message);

    [Fact]
    public void Run_BestHeldOutMargin_GivesThatStagesModel()
    {
        var run = Run(Options with { NumberOfIterations = 3, Selection = ModelSelection.BestHeldOutMargin });

        Assert.Equal(run.Stages.MaxBy(stage => stage.HeldOut!.Margin)!.Name, run.Selected.Name);
        using var selected = run.Selected.LoadModel();
        Assert.Equal(Weights(selected), WeightsOf(run));
    }

    [Fact]
    public void Fit_MissingColumn_FailsBeforeAnyWork()
    {
        var reports = new List<DriftProgress>();
        var rows = _ml.Data.LoadFromEnumerable(new[] { new SeedPair { Prompt = "a", Chosen = "b", Rejected = "c" } });

        var error = Assert.ThrowsAny<ArgumentException>(() => Run(Options with { Progress = new Callback<DriftProgress>(reports.Add) }, rows));

        Assert.Contains("Feedback", error.Message);
        Assert.Empty(reports);
    }

    [Fact]
    public void Run_MoreHeldOutRowsThanRows_IsAnError() =>
        Assert.Contains("12 rows and 12", Assert.Throws<ArgumentException>(() => Run(Options with { NumberOfHeldOutRows = 12 })).Message);

    [Fact]
    public void Constructor_SeveralBadOptions_NamesAll()
    {
        var error = Assert.Throws<ArgumentException>(() => _ml.Drift().Trainers.Drift(_policy, new()
        {
            NumberOfIterations = 0, SeedEpochs = 2, Sampling = new() { Iteration = 3 }, Training = new() { Beta = -1 },
        }));

        foreach (var name in new[] { "NumberOfIterations", "SeedEpochs", "Sampling.Iteration", "Beta" }) Assert.Contains(name, error.Message);
    }

    [Fact]
    public void Fit_InAChainWithMlNetTransforms_SavedAndLoaded_GivesTheSameAnswers()
    {
        var chain = _ml.Transforms.FilterByTokenCount("Prompt", _policy, maximum: 60).Append(_ml.Drift().Trainers.Drift(_policy, Options with { NumberOfIterations = 1 }));

        var model = chain.Fit(Rows);
        _ml.Model.Save(model, Rows.Schema, _folder + ".zip");
        var loaded = new MLContext(1).Model.Load(_folder + ".zip", out _);
        File.Delete(_folder + ".zip");

        Assert.Equal(Answers(model), Answers(loaded));
        model.LastTransformer.Model.Dispose();
    }

    private List<string> Answers(ITransformer model) =>
        [.. _ml.Data.CreateEnumerable<Answer>(model.Transform(Rows), reuseRowObject: false, ignoreMissingColumns: true).Select(row => row.Response)];

    private sealed class Callback<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }

    private sealed class SeedPair
    {
        public string Prompt { get; set; } = "";

        public string Chosen { get; set; } = "";

        public string Rejected { get; set; } = "";
    }

    private sealed class Answer
    {
        public string Response { get; set; } = "";
    }

    [Fact]
    public void RunFolder_AfterARun_TellsWhatEveryPairComesFromAndWhatItScored()
    {
        var run = Run(Options with { RunFolder = _folder });
        run.Transformer.Model.Dispose();

        var complaints = Lines("rows.train.jsonl");
        Assert.Equal(10, complaints.Count);
        Assert.All(complaints, row => Assert.True((string?)row["user_preference"]!["content"] is { Length: > 0 }));
        Assert.Equal(2, Lines("rows.test.jsonl").Count);
        foreach (var stage in run.Stages)
        {
            // Every training pair once, named as its complaint; at the stage's first step policy and reference are one.
            var trained = Lines($"{stage.Name}/scores.train.jsonl");
            Assert.Equal(complaints.Select(Id).Order(), trained.Select(Id).Order());
            Assert.All(trained.Take(8), pair => Assert.Equal(0, (double)pair["margin"]!, 6));
            Assert.All(trained, pair => Assert.True((int)pair["tokens/chosen"]! > 0));
            var heldOut = Lines($"{stage.Name}/scores.test.jsonl");
            Assert.Equal(stage.HeldOut!.Margin, heldOut.Average(pair => (double)pair["margin"]!), 10);
            Assert.Equal(stage.HeldOut.DeltaLogProbsChosen, heldOut.Average(pair => (double)pair["logps/chosen"]! - (double)pair["ref_logps/chosen"]!), 10);
            Assert.Equal(10, (int)System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, stage.Name, "tokenization.json")))!["RowsKept"]!);
        }

        static string Id(System.Text.Json.Nodes.JsonNode row) => (string)row["id"]!;
        List<System.Text.Json.Nodes.JsonNode> Lines(string name) => [.. File.ReadLines(Path.Combine(_folder, name)).Select(line => System.Text.Json.Nodes.JsonNode.Parse(line)!)];
    }
}
