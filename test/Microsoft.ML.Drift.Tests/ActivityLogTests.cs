using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Generation;
using Microsoft.ML.Drift.Tests.Persistence;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;
using TinyModel = Microsoft.ML.Drift.Tests.Persistence.TinyModel;

namespace Microsoft.ML.Drift.Tests;

/// <summary>Components that are used alone tell the context's log and their listeners what they do, as the whole loop does.</summary>
public sealed class ActivityLogTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly CausalLM _policy;
    private readonly List<(ChannelMessageKind Kind, string Source, string Text)> _log = [];
    private readonly List<TrainingProgress> _told = [];

    public ActivityLogTests()
    {
        set_num_threads(1);
        _policy = TinyModel.Create();
        _ml.Log += (_, message) => _log.Add((message.Kind, message.Source, message.RawMessage));
    }

    public void Dispose() => _policy.Dispose();

    [Fact]
    public void Dpo_Fit_TellsReferencePassStepsAndEvaluations()
    {
        // Four pairs, two a step; held out are three, in batches of two.
        var options = new DpoTrainer.Options { BatchSize = 2, EvaluationBatchSize = 2, Shuffle = false, Activity = new Listener(_told.Add) };
        _ml.Drift().Trainers.Dpo(_policy, options).Fit(Pairs(4), Pairs(3)).Model.Dispose();

        Assert.Equal(
            [
                new(TrainingActivity.Preparing, 2, 7), new(TrainingActivity.Preparing, 4, 7), new(TrainingActivity.Preparing, 6, 7), new(TrainingActivity.Preparing, 7, 7),
                new(TrainingActivity.Training, 0, 2), new(TrainingActivity.Training, 1, 2), new(TrainingActivity.Training, 2, 2),
                new(TrainingActivity.Evaluating, 2, 3), new(TrainingActivity.Evaluating, 3, 3),
            ],
            _told);
        Assert.Equal(
            ["Preparing begins: 7 pairs", "Preparing is done", "Training begins: 2 steps", "Training is done", "Evaluating begins: 3 rows", "Evaluating is done"],
            Said("DpoTrainer", ChannelMessageKind.Info));
        Assert.Collection(
            Said("DpoTrainer", ChannelMessageKind.Trace),
            text => Assert.Matches(@"^step 1: loss 0\.69\d+, ", text), text => Assert.StartsWith("step 2: loss ", text), text => Assert.StartsWith("step 2: eval_loss ", text));
    }

    [Fact]
    public void Dpo_FewerStepsThanRows_PreparesOnlyTheRowsTheyTrainOn()
    {
        var options = new DpoTrainer.Options { BatchSize = 2, MaximumSteps = 1, Activity = new Listener(_told.Add) };
        _ml.Drift().Trainers.Dpo(_policy, options).Fit(Pairs(6)).Model.Dispose();

        Assert.Equal([new(TrainingActivity.Preparing, 2, 2), new(TrainingActivity.Training, 0, 1), new(TrainingActivity.Training, 1, 1)], _told);
    }

    [Fact]
    public void Dpo_ContinuedFromItsFolder_TellsStepsThatAreDoneNow_AndLogsTheNotice()
    {
        var folder = Directory.CreateTempSubdirectory("drift-activity-").FullName;
        try
        {
            using var cancellation = new CancellationTokenSource();
            var options = new DpoTrainer.Options { BatchSize = 2, RunFolder = folder, CancellationToken = cancellation.Token, Activity = new Listener(value => { if (value is { Activity: TrainingActivity.Training, Done: 1 }) cancellation.Cancel(); }) };
            Assert.Throws<OperationCanceledException>(() => _ml.Drift().Trainers.Dpo(_policy, options).Fit(Pairs(4)));
            _log.Clear();
            _ml.Drift().Trainers.Dpo(_policy, options with { CancellationToken = default, Activity = new Listener(_told.Add) }).Fit(Pairs(4)).Model.Dispose();

            Assert.Equal([new(TrainingActivity.Training, 1, 2), new(TrainingActivity.Training, 2, 2)], _told);
            Assert.Contains(Said("DpoTrainer", ChannelMessageKind.Info), text => text.EndsWith("the training continues after step 1.", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Sft_Fit_TellsStepsAndEvaluations()
    {
        var rows = _ml.Data.LoadFromEnumerable(Rows(3).Select(row => new { row.Prompt, Completion = row.Chosen }));
        var options = new SftTrainer.Options { BatchSize = 2, EvaluationBatchSize = 2, Activity = new Listener(_told.Add) };
        _ml.Drift().Trainers.Sft(_policy, options).Fit(rows, rows).Model.Dispose();

        Assert.Equal(
            [
                new(TrainingActivity.Training, 0, 2), new(TrainingActivity.Training, 1, 2), new(TrainingActivity.Training, 2, 2),
                new(TrainingActivity.Evaluating, 2, 3), new(TrainingActivity.Evaluating, 3, 3),
            ],
            _told);
        Assert.Equal(["Training begins: 2 steps", "Training is done", "Evaluating begins: 3 rows", "Evaluating is done"], Said("SftTrainer", ChannelMessageKind.Info));
        Assert.Equal(3, Said("SftTrainer", ChannelMessageKind.Trace).Count());
    }

    [Fact]
    public void DsatPairSampler_Transform_TellsBeginningAndEnd()
    {
        using var policy = TinyPolicy.Create();
        var rows = TinyPolicy.View(TinyPolicy.Complaints(5));
        _ml.Drift().DsatPairSampler(policy, TinyPolicy.Options).Fit(rows).Transform(rows);

        Assert.Equal(["Sampling begins: 5 rows", "Sampling is done"], Said("DsatPairSampler", ChannelMessageKind.Info));
    }

    private IEnumerable<string> Said(string source, ChannelMessageKind kind) => _log.Where(message => message.Kind == kind && message.Source == source && !message.Text.StartsWith("Channel ", StringComparison.Ordinal)).Select(message => message.Text);

    private IDataView Pairs(int count) => _ml.Data.LoadFromEnumerable(Rows(count));

    private static IEnumerable<Row> Rows(int count) => Enumerable.Range(0, count).Select(i => new Row($"say {(char)('a' + i)}", "a good answer", "bad"));

    private sealed record Row(string Prompt, string Chosen, string Rejected);

    private sealed class Listener(Action<TrainingProgress> told) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => told(value);
    }
}
