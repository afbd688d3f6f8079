using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>What a stage of a run is doing.</summary>
public enum DriftActivity
{
    /// <summary>Sampling chosen answers; counted in rows.</summary>
    Sampling,

    /// <summary>Training; counted in optimizer steps.</summary>
    Training,

    /// <summary>Measuring the held-out pairs; counted in pairs.</summary>
    Evaluating,

    /// <summary>Saving the stage's model.</summary>
    Saving,

    /// <summary>Computing what the reference thinks of the pairs, before the first step; counted in pairs.</summary>
    Preparing,
}

/// <summary>How far a run is.</summary>
/// <param name="Stage"><c>seed</c>, <c>iter1</c>, <c>iter2</c> …</param>
/// <param name="Activity">What is being done.</param>
/// <param name="Done">Rows or steps done.</param>
/// <param name="Total">Rows or steps in all.</param>
/// <param name="TokensPerSecond">Speed; 0 where unknown.</param>
/// <param name="Record">The step's metrics, in training.</param>
public sealed record DriftProgress(string Stage, DriftActivity Activity, int Done, int Total, double TokensPerSecond = 0, TrainingRecord? Record = null);
