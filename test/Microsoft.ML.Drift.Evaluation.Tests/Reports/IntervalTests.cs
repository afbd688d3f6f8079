using Microsoft.ML.Drift.Evaluation.Reports;

namespace Microsoft.ML.Drift.Evaluation.Tests.Reports;

public sealed class IntervalTests
{
    [Fact]
    public void OfShare_KnownShares_AreWilsons()
    {
        // 8 of 10, z = 1.96: centre (0.8 + 0.19207) / 1.38415 = 0.71674; half width 1.96 / 1.38415 · √(0.016 + 0.0096036) = 0.22658.
        var interval = Interval.OfShare(8, 10);

        Assert.Equal(0.8, interval.Value);
        Assert.Equal(0.4902, interval.Low!.Value, 4);
        Assert.Equal(0.9433, interval.High!.Value, 4);
        Assert.Equal(1, Interval.OfShare(10, 10).High!.Value, 12);
        Assert.Equal(0, Interval.OfShare(0, 10).Low!.Value, 12);
        Assert.Null(Interval.OfShare(0, 0).Low);
    }

    [Fact]
    public void OfMean_ManyValues_IsNearTheNormalInterval()
    {
        // 0 and 1 in turn, 400 of them: mean 0.5, standard error 0.025, so that 95 % are 0.451 to 0.549.
        var interval = Interval.OfMean([.. Enumerable.Range(0, 400).Select(i => (double)(i % 2))]);

        Assert.Equal(0.5, interval.Value);
        Assert.InRange(interval.Low!.Value, 0.44, 0.46);
        Assert.InRange(interval.High!.Value, 0.54, 0.56);
    }

    [Fact]
    public void OfMean_ThousandsOfValues_IsTheNormalInterval()
    {
        // 0 and 1 in turn, 10,000 of them: standard error 0.005, so that 95 % are 0.4902 to 0.5098.
        var interval = Interval.OfMean([.. Enumerable.Range(0, 10_000).Select(i => (double)(i % 2))]);

        Assert.Equal(0.4902, interval.Low!.Value, 4);
        Assert.Equal(0.5098, interval.High!.Value, 4);
    }

    [Fact]
    public void OfMean_FewValues_HaveNoInterval() => Assert.Null(Interval.OfMean([1, 2, 3, 4, 5, 6, 7]).Low);

    [Theory]
    [InlineData(0.6431, 0.6957, new[] { 0.64, 0.65, 0.66, 0.67, 0.68, 0.69, 0.7 })]
    [InlineData(0, 0, new[] { -1, -0.5, 0, 0.5, 1 })]
    [InlineData(-120, -12, new[] { -120.0, -100, -80, -60, -40, -20, 0 })]
    [InlineData(0, 5e-7, new[] { 0, 1e-7, 2e-7, 3e-7, 4e-7, 5e-7 })]
    public void Scale_Around_MarksRoundNumbersThatHoldAllValues(double low, double high, double[] ticks)
    {
        var scale = Scale.Around([low, high], 0, 100);

        Assert.Equal(ticks.Length, scale.Ticks.Count);
        Assert.All(ticks.Zip(scale.Ticks), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.Equal(0, scale.Of(ticks[0]), 6);
        Assert.Equal(100, scale.Of(ticks[^1]), 6);
    }

    [Theory]
    [InlineData(0.64312, "0.6431")]
    [InlineData(-0.1, "−0.1000")]
    [InlineData(12.345, "12.35")]
    [InlineData(1234.5, "1,235")]
    [InlineData(5e-7, "5e-7")]
    [InlineData(3, "3")]
    [InlineData(double.NaN, "NaN")]
    public void Words_Number_HasDecimalsByItsSize(double value, string expected) => Assert.Equal(expected, Words.Number(value));
}
