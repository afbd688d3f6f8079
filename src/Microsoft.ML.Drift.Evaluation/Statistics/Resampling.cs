namespace Microsoft.ML.Drift.Evaluation.Statistics;

/// <summary>How intervals are found by drawing rows again.</summary>
public sealed record Resampling
{
    /// <summary>How many times rows are drawn for a mean. 100 to 1,000,000; default 10,000.</summary>
    public int Resamples { get; init; } = 10_000;

    /// <summary>How many halves of the rows are drawn for a figure of a whole set of texts, such as distinct-n, which is computed anew each time. 20 to 100,000; default 400.</summary>
    public int HalfSamples { get; init; } = 400;

    /// <summary>The share of intervals that hold the true value. Greater than 0, less than 1; default 0.95.</summary>
    public double Level { get; init; } = 0.95;

    /// <summary>Decides the draws; default 42.</summary>
    public int Seed { get; init; } = 42;

    /// <exception cref="ArgumentException">The settings have problems; the message lists all of them.</exception>
    internal void Validate()
    {
        var problems = new List<string>();
        if (Resamples is < 100 or > 1_000_000) problems.Add($"Resamples is {Resamples}; it must lie between 100 and 1,000,000.");
        if (HalfSamples is < 20 or > 100_000) problems.Add($"HalfSamples is {HalfSamples}; it must lie between 20 and 100,000.");
        if (!(Level > 0 && Level < 1)) problems.Add($"Level is {Level}; it must lie between 0 and 1.");
        if (problems.Count > 0) throw new ArgumentException($"{nameof(Resampling)}: {string.Join(" ", problems)}");
    }
}

/// <summary>A figure and the interval it may lie in.</summary>
/// <param name="Value">The figure.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end of the interval.</param>
public readonly record struct Estimate(double Value, double Low, double High);
