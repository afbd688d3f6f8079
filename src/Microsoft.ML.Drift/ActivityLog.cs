using System.Globalization;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Drift;

/// <summary>What a component does, in the context's log: an information where an activity begins and ends, a trace for every optimizer step and evaluation.</summary>
/// <param name="environment">The context.</param>
/// <param name="source">What messages say they come from.</param>
internal sealed class ActivityLog(IHostEnvironment environment, string source)
{
    private readonly HashSet<string> _running = [];

    /// <summary>Tells how far an activity is; only its beginning and its end are logged.</summary>
    public void Report(string activity, string unit, int done, int total)
    {
        if (_running.Add(activity)) Inform(string.Create(CultureInfo.InvariantCulture, $"{activity} begins: {total} {unit}"));
        if (done >= total) End(activity);
    }

    /// <summary>Ends an activity, if it runs.</summary>
    public void End(string activity)
    {
        if (_running.Remove(activity)) Inform($"{activity} is done");
    }

    /// <summary>Tells how far a training is.</summary>
    public void Report(TrainingProgress progress) =>
        Report(progress.Activity.ToString(), progress.Activity switch { TrainingActivity.Training => "steps", TrainingActivity.Preparing => "pairs", _ => "rows" }, progress.Done, progress.Total);

    /// <summary>A step's or an evaluation's figures.</summary>
    public void Trace(TrainingRecord record)
    {
        using var channel = environment.Start(source);
        var figures = record.Metrics.Select(metric => string.Create(CultureInfo.InvariantCulture, $"{metric.Key} {metric.Value:G6}"));
        channel.Trace(MessageSensitivity.None, "{0}", string.Create(CultureInfo.InvariantCulture, $"step {record.Step}: {string.Join(", ", figures)}"));
    }

    /// <summary>Something a reader of logs should know.</summary>
    public void Inform(string text)
    {
        using var channel = environment.Start(source);
        channel.Info(MessageSensitivity.None, "{0}", text);
    }

    /// <summary>The same options, whose listeners hear what they heard before, after this log.</summary>
    public T Watch<T>(T options) where T : TrainingOptions => options with
    {
        Progress = new Relay<TrainingRecord>(record =>
        {
            Trace(record);
            options.Progress?.Report(record);
        }),
        Activity = new Relay<TrainingProgress>(progress =>
        {
            Report(progress);
            options.Activity?.Report(progress);
        }),
        Notices = new Relay<string>(text =>
        {
            Inform(text);
            options.Notices?.Report(text);
        }),
    };

    private sealed class Relay<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
