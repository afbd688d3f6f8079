using System.Globalization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>A run's progress in the context's log: an information where an activity begins and ends, a trace for every optimizer step.</summary>
internal sealed class DriftProgressLog(MLContext context)
{
    private readonly IHostEnvironment _environment = context;
    private (string Stage, DriftActivity Activity)? _current;
    private bool _isFinished;

    public void Report(DriftProgress progress)
    {
        var activity = (progress.Stage, progress.Activity);
        if (_current != activity)
        {
            Write(progress, ChannelMessageKind.Info, string.Create(CultureInfo.InvariantCulture, $"{progress.Activity} begins: {progress.Total} {Unit(progress.Activity)}"));
            (_current, _isFinished) = (activity, false);
        }
        if (progress.Record is { } record)
            Write(progress, ChannelMessageKind.Trace, string.Create(CultureInfo.InvariantCulture, $"step {record.Step} of {progress.Total}: {string.Join(", ", record.Metrics.Select(metric => string.Create(CultureInfo.InvariantCulture, $"{metric.Key} {metric.Value:G6}")))}"));
        if (progress.Done < progress.Total || _isFinished) return;
        Write(progress, ChannelMessageKind.Info, $"{progress.Activity} is done");
        _isFinished = true;
    }

    private void Write(DriftProgress progress, ChannelMessageKind kind, string text)
    {
        using var channel = _environment.Start($"Drift; {progress.Stage}");
        if (kind == ChannelMessageKind.Info) channel.Info(MessageSensitivity.None, "{0}", text);
        else channel.Trace(MessageSensitivity.None, "{0}", text);
    }

    private static string Unit(DriftActivity activity) => activity switch
    {
        DriftActivity.Sampling => "rows",
        DriftActivity.Training => "steps",
        DriftActivity.Saving => "model",
        _ => "pairs",
    };
}
