namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// A loss or gradient became NaN or infinite, and training stopped before it reached the weights.
/// </summary>
public sealed class TrainingDivergedException : Exception
{
    internal TrainingDivergedException(int step, IReadOnlyList<string> rowIds, string what)
        : this(step, rowIds, what, null)
    {
    }

    private TrainingDivergedException(int step, IReadOnlyList<string> rowIds, string what, string? lastCheckpoint)
        : base($"Step {step}: {what} on row(s) {string.Join(", ", rowIds)}. The weights are those after step {step - 1}. " +
               (lastCheckpoint is null ? "" : $"The last good checkpoint is {lastCheckpoint}. ") +
               "Look at these rows, lower LearningRate or MaximumGradientNorm, or set SkipNonFiniteSteps.") =>
        (Step, RowIds, What, LastCheckpoint) = (step, rowIds, what, lastCheckpoint);

    /// <summary>The optimizer step that failed, counted from 1.</summary>
    public int Step { get; }

    /// <summary>The rows of the failing batch.</summary>
    public IReadOnlyList<string> RowIds { get; }

    /// <summary>The newest checkpoint in the run folder; null without a run folder, or before the first checkpoint.</summary>
    public string? LastCheckpoint { get; }

    private string What { get; }

    internal TrainingDivergedException After(string? lastCheckpoint) => new(Step, RowIds, What, lastCheckpoint);
}
