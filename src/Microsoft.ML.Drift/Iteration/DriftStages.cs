using System.Diagnostics;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>
/// Runs the stages of one run, each on the model the one before left. A stage that the run folder has finished is not run again: its model is where the next one
/// starts.
/// </summary>
internal sealed class DriftStages(MLContext context, CausalLM policy, DriftIterationEstimator.Options options, DriftRows rows, RunFolder? folder) : IDisposable
{
    private readonly List<DriftStageResult> _results = [];
    private ActivityLog _log = new(context, "Drift");
    private CausalLM? _current;
    private HeldOutPairs? _heldOut;

    public IReadOnlyList<DriftStageResult> Results => _results;

    /// <summary>DPO on the seed pairs.</summary>
    public void RunSeed()
    {
        const string stage = "seed";
        if (Restored(stage)) return;
        _log = LogOf(stage);
        if (folder is not null) KeepSeedPairs(folder.TrainingPairs(stage));
        var training = options.Training with { NumberOfEpochs = options.SeedEpochs ?? DriftIterationEstimator.Defaults.SeedEpochs };
        Finish(stage, rows.Seed!, training, evaluation: null, sampling: [], samplingTime: TimeSpan.Zero);
    }

    /// <summary>Samples chosen answers with the current policy, trains on the pairs, evaluates, keeps the model.</summary>
    public void RunIteration(int number)
    {
        var stage = $"iter{number}";
        if (Restored(stage)) return;
        _log = LogOf(stage);
        var clock = Stopwatch.StartNew();
        var (pairs, summary) = Sample(stage, number, rows.Training, "samples.jsonl", folder?.TrainingPairs(stage));
        if (summary.Pairs == 0)
            throw new InvalidOperationException(
                $"Stage {stage}: none of the {summary.Rows} sampled rows became a pair, so that there is nothing to train on: " +
                $"{string.Join(", ", summary.Lines().Where(line => line.Name.StartsWith("dropped", StringComparison.Ordinal)).Select(line => $"{line.Name} {line.Value}"))}. Loosen Sampling.Filters, or raise MaxNewTokens or MaxPromptLength.");
        var heldOut = rows.HeldOut is null ? null : Sample(stage, number, rows.HeldOut, "samples.test.jsonl", folder?.HeldOutPairs(stage)).Pairs;
        if (heldOut is not null && DataFingerprint.RowCount(heldOut) == 0) heldOut = null;
        Finish(stage, pairs, options.Training, heldOut, summary.Lines(), clock.Elapsed);
    }

    /// <summary>The stage's model as the caller's own; every stage keeps its own model beside it.</summary>
    public CausalLM TakeModel(DriftStageResult stage)
    {
        if (stage != _results[^1]) return stage.LoadModel();
        var last = Current;
        _current = null;
        return last;
    }

    public void Dispose() => _current?.Dispose();

    /// <summary>The policy as the stages so far have trained it: the newest finished stage's model, at first a copy of the given one.</summary>
    private CausalLM Current => _current ??= _results.Count == 0 ? policy.Clone() : _results[^1].LoadModel();

    private (IDataView Pairs, DsatSamplingSummary Summary) Sample(string stage, int number, IDataView input, string journal, string? pairsPath)
    {
        var sampling = options.Sampling with { Iteration = number, JournalPath = folder?.PathOf(stage, journal), OwnsJournal = true };
        var sampler = new DsatPairSampler(context, Current, sampling).Fit(input);
        var pairs = sampler.SampleTelling(
            input, _log,
            new Relay<GenerationProgress>(value => options.Progress?.Report(new DriftProgress(stage, DriftActivity.Sampling, value.FinishedRows, value.TotalRows, value.TokensPerSecond))), options.CancellationToken);
        if (pairsPath is not null) context.Data.SaveAsChatJsonLines(pairs, pairsPath);
        return (pairs, sampler.Summary!);
    }

    private void Finish(
        string stage, IDataView pairs, DpoTrainer.Options training, IDataView? evaluation, IReadOnlyList<(string Name, string Value)> sampling, TimeSpan samplingTime)
    {
        var clock = Stopwatch.StartNew();
        var (history, count) = Train(stage, pairs, training, evaluation);
        var trainingTime = Lap(clock);

        _heldOut ??= evaluation is null ? null : HeldOutPairs.Of(FirstHeldOut(evaluation), policy, options.Training);
        var measured = Measure(stage);
        var evaluationTime = Lap(clock);

        Report(stage, DriftActivity.Saving, 0, 1);
        var result = folder is null ? KeepInMemory(stage) : KeepInFolder(stage);
        _results.Add(result);
        Report(stage, DriftActivity.Saving, 1, 1);

        DriftStageResult KeepInMemory(string name)
        {
            var copy = Current.Clone();
            return new DriftStageResult(name, count, sampling, history, measured, new(samplingTime, trainingTime, evaluationTime, Lap(clock)), copy.Clone);
        }

        DriftStageResult KeepInFolder(string name)
        {
            StageTimes times = null!;
            folder!.Finish(name, place => Current.Save(place), () =>
            {
                times = new StageTimes(samplingTime, trainingTime, evaluationTime, Lap(clock));
                return StageSummary.ToJson(count, sampling, measured, times);
            });
            return new DriftStageResult(name, count, sampling, history, measured, times, () => CausalLM.Load(folder.Model(name)));
        }
    }

