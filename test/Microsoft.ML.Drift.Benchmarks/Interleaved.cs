using System.Diagnostics;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>
/// Measures several ways of doing something in turns (a b c a b c …), so that what else the machine does, and how warm it is, falls on all alike.
/// </summary>
internal static class Interleaved
{
    /// <summary>Runs everything once unmeasured, then <paramref name="rounds"/> times.</summary>
    /// <param name="rounds">Measured repetitions.</param>
    /// <param name="contenders">Name and work.</param>
    /// <returns>Each contender's times, in order.</returns>
    public static IReadOnlyList<Timing> Measure(int rounds, params IReadOnlyList<(string Name, Action Work)> contenders)
    {
        var seconds = contenders.Select(_ => new List<double>()).ToArray();
        for (var round = -1; round < rounds; round++)
        {
            for (var i = 0; i < contenders.Count; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                var clock = Stopwatch.StartNew();
                contenders[i].Work();
                if (round >= 0) seconds[i].Add(clock.Elapsed.TotalSeconds);
            }
        }
        return [.. contenders.Zip(seconds, (contender, times) => new Timing(contender.Name, times))];
    }
}

/// <summary>Repeated measurements of one thing.</summary>
internal sealed record Timing(string Name, IReadOnlyList<double> Seconds)
{
    public double Median => Quantile(0.5);

    public double Fastest => Seconds.Min();

    /// <summary>Half the range of the middle half, relative to the median.</summary>
    public double Spread => (Quantile(0.75) - Quantile(0.25)) / 2 / Median;

    /// <summary>How many times faster this is than another.</summary>
    public double TimesFasterThan(Timing other) => other.Median / Median;

    /// <summary>"1.23 s ± 2 %".</summary>
    public override string ToString() => $"{(Median < 0.1 ? $"{Median * 1000:G3} ms" : $"{Median:F2} s")} ± {Spread:P0}";

    private double Quantile(double share)
    {
        var sorted = Seconds.Order().ToArray();
        var place = share * (sorted.Length - 1);
        var (below, above) = ((int)Math.Floor(place), (int)Math.Ceiling(place));
        return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
    }
}
