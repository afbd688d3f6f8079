using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Generation;

namespace Microsoft.ML.Drift.Tests.Iteration;

public sealed class DriftLoggingTests
{
    [Fact]
    public void LogTo_ARun_TellsEveryActivityAndEveryStep_UntilItIsDisposedOf()
    {
        var context = new MLContext(1);
        using var policy = TinyPolicy.Create();
        var logger = new Lines();
        var progress = new List<DriftProgress>();
        var options = new DriftIterationEstimator.Options
        {
            NumberOfIterations = 1,
            NumberOfHeldOutRows = 2,
            Sampling = TinyPolicy.Options,
            Training = new DpoTrainer.Options { BatchSize = 8, LearningRate = 1e-3, WarmupRatio = 0 },
            Progress = new Callback(progress.Add),
        };

        using (context.LogTo(logger)) context.Drift().Trainers.Drift(policy, options).Run(TinyPolicy.View(TinyPolicy.Complaints(12))).Transformer.Model.Dispose();
        var told = logger.Told.Where(line => line.Text.Contains("Drift; iter1")).ToList();
        context.Drift().Trainers.Drift(policy, options).Run(TinyPolicy.View(TinyPolicy.Complaints(12))).Transformer.Model.Dispose();

        Assert.Equal(told, logger.Told.Where(line => line.Text.Contains("Drift; iter1")));
        // Ten pairs in two steps of at most eight; the pairs of the held-out rows are measured after the epoch, and at the end against the run's start.
        foreach (var text in new[] { "Sampling begins: 10 rows", "Sampling is done", "Preparing begins: 12 pairs", "Training begins: 2 steps", "Training is done", "Evaluating begins: 2 rows", "Evaluating begins: 2 pairs", "Saving is done" })
            Assert.Contains(told, line => line.Level == LogLevel.Information && line.Text.Contains(text));
        Assert.Contains(told, line => line.Level == LogLevel.Debug && line.Text.Contains("step 2: loss "));
        Assert.Contains(progress, value => value is { Activity: DriftActivity.Preparing, Done: 12, Total: 12 });
        Assert.Equal([2, 1, 2], progress.Where(value => value is { Activity: DriftActivity.Evaluating, Total: 2 }).Select(value => value.Done).Take(3));
    }

    [Fact]
    public void LogTo_SwitchedOffLevels_AreNotPassedOn()
    {
        var context = new MLContext(1);
        var logger = new Lines { Least = LogLevel.Warning };
        using (context.LogTo(logger)) _ = context.Data.LoadFromEnumerable([new { Value = 1f }]).Preview();

        Assert.All(logger.Told, line => Assert.True(line.Level >= LogLevel.Warning));
        Assert.Throws<ArgumentNullException>(() => context.LogTo(null!));
    }

    private sealed class Callback(Action<DriftProgress> report) : IProgress<DriftProgress>
    {
        public void Report(DriftProgress value) => report(value);
    }

    private sealed class Lines : ILogger
    {
        public List<(LogLevel Level, string Text)> Told { get; } = [];

        public LogLevel Least { get; init; } = LogLevel.Trace;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= Least;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Told.Add((logLevel, formatter(state, exception)));
    }
}
