namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>A figure with its 95 % interval; without one where there are too few values for it.</summary>
internal readonly record struct Interval(double Value, double? Low, double? High, int Count)
{
    private const int Resamples = 2000;
    private const int Seed = 42;

    // Of three values that happen to be positive every resample is positive, too: that is no evidence.
    private const int FewestForBootstrap = 8;

    // From here on the mean's distribution is a normal one, and drawing is only slow.
    private const int FewestForNormal = 1000;

    private const double NormalQuantile = 1.959963984540054;

    /// <summary>The mean, with a percentile bootstrap interval; of a thousand values or more, with the normal one.</summary>
    public static Interval OfMean(IReadOnlyList<double> values)
    {
        if (values.Count == 0) return new(double.NaN, null, null, 0);
        var mean = values.Average();
        if (values.Count < FewestForBootstrap || !double.IsFinite(mean)) return new(mean, null, null, values.Count);
        if (values.Count >= FewestForNormal)
        {
            var half = NormalQuantile * Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1.0) / values.Count);
            return new(mean, mean - half, mean + half, values.Count);
        }
        var random = new Random(Seed);
        var means = new double[Resamples];
        for (var i = 0; i < Resamples; i++)
        {
            double sum = 0;
            for (var j = 0; j < values.Count; j++) sum += values[random.Next(values.Count)];
            means[i] = sum / values.Count;
        }
        Array.Sort(means);
        return new(mean, means[(int)(0.025 * (Resamples - 1))], means[(int)Math.Ceiling(0.975 * (Resamples - 1))], values.Count);
    }

    /// <summary>A share, with Wilson's score interval, which keeps its meaning at 0 and 1.</summary>
    public static Interval OfShare(int hits, int count)
    {
        if (count == 0) return new(double.NaN, null, null, 0);
        const double z = NormalQuantile;
        var share = (double)hits / count;
        var centre = (share + z * z / (2 * count)) / (1 + z * z / count);
        var half = z / (1 + z * z / count) * Math.Sqrt(share * (1 - share) / count + z * z / (4.0 * count * count));
        return new(share, Math.Max(0, centre - half), Math.Min(1, centre + half), count);
    }

    public bool Excludes(double value) => Low > value || High < value;

    /// <summary>The interval in words.</summary>
    public string Range(Func<double?, string> format) => Low is null ? "too few for an interval" : $"{format(Low)} to {format(High)}";
}
