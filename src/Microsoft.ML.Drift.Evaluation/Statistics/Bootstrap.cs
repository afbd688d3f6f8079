using MathNet.Numerics.Statistics;

namespace Microsoft.ML.Drift.Evaluation.Statistics;

/// <summary>Intervals by drawing rows again. The same seed gives the same interval.</summary>
public static class Bootstrap
{
    /// <summary>The mean of values with its percentile interval (Efron 1979): rows are drawn with replacement.</summary>
    /// <param name="values">One value for each row, at least one; for a difference, the row's own difference, so that rows stay paired.</param>
    /// <param name="resampling">How to draw; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no value, one is not finite, or the settings are bad.</exception>
    public static Estimate Mean(IReadOnlyList<double> values, Resampling? resampling = null) => Interval(Draw(values, resampling ??= new()), values.Average(), resampling.Level);

    /// <summary>The mean with its interval, and the chance of a mean at least as far from 0 if the true one were 0: means of values shifted to mean 0, drawn again, both sides counted.</summary>
    /// <param name="differences">One difference for each row, at least one.</param>
    /// <param name="resampling">How to draw; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no value, one is not finite, or the settings are bad.</exception>
    public static (Estimate Difference, double PValue) Difference(IReadOnlyList<double> differences, Resampling? resampling = null)
    {
        resampling ??= new();
        var means = Draw(differences, resampling);
        var mean = differences.Average();
        // The rounding of a sum must not decide whether a mean is as far away as the one seen.
        var slack = 1e-12 * (1 + Math.Abs(mean));
        var asFar = means.Count(drawn => Math.Abs(drawn - mean) >= Math.Abs(mean) - slack);
        return (Interval(means, mean, resampling.Level), (asFar + 1.0) / (means.Length + 1));
    }

    /// <summary>
    /// An interval for a figure of a whole set of rows, in which a row must not occur twice: halves of the rows are drawn without replacement, the figure's spread over the halves is that of the whole
    /// set's (McCarthy 1966), and the interval puts it around the figure itself.
    /// </summary>
    /// <param name="rows">How many rows there are.</param>
    /// <param name="figure">Computes the figure of rows by their positions, each at most once.</param>
    /// <param name="resampling">How to draw.</param>
    /// <param name="drawn">Called after each drawing.</param>
    internal static Estimate OfSet(int rows, Func<IReadOnlyList<int>, double> figure, Resampling resampling, Action? drawn = null)
    {
        resampling.Validate();
        var all = Enumerable.Range(0, rows).ToArray();
        var whole = figure(all);
        if (rows < 4 || !double.IsFinite(whole)) return new(whole, double.NaN, double.NaN);
        var random = new Random(resampling.Seed);
        var figures = new double[resampling.HalfSamples];
        for (var i = 0; i < figures.Length; i++)
        {
            random.Shuffle(all);
            figures[i] = figure(all[..(rows / 2)]);
            drawn?.Invoke();
        }
        var mean = figures.Average();
        return Interval([.. figures.Select(value => whole + value - mean)], whole, resampling.Level);
    }

    private static double[] Draw(IReadOnlyList<double> values, Resampling resampling)
    {
        ArgumentNullException.ThrowIfNull(values);
        resampling.Validate();
        if (values.Count == 0) throw new ArgumentException("There is no value.", nameof(values));
        if (!values.All(double.IsFinite)) throw new ArgumentException($"A value is {values.First(value => !double.IsFinite(value))}; all must be finite.", nameof(values));
        var random = new Random(resampling.Seed);
        var means = new double[resampling.Resamples];
        for (var i = 0; i < means.Length; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < values.Count; j++) sum += values[random.Next(values.Count)];
            means[i] = sum / values.Count;
        }
        return means;
    }

    private static Estimate Interval(double[] drawn, double value, double level)
    {
        Array.Sort(drawn);
        return new(value, Quantile((1 - level) / 2), Quantile((1 + level) / 2));

        double Quantile(double tau) => SortedArrayStatistics.QuantileCustom(drawn, tau, QuantileDefinition.R7);
    }
}
