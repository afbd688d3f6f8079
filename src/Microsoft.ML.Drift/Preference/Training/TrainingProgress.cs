namespace Microsoft.ML.Drift.Preference;

/// <summary>What a training is doing.</summary>
public enum TrainingActivity
{
    /// <summary>Computing what the reference thinks of the pairs, before the first step; counted in pairs.</summary>
    Preparing,

    /// <summary>Moving the weights; counted in optimizer steps.</summary>
    Training,

    /// <summary>Measuring the held-out rows; counted in rows.</summary>
    Evaluating,
}

/// <summary>How far a training is.</summary>
/// <param name="Activity">What is being done.</param>
/// <param name="Done">Pairs, steps or rows done; equal to <paramref name="Total"/> as soon as the activity's last record is made.</param>
/// <param name="Total">Pairs, steps or rows in all.</param>
public readonly record struct TrainingProgress(TrainingActivity Activity, int Done, int Total);
