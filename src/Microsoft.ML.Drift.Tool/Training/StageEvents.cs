using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Training;

/// <summary>A run's metrics as TensorBoard events: a folder for each stage, which TensorBoard lays over one another.</summary>
internal sealed class StageEvents(string folder) : IDisposable
{
    private readonly Dictionary<string, TensorBoardEvents> _stages = [];

    public void Report(DriftProgress value)
    {
        if (value.Record is not { } record) return;
        if (!_stages.TryGetValue(value.Stage, out var events)) _stages[value.Stage] = events = new TensorBoardEvents(Path.Combine(folder, value.Stage));
        events.Report(record);
    }

    public void Dispose()
    {
        foreach (var events in _stages.Values) events.Dispose();
    }
}
