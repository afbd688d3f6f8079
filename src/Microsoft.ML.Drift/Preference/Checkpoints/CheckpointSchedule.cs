namespace Microsoft.ML.Drift.Preference;

/// <summary>When a training with a run folder saves itself, and how many of the saved states are kept.</summary>
/// <remarks>
/// A checkpoint holds the trained weights and the optimizer's state: for P weights 8 P bytes with RMSprop, 12 P with AdamW. Besides by this schedule, one is written when the
/// training is cancelled and, without the optimizer, when it is finished.
/// </remarks>
public sealed record CheckpointSchedule
{
    /// <summary>Save after every so many optimizer steps; at least 1. Null (the default): by time alone. TRL: <c>save_steps</c>.</summary>
    public int? EverySteps { get; init; }

    /// <summary>Save when so many minutes have passed since the last time; 0 or greater, 0 after every step, null: by steps alone. Default 10.</summary>
    public double? EveryMinutes { get; init; } = 10;

    /// <summary>How many checkpoints stay, the newest ones; at least 1. Default 2, so that one is left when the other is damaged. TRL: <c>save_total_limit</c>.</summary>
    public int Keep { get; init; } = 2;

    internal IEnumerable<string> Problems()
    {
        if (EverySteps is < 1) yield return $"Checkpoints.EverySteps is {EverySteps}; it must be at least 1, or null.";
        if (EveryMinutes is { } minutes && !(minutes >= 0 && double.IsFinite(minutes))) yield return $"Checkpoints.EveryMinutes is {minutes}; it must be 0 or greater, or null.";
        if (EverySteps is null && EveryMinutes is null) yield return "Checkpoints has neither EverySteps nor EveryMinutes; set one.";
        if (Keep < 1) yield return $"Checkpoints.Keep is {Keep}; it must be at least 1.";
    }

    internal bool IsDue(int step, TimeSpan sinceLast) => step % (EverySteps ?? int.MaxValue) == 0 || sinceLast >= Interval;

    private TimeSpan Interval => EveryMinutes is { } minutes ? TimeSpan.FromMinutes(Math.Min(minutes, 1e6)) : TimeSpan.MaxValue;
}