    private (TrainingHistory History, int Pairs) Train(string stage, IDataView pairs, DpoTrainer.Options training, IDataView? evaluation)
    {
        var trained = Current;
        var tokenizer = new PairTokenizer(trained, training);
        var (tokens, cuts) = tokenizer.Read(pairs, $"stage {stage}");
        folder?.WriteTokenization(stage, cuts);
        var heldOut = evaluation is null ? [] : tokenizer.Read(evaluation, $"the held-out rows of stage {stage}").Pairs;
        var totalSteps = 0;
        training = training with
        {
            CancellationToken = options.CancellationToken,
            Notices = options.Notices,
            Progress = new Relay<TrainingRecord>(record =>
                options.Progress?.Report(new DriftProgress(stage, DriftActivity.Training, record.Step, totalSteps, record.Metrics.GetValueOrDefault("tokens_per_second"), record))),
            Activity = new Relay<TrainingProgress>(value =>
            {
                // A step's record has told of it.
                if (value.Activity == TrainingActivity.Preparing) options.Progress?.Report(new DriftProgress(stage, DriftActivity.Preparing, value.Done, value.Total));
                if (value.Activity == TrainingActivity.Evaluating) options.Progress?.Report(new DriftProgress(stage, DriftActivity.Evaluating, value.Done, value.Total));
            }),
        };
        training = _log.Watch(training);
        using var scores = folder is null ? null : new StepLog(folder.TrainingScores(stage));
        using var files = folder is null ? null : new TrainingFolder(folder.PathOf(stage), TrainingIdentity.Of(training, trained, null, tokens, heldOut), training, scores);
        if (training.Lora is { } lora) trained.AddAdapter(lora, training.Seed);
        using var run = new PreferenceTraining(trained, null, tokens, heldOut, files is null ? training : training with { Progress = files.Watched })
        {
            BatchScored = (batch, isEvaluation) =>
            {
                if (isEvaluation || scores is null) return;
                foreach (var score in batch.Pairs) scores.Add(PairScore.Of(tokens[score.Row], training.Beta, score).ToLine());
            },
        };
        totalSteps = run.Loop.TotalSteps;
        var history = files?.Run(run.Loop, trained.Decoder) ?? run.Loop.Run(options.CancellationToken);
        // The next stage's reference is this stage's result: with an adapter that is possible only once it is part of the weights.
        if (training.Lora is not null) trained.MergeAdapter();
        return (history, tokens.Count);
    }

    /// <summary>The seed pairs as the stage trains on them; what else the caller's rows hold is left out.</summary>
    private void KeepSeedPairs(string path)
    {
        var columns = rows.Seed!.Schema.Select(column => column.Name).Distinct().Intersect([ChatColumnNames.RowId, ChatColumnNames.Prompt, ChatColumnNames.Chosen, ChatColumnNames.Rejected]);
        context.Data.SaveAsChatJsonLines(context.Transforms.SelectColumns([.. columns]).Fit(rows.Seed).Transform(rows.Seed), path);
    }

    private HeldOutEvaluation? Measure(string stage)
    {
        if (_heldOut is null) return null;
        var scores = _heldOut.Scores(Current, options.CancellationToken, (done, total) => Report(stage, DriftActivity.Evaluating, done, total));
        folder?.WriteHeldOutScores(stage, scores);
        return HeldOutPairs.Summary(scores);
    }

    /// <summary>The held-out pairs of the first iteration, which all iterations are measured on.</summary>
    private IDataView FirstHeldOut(IDataView current) =>
        folder is not null && folder.IsDone("iter1") ? context.Data.LoadFromChatJsonLines(folder.HeldOutPairs("iter1")) : current;

    private bool Restored(string stage)
    {
        if (folder is null || !folder.IsDone(stage)) return false;
        var (pairs, sampling, heldOut, times) = StageSummary.Parse(folder.ReadStage(stage));
        _current?.Dispose();
        _current = null;
        var model = folder.Model(stage);
        _results.Add(new DriftStageResult(stage, pairs, sampling, MetricsFile.Read(folder.Metrics(stage)), heldOut, times, () => CausalLM.Load(model)));
        return true;
    }

    private void Report(string stage, DriftActivity activity, int done, int total)
    {
        _log.Report(activity.ToString(), activity == DriftActivity.Saving ? "model" : "pairs", done, total);
        options.Progress?.Report(new DriftProgress(stage, activity, done, total));
    }

    private ActivityLog LogOf(string stage) => new(context, $"Drift; {stage}");

    private static TimeSpan Lap(Stopwatch clock)
    {
        var elapsed = clock.Elapsed;
        clock.Restart();
        return elapsed;
    }

    private sealed class Relay<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
