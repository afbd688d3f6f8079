namespace Microsoft.ML.Drift.Tool.Tests.CommandLine;

public sealed class ProgressDisplayTests
{
    private readonly StringWriter _written = new();

    [Fact]
    public void PlainLines_TwoStages_TellBeginningAndEndOfEach_AndNothingInBetween()
    {
        var lines = new ProgressDisplay.PlainLines(_written);
        // A training that evaluates after its second step goes on as the same stage.
        lines.Report(new("Training", 0, 3));
        lines.Report(new("Training", 2, 3, "loss 0.5"));
        lines.Report(new("Evaluating", 4, 8));
        lines.Report(new("Evaluating", 8, 8, "eval_loss 0.4"));
        lines.Report(new("Training", 3, 3, "loss 0.3"));

        Assert.Collection(
            _written.ToString().TrimEnd().Split(Environment.NewLine),
            line => Assert.Equal("Training: 0/3", line),
            line => Assert.Equal("Evaluating: 4/8", line),
            line => Assert.Matches(@"^Evaluating: 8/8 in 0\.\d s, eval_loss 0\.4$", line),
            line => Assert.Matches(@"^Training: 3/3 in 0\.\d s, loss 0\.3$", line));
    }

    [Theory]
    [InlineData(12.34, "12.3/s")]
    [InlineData(0.05, "3/min")]
    public void Rate_SlowStages_ArePerMinute(double perSecond, string text) => Assert.Equal(text, ProgressDisplay.Rate(perSecond));
}
