namespace Microsoft.ML.Drift.Fuzz;

/// <summary>What one input may cost, in processor time (the machine may be busy with other work) and in growth of the process's memory.</summary>
internal static class Limits
{
    public static readonly TimeSpan Processor = TimeSpan.FromSeconds(2);

    public const long Memory = 512L << 20;

    /// <summary>After so much processor time on one input a worker counts as hung and is ended.</summary>
    public static readonly TimeSpan Hang = TimeSpan.FromSeconds(12);

    /// <summary>The same where it waits and uses none.</summary>
    public static readonly TimeSpan Stuck = TimeSpan.FromSeconds(120);
}
