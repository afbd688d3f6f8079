using MathNet.Numerics.Distributions;

namespace Microsoft.ML.Drift.Evaluation.Statistics;

/// <summary>Tests of whether paired rows differ. All are two-sided.</summary>
public static class PairedTests
{
    private const int ExactUpTo = 25;

    /// <summary>
    /// The exact sign test: the chance of so uneven wins and losses if both were as likely. Ties are left out. For yes-or-no figures this is McNemar's exact test on the rows where the two differ.
    /// </summary>
    /// <param name="wins">Rows that got better.</param>
    /// <param name="losses">Rows that got worse.</param>
    /// <returns>1 if there is neither.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative.</exception>
    public static double Sign(int wins, int losses)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(wins);
        ArgumentOutOfRangeException.ThrowIfNegative(losses);
        return wins + losses == 0 ? 1 : Math.Min(1, 2 * Binomial.CDF(0.5, wins + losses, Math.Min(wins, losses)));
    }

    /// <summary>
    /// Wilcoxon's signed-rank test (1945): differences of 0 are left out, equal sizes share their mean rank. Exact up to 25 differences without equal sizes, else by the normal distribution with the
    /// corrections for ties and continuity.
    /// </summary>
    /// <param name="differences">One difference for each row.</param>
    /// <returns>1 if no difference is left.</returns>
    /// <exception cref="ArgumentException">A difference is not a number.</exception>
    public static double Wilcoxon(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (differences.Any(double.IsNaN)) throw new ArgumentException("A difference is not a number.", nameof(differences));
        var sizes = differences.Where(difference => difference != 0).OrderBy(Math.Abs).ToArray();
        var n = sizes.Length;
        if (n == 0) return 1;
        var (positive, tieTerm) = (0.0, 0.0);
        for (var start = 0; start < n;)
        {
            var end = start;
            while (end < n && Math.Abs(sizes[end]) == Math.Abs(sizes[start])) end++;
            var rank = (start + 1 + end) / 2.0;
            for (var i = start; i < end; i++)
                if (sizes[i] > 0) positive += rank;
            double tied = end - start;
            tieTerm += tied * tied * tied - tied;
            start = end;
        }
        return n <= ExactUpTo && tieTerm == 0 ? Exact(n, (int)positive) : Normal(n, positive, tieTerm);
    }

    /// <summary>How many of the 2ⁿ choices of signs give each sum of positive ranks.</summary>
    private static double Exact(int n, int positive)
    {
        var largest = n * (n + 1) / 2;
        var ways = new double[largest + 1];
        ways[0] = 1;
        for (var rank = 1; rank <= n; rank++)
            for (var sum = largest; sum >= rank; sum--) ways[sum] += ways[sum - rank];
        var tail = ways.Take(Math.Min(positive, largest - positive) + 1).Sum();
        return Math.Min(1, 2 * tail / Math.Pow(2, n));
    }

    private static double Normal(int n, double positive, double tieTerm)
    {
        var mean = n * (n + 1.0) / 4;
        var variance = n * (n + 1.0) * (2 * n + 1) / 24 - tieTerm / 48;
        if (variance <= 0) return 1;
        var distance = Math.Max(0, Math.Abs(positive - mean) - 0.5) / Math.Sqrt(variance);
        return 2 * MathNet.Numerics.Distributions.Normal.CDF(0, 1, -distance);
    }
}
