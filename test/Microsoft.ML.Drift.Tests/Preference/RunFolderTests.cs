using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Persistence;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>A training in a run folder, stopped, damaged and continued. Eight pairs, two a batch, two batches a step, three epochs: six steps.</summary>
public sealed class RunFolderTests : IDisposable
{
    private const int Steps = 6;
    private static readonly string[] WallClock = ["seconds", "tokens_per_second", "peak_memory_bytes", "eval_seconds"];

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"drift-training-{Guid.NewGuid():N}");
    private readonly MLContext _ml = new(seed: 1);
    private readonly CausalLM _policy;
    private readonly List<string> _notices = [];

    public RunFolderTests()
    {
        set_num_threads(1);
        _policy = TinyModel.Create();
    }

    public void Dispose()
    {
        _policy.Dispose();
        foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), Path.GetFileName(_folder) + "*")) Directory.Delete(folder, recursive: true);
    }

    private DpoTrainer.Options Options => new()
    {
        LearningRate = 1e-3, WarmupRatio = 0, BatchSize = 2, GradientAccumulationSteps = 2, NumberOfEpochs = 3, RunFolder = _folder,
        Checkpoints = new() { EverySteps = 1 }, Notices = new Callback<string>(_notices.Add),
    };

    private string Metrics => Path.Combine(_folder, "metrics.jsonl");

    private string Checkpoint(int step) => Path.Combine(_folder, "checkpoints", $"step-{step:D6}");

    public static TheoryData<string> Kinds => ["RmsProp", "AdamW", "BcoPair", "TrlBco", "ReferenceSync", "Lora", "Sft"];

    [Theory, MemberData(nameof(Kinds))]
    public void Run_CancelledAtEveryThirdBatchAndContinued_GivesTheWeightsAndMetricsOfAWholeTraining(string kind)
    {
        var whole = Train(kind, Options with { RunFolder = null, Checkpoints = null });

        // The third batch is now in the middle of a step, now in the middle of an evaluation.
        var processes = 0;
        (IReadOnlyDictionary<string, byte[]> Weights, IReadOnlyList<string> Records)? finished = null;
        while (finished is null)
        {
            Assert.True(++processes < 50);
            using var cancel = new CancellationTokenSource();
            var batches = 0;
            try
            {
                finished = Train(kind, Options with { CancellationToken = cancel.Token }, batch: () =>
                {
                    if (++batches == 3) cancel.Cancel();
                });
            }
            catch (OperationCanceledException)
            {
            }
        }

        Assert.True(processes > Steps / 2);
        Assert.Equal(whole.Weights, finished.Value.Weights);
        Assert.Equal(whole.Records, finished.Value.Records);
        Assert.Equal(whole.Records, Lines(File.ReadLines(Metrics)));
    }

    [Fact]
    public void Fit_FinishedFolder_TrainsNothingAgainAndTellsWhatWasLogged()
    {
        var (weights, records) = Train("RmsProp", Options);
        var before = File.GetLastWriteTimeUtc(Checkpoint(Steps));
        var reported = new List<TrainingRecord>();

        var (again, history) = Train("RmsProp", Options with { Progress = new Callback<TrainingRecord>(reported.Add) });

        Assert.Equal(weights, again);
        Assert.Equal(records, history);
        Assert.Equal(records.Count, reported.Count);
        Assert.Equal(before, File.GetLastWriteTimeUtc(Checkpoint(Steps)));
    }

    [Fact]
    public void Fit_Retention_KeepsTheNewest()
    {
        Train("RmsProp", Options with { Checkpoints = new() { EverySteps = 1, Keep = 3 } });

        Assert.Equal([4, 5, 6], Directory.GetDirectories(Path.Combine(_folder, "checkpoints")).Select(path => int.Parse(path[^6..])).Order());
    }

    [Fact]
    public void Fit_EveryFourSteps_SavesThereAndAtTheEnd()
    {
        Train("RmsProp", Options with { Checkpoints = new() { EverySteps = 4, EveryMinutes = null } });

        Assert.Equal([4, 6], Directory.GetDirectories(Path.Combine(_folder, "checkpoints")).Select(path => int.Parse(path[^6..])).Order());
    }

    [Fact]
    public void Fit_OtherSettingsRowsOrModel_AreRefusedByName()
    {
        StopAfter(2);

        Assert.Contains("Beta was 0.1 and now is 0.3", Assert.Throws<InvalidOperationException>(() => Train("RmsProp", Options with { Beta = 0.3 })).Message);
        Assert.Contains("the data training rows has other contents", Assert.Throws<InvalidOperationException>(() => _ml.Drift().Trainers.Dpo(_policy, Options).Fit(View(Rows(7)))).Message);
        using var other = TinyModel.Create(seed: 9);
        Assert.Contains("the model has other contents", Assert.Throws<InvalidOperationException>(() => _ml.Drift().Trainers.Dpo(other, Options).Fit(View(Rows(8)), View(Rows(2)))).Message);
        Assert.True(Directory.Exists(Checkpoint(2)));
    }

    [Fact]
    public void Fit_Restart_KeepsTheOldFolderUnderAnotherName()
    {
        StopAfter(2);

        Train("RmsProp", Options with { Beta = 0.3, Restart = true });

        var old = Assert.Single(Directory.GetDirectories(Path.GetTempPath(), Path.GetFileName(_folder) + ".2*"));
        Assert.True(Directory.Exists(Path.Combine(old, "checkpoints", "step-000002")));
        Assert.Equal(0.3, (double)JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "run.json")))!["settings"]!["Beta"]!);
        Assert.Contains(_notices, notice => notice.Contains(old, StringComparison.Ordinal));
    }

    [Fact]
    public void Fit_FolderInUse_IsRefusedWithItsOwner()
    {
        Exception? second = null;
        Train("RmsProp", Options, batch: () => second ??= Record.Exception(() => Train("RmsProp", Options)));

        Assert.Contains($"is in use by process {Environment.ProcessId} on {Environment.MachineName}, started ", Assert.IsType<IOException>(second).Message);
        Train("RmsProp", Options);
    }

    [Theory]
    [InlineData("state.safetensors", 0.9)] // an optimizer's number or a weight
    [InlineData("state.safetensors", 0.001)] // the header
    [InlineData("checkpoint.json", 0.5)]
    public void Fit_FlippedBitInTheNewestCheckpoint_FallsBackToTheOneBefore(string file, double place)
    {
        var whole = Train("RmsProp", Options with { RunFolder = null, Checkpoints = null });
        StopAfter(4);
        Flip(Path.Combine(Checkpoint(4), file), place);

        var continued = Train("RmsProp", Options);

        Assert.Equal(whole.Weights, continued.Weights);
        Assert.Equal(whole.Records, continued.Records);
        Assert.Contains(_notices, notice => notice.Contains("step-000004 cannot be used", StringComparison.Ordinal));
        Assert.Contains(_notices, notice => notice.Contains("falls back to the last good state and continues after step 3", StringComparison.Ordinal));
    }

    [Fact]
    public void Fit_EveryCheckpointDamaged_BeginsWithTheReferenceLogProbs_AndWithoutThemAnew()
    {
        var whole = Train("RmsProp", Options with { RunFolder = null, Checkpoints = null });
        StopAfter(4);
        foreach (var step in new[] { 3, 4 }) Flip(Path.Combine(Checkpoint(step), "state.safetensors"), 0.5);
        StopAfter(1);
        Assert.Contains(_notices, notice => notice.Contains("continues from its first step", StringComparison.Ordinal));

        Flip(Path.Combine(Checkpoint(1), "state.safetensors"), 0.5);
        Flip(Path.Combine(_folder, "reference", "state.safetensors"), 0.99);
        var continued = Train("RmsProp", Options);

        Assert.Equal(whole.Weights, continued.Weights);
        Assert.Equal(whole.Records, continued.Records);
        Assert.Contains(_notices, notice => notice.Contains("continues from its start", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("metrics.jsonl")]
    [InlineData("reference")]
    [InlineData("checkpoints")]
    public void Fit_SomethingRemoved_IsMadeAgain(string name)
    {
        var whole = Train("RmsProp", Options with { RunFolder = null, Checkpoints = null });
        StopAfter(4);
        var path = Path.Combine(_folder, name);
        if (File.Exists(path)) File.Delete(path);
        else Directory.Delete(path, recursive: true);

        var continued = Train("RmsProp", Options);

        Assert.Equal(whole.Weights, continued.Weights);
        Assert.Equal(whole.Records, continued.Records);
        Assert.Equal(whole.Records, Lines(File.ReadLines(Metrics)));
    }

    [Fact]
    public void Fit_RunDescriptionRemovedOrChanged_IsRefused()
    {
        StopAfter(2);
        var file = Path.Combine(_folder, "run.json");
        var text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("\"Beta\": 0.1", "\"Beta\": 0.2", StringComparison.Ordinal));
        Assert.Contains($"{file} is damaged", Assert.Throws<InvalidDataException>(() => Train("RmsProp", Options)).Message);
        File.Delete(file);
        Assert.Contains("holds reference but no run.json", Assert.Throws<InvalidDataException>(() => Train("RmsProp", Options)).Message);
        File.WriteAllText(file, text);
        Train("RmsProp", Options);
    }

    [Fact]
    public void Fit_CheckpointOfAnotherTraining_IsRefused()
    {
        StopAfter(2);
        var taken = Path.Combine(_folder, "taken");
        Directory.Move(Checkpoint(2), taken);
        Directory.Delete(Path.Combine(_folder, "checkpoints"), recursive: true);
        Directory.Delete(Path.Combine(_folder, "reference"), recursive: true);
        File.Delete(Path.Combine(_folder, "run.json"));
        StopAfter(1, Options with { Beta = 0.2 });
        Directory.Move(taken, Checkpoint(2));
        File.Delete(Path.Combine(_folder, "metrics.jsonl"));

        Assert.Contains("belongs to another training", Assert.Throws<InvalidOperationException>(() => Train("RmsProp", Options with { Beta = 0.2 })).Message);
    }

    [Fact]
    public void Fit_KilledInTheReferencePass_GoesOnWithTheFirstMissingBatch()
    {
        var whole = Train("RmsProp", Options);
        var pass = Path.Combine(_folder, "reference.part.jsonl");
        Assert.False(File.Exists(pass));
        var key = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "reference", "checkpoint.json")))!["training"]!.ToString();
        foreach (var made in new[] { "reference", "checkpoints" }) Directory.Delete(Path.Combine(_folder, made), recursive: true);
        File.Delete(Metrics);
        // What a killed process leaves: a batch that says something the model would never say, so that its use shows, and half a line.
        using (var journal = new ReferenceJournal(pass, key))
        {
            journal.Agree(-1);
            journal.Add("evaluation", [0], [new(new(-1, -2), new(-3, -4))]);
        }
        File.AppendAllText(pass, "{\"Set\":\"training\",\"Rows\":[1");

        var continued = Train("RmsProp", Options);

        Assert.Equal(whole.Weights, continued.Weights);
        var evaluation = continued.Records.Zip(whole.Records).First(pair => pair.First.Contains("eval_loss", StringComparison.Ordinal));
        Assert.NotEqual(evaluation.Second, evaluation.First);
        Assert.False(File.Exists(pass));
    }

    [Fact]
    public void ReferenceJournal_OfAnotherTraining_IsNotUsed()
    {
        var file = Path.Combine(Directory.CreateDirectory(_folder).FullName, "part.jsonl");
        using (var journal = new ReferenceJournal(file, "one"))
        {
            Assert.Equal(1000, journal.Agree(1000));
            journal.Add("training", [0, 1], [new(new(-1, -2), new(-3, -4)), new(new(-1.1f, -2), new(-3, -4))]);
        }

        using (var same = new ReferenceJournal(file, "one"))
        {
            Assert.Equal(1000, same.Agree(5));
            Assert.Equal(-1.1f, same.Find("training", [1, 0])![0].Reference.Chosen);
            Assert.Null(same.Find("training", [0, 2]));
            Assert.Null(same.Find("evaluation", [0]));
        }
        using var other = new ReferenceJournal(file, "two");
        Assert.Null(other.Find("training", [0]));
    }

    [Fact]
    public void Fit_Diverged_NamesStepRowsAndLastCheckpoint()
    {
        var error = Assert.Throws<TrainingDivergedException>(() => Train("RmsProp", Options with { LearningRate = 1e30, MaximumGradientNorm = null }));

        Assert.True(error.Step > 1);
        Assert.Equal(Checkpoint(error.Step - 1), error.LastCheckpoint);
        Assert.Contains($"The last good checkpoint is {error.LastCheckpoint}", error.Message);
        Assert.NotEmpty(error.RowIds);
    }

    [Fact]
    public void Fit_SkipNonFiniteSteps_CountsThemAndLeavesTheWeightsAlone()
    {
        // Rate 0 in the first step only makes the weights explode once and for all: every later step is skipped.
        var trainer = _ml.Drift().Trainers.Dpo(_policy, Options with { RunFolder = null, Checkpoints = null, LearningRate = 1e30, MaximumGradientNorm = null, SkipNonFiniteSteps = true });
        using var model = trainer.Fit(View(Rows(8))).Model;

        var steps = trainer.History!.Steps.ToList();
        Assert.Equal(Steps, steps.Count);
        Assert.False(steps[0].Metrics.ContainsKey("skipped_steps"));
        Assert.Equal(Enumerable.Range(1, Steps - 1).Select(count => (double)count), steps.Skip(1).Select(step => step.Metrics["skipped_steps"]));
        Assert.All(steps.Skip(1), step => Assert.False(double.IsFinite(step.Metrics["loss"]) && double.IsFinite(step.Metrics["grad_norm"])));
    }

    [Fact]
    public void Constructor_OptionsWithoutAFolder_AreRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => _ml.Drift().Trainers.Dpo(_policy, Options with { RunFolder = null, Restart = true, SkipNonFiniteSteps = true, TrlCompatibility = new() }));

        foreach (var part in new[] { "Restart is set, but there is no RunFolder", "Checkpoints is set, but there is no RunFolder", "SkipNonFiniteSteps is set, but TrlCompatibility" }) Assert.Contains(part, error.Message);
        Assert.Contains("EverySteps is 0", Assert.Throws<ArgumentException>(() => _ml.Drift().Trainers.Dpo(_policy, Options with { Checkpoints = new() { EverySteps = 0, EveryMinutes = -1, Keep = 0 } })).Message);
    }

    /// <summary>Trains as the trainers do, and gives the weights and the metrics without times.</summary>
    private (IReadOnlyDictionary<string, byte[]> Weights, IReadOnlyList<string> Records) Train(string kind, DpoTrainer.Options options, Action? batch = null)
    {
        options = options with { EvaluationBatchSize = 1 };
        options = kind switch
        {
            "AdamW" => options with { Optimizer = OptimizerType.AdamW, WeightDecay = 0.1 },
            "BcoPair" => options with { Loss = PreferenceLossType.BcoPair },
            "TrlBco" => options with { Loss = PreferenceLossType.BcoPair, TrlCompatibility = new() { PrecomputedReference = true } },
            "ReferenceSync" => options with { ReferenceSync = new() { Steps = 2 } },
            "Lora" => options with { Lora = new() },
            _ => options,
        };
        using var trained = _policy.Clone();
        if (kind == "Sft") return TrainSft(trained, options, batch);
        var tokenizer = new PairTokenizer(trained, options);
        var (training, heldOut) = (tokenizer.Read(View(Rows(8)), "").Pairs, tokenizer.Read(View(Rows(2)), "").Pairs);
        using var folder = TrainingFolder.Open(options, () => TrainingIdentity.Of(options, _policy, null, training, heldOut));
        if (options.Lora is { } lora) trained.AddAdapter(lora, options.Seed);
        using var stage = new PreferenceTraining(trained, null, training, heldOut, folder is null ? options : options with { Progress = folder.Watched }) { BatchScored = (_, _) => batch?.Invoke() };
        var history = folder?.Run(stage.Loop, trained.Decoder) ?? stage.Loop.Run(options.CancellationToken);
        return (WeightsOf(trained), Lines(history));
    }

    private (IReadOnlyDictionary<string, byte[]> Weights, IReadOnlyList<string> Records) TrainSft(CausalLM trained, DpoTrainer.Options like, Action? batch)
    {
        var options = new SftTrainer.Options
        {
            LearningRate = 1e-3, BatchSize = 2, GradientAccumulationSteps = 2, NumberOfEpochs = 3, RunFolder = like.RunFolder, Checkpoints = like.Checkpoints,
            CancellationToken = like.CancellationToken, Notices = like.Notices,
        };
        var (training, heldOut) = (SftTokens.Read(trained, options, Completions(8), "").Rows, SftTokens.Read(trained, options, Completions(2), "").Rows);
        using var folder = TrainingFolder.Open(options, () => TrainingIdentity.Of(options, _policy, training, heldOut));
        using var stage = new SftTraining(trained, training, heldOut, folder is null ? options : options with { Progress = folder.Watched }) { BatchScored = (_, _) => batch?.Invoke() };
        var history = folder?.Run(stage.Loop, trained.Decoder) ?? stage.Loop.Run(options.CancellationToken);
        return (WeightsOf(trained), Lines(history));
    }

    private void StopAfter(int step, DpoTrainer.Options? options = null)
    {
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => _ml.Drift().Trainers.Dpo(_policy, (options ?? Options) with
        {
            EvaluationBatchSize = 1,
            CancellationToken = cancel.Token,
            Progress = new Callback<TrainingRecord>(record =>
            {
                if (record.Step == step) cancel.Cancel();
            }),
        }).Fit(View(Rows(8)), View(Rows(2))));
        Assert.True(Directory.Exists(Checkpoint(step)));
    }

    private static SortedDictionary<string, byte[]> WeightsOf(CausalLM model)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var weights = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var slice in model.Decoder.Tensors.Values.Concat(model.Decoder.TrainableTensors).DistinctBy(slice => slice.Name)) weights.Add(slice.Name, slice.View().contiguous().bytes.ToArray());
        return weights;
    }

    private List<string> Lines(TrainingHistory history)
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Path.GetFileName(_folder)}-history.jsonl");
        using (var metrics = new MetricsFile(file))
            foreach (var record in history.Records) metrics.Report(record);
        var lines = Lines(File.ReadLines(file));
        File.Delete(file);
        return lines;
    }

    private static List<string> Lines(IEnumerable<string> lines) => [.. lines.Select(line =>
    {
        var record = JsonNode.Parse(line)!.AsObject();
        foreach (var name in WallClock) record.Remove(name);
        return record.ToJsonString();
    })];

    private static void Flip(string file, double place)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[(int)(place * bytes.Length)] ^= 4;
        File.WriteAllBytes(file, bytes);
    }

    private IDataView View(IEnumerable<Row> rows) => _ml.Data.LoadFromEnumerable(rows.ToList());

    private IDataView Completions(int count) => _ml.Data.LoadFromEnumerable(Rows(count).Select(row => new { row.RowId, row.Prompt, Completion = row.Chosen }).ToList());

    private static IEnumerable<Row> Rows(int count) =>
        Enumerable.Range(0, count).Select(row => new Row($"row {row}", $"question {(char)('a' + row)}", new string((char)('b' + row), 2 + row % 3), new string((char)('k' + row), 1 + row % 4)));

    private sealed record Row(string RowId, string Prompt, string Chosen, string Rejected);

    private sealed class Callback<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
