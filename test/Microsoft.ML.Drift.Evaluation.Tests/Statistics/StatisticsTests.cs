using Microsoft.ML.Drift.Evaluation.Statistics;

namespace Microsoft.ML.Drift.Evaluation.Tests.Statistics;

public sealed class StatisticsTests
{
    [Fact]
    public void Mean_ConstantValues_HaveNoSpread() => Assert.Equal(new Estimate(3, 3, 3), Bootstrap.Mean([3, 3, 3]));

    [Fact]
    public void Mean_NormalValues_HasTheNormalInterval()
    {
        // 400 values of mean 10 and standard deviation 2: the mean's standard error is 0.1, the 95 % interval ± 0.196.
        var random = new Random(3);
        var values = Enumerable.Range(0, 400).Select(_ => 10 + 2 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())).ToArray();

        var estimate = Bootstrap.Mean(values);

        Assert.Equal(values.Average(), estimate.Value);
        Assert.InRange(estimate.High - estimate.Low, 0.35, 0.44);
        Assert.InRange(estimate.Value - estimate.Low, 0.17, 0.23);
    }

    [Fact]
    public void Mean_IntervalsOfManySamples_HoldTheTruthAsOftenAsTheySay()
    {
        var random = new Random(11);
        var hits = Enumerable.Range(0, 400).Count(trial =>
        {
            var estimate = Bootstrap.Mean([.. Enumerable.Range(0, 60).Select(_ => random.NextDouble())], new Resampling { Resamples = 500, Level = 0.9, Seed = trial });
            return estimate.Low <= 0.5 && 0.5 <= estimate.High;
        });
        Assert.InRange(hits / 400.0, 0.85, 0.94);
    }

    [Fact]
    public void Difference_PValue_IsSmallForAShiftAndLargeWithout()
    {
        double[] shifted = [.. Enumerable.Range(0, 40).Select(i => 1 + (i % 5 - 2) * 0.5)];
        double[] balanced = [.. Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? 1.0 : -1)];

        Assert.True(Bootstrap.Difference(shifted).PValue < 0.001);
        Assert.Equal(1, Bootstrap.Difference(balanced).PValue);
        Assert.Equal(1, Bootstrap.Difference([0, 0, 0]).PValue);
    }

    [Fact]
    public void Seed_Same_SameInterval()
    {
        double[] values = [1, 2, 5, 9, 3];

        Assert.Equal(Bootstrap.Mean(values, new() { Seed = 1 }), Bootstrap.Mean(values, new() { Seed = 1 }));
        Assert.NotEqual(Bootstrap.Mean(values, new() { Seed = 1, Resamples = 101 }), Bootstrap.Mean(values, new() { Seed = 2, Resamples = 101 }));
        Assert.True(Width(0.99) > Width(0.5));

        double Width(double level) => Bootstrap.Mean(values, new() { Level = level }) is var estimate ? estimate.High - estimate.Low : 0;
    }

    [Fact]
    public void OfSet_AMean_HasTheSameSpreadAsTheBootstrap()
    {
        var random = new Random(5);
        var values = Enumerable.Range(0, 200).Select(_ => random.NextDouble()).ToArray();

        var halves = Bootstrap.OfSet(values.Length, rows => rows.Average(row => values[row]), new() { HalfSamples = 4000 });
        var rows = Bootstrap.Mean(values);

        Assert.Equal(rows.Value, halves.Value, 1e-12);
        Assert.Equal(rows.High - rows.Low, halves.High - halves.Low, 0.008); // both about 0.08
    }

    // Two-sided binomial tails: 2 · P(X ≤ min). 9 of 10: 2 · 11 / 1024. 5 of 5: 2 / 32.
    [Theory]
    [InlineData(9, 1, 22 / 1024.0)]
    [InlineData(0, 5, 2 / 32.0)]
    [InlineData(4, 4, 1)]
    [InlineData(0, 0, 1)]
    public void Sign_Counts_ByHand(int wins, int losses, double expected) => Assert.Equal(expected, PairedTests.Sign(wins, losses), 1e-12);

    [Fact]
    public void Wilcoxon_SmallSampleWithoutTies_IsExact()
    {
        // Ranks of the positive differences: 0.4→2, 0.9→3, 1.5→5, 2.2→6, 3.0→7: 23 of 28. Sums of at most 5 can be made in 10 of 128 ways.
        Assert.Equal(2 * 10 / 128.0, PairedTests.Wilcoxon([1.5, -0.3, 2.2, 0.9, -1.1, 3.0, 0.4]), 1e-12);
        Assert.Equal(2 / 32.0, PairedTests.Wilcoxon([1, 2, 3, 4, 5]), 1e-12);
        Assert.Equal(1, PairedTests.Wilcoxon([0, 0]));
    }

    [Fact]
    public void Wilcoxon_Ties_UseTheCorrectedNormal() =>
        // Sizes 1,1,1,1,2,2,3,4 have the ranks 2.5 (four times), 5.5 (twice), 7, 8; positive: 3·2.5 + 11 + 8 = 26.5, mean 18,
        // variance 51 − (60 + 6)/48 = 49.625, z = (8.5 − 0.5)/7.0445 = 1.13564.
        Assert.Equal(0.25610, PairedTests.Wilcoxon([1, 1, 1, -1, 2, 2, -3, 4, 0]), 1e-4);

    [Fact]
    public void Settings_Bad_AreRefusedTogether()
    {
        var message = Assert.Throws<ArgumentException>(() => Bootstrap.Mean([1], new() { Resamples = 0, HalfSamples = 1, Level = 1 })).Message;

        foreach (var name in new[] { "Resamples", "HalfSamples", "Level" }) Assert.Contains($"{name} is", message);
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([]));
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([double.NaN]));
        Assert.Throws<ArgumentException>(() => PairedTests.Wilcoxon([double.NaN]));
    }
}
