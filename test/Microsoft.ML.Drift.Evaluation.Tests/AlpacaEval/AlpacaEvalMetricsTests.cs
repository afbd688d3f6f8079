using Microsoft.ML.Drift.Evaluation.AlpacaEval;

namespace Microsoft.ML.Drift.Evaluation.Tests.AlpacaEval;

public sealed class AlpacaEvalMetricsTests
{
    [Fact]
    public void Compute_FiveJudgements_ByHand()
    {
        // Preferences 1.9, 1.2, 1.5 (draw), 0 (the older draw), none: v = 0.9, 0.2, 0.5, 0.5, mean 0.525.
        // Deviations 0.375, −0.325, −0.025, −0.025: squares sum to 0.2475, / 3 = 0.0825, sd 0.287228, / √4 = 0.143614.
        var metrics = AlpacaEvalMetrics.Compute(Rows(1.9, 1.2, 1.5, 0, double.NaN));

        Assert.Equal(52.5, metrics.WinRate, 1e-10);
        Assert.Equal(14.3614066, metrics.StandardError, 1e-6);
        Assert.Equal(50, metrics.DiscreteWinRate, 1e-10); // 1, 0, ½, ½
        Assert.Equal((1, 1, 2, 4, 1), (metrics.Wins, metrics.BaselineWins, metrics.Draws, metrics.Total, metrics.Missing));
        Assert.Equal(12, metrics.AverageLength); // (10 + 11 + 12 + 13 + 14) / 5
        Assert.Null(metrics.LengthControlled);
    }

    [Theory]
    [InlineData(0.9)]
    [InlineData(2.1)]
    [InlineData(double.PositiveInfinity)]
    public void Compute_PreferenceOutsideOneToTwo_IsMissing(double preference) =>
        Assert.Equal((1, 1), (AlpacaEvalMetrics.Compute(Rows(preference, 1.5)).Missing, AlpacaEvalMetrics.Compute(Rows(preference, 1.5)).Total));

    [Fact]
    public void Compute_NoJudgement_IsRefused() =>
        Assert.Contains("None of the 1 annotations", Assert.Throws<ArgumentException>(() => AlpacaEvalMetrics.Compute(Rows(double.NaN))).Message);

    [Theory]
    [InlineData(-0.1, -2.4, false, 1.0911229610)] // P(m) = 1 / (1 + e^−2.3) = 0.9088770390; baseline first: 2 − P
    [InlineData(-0.1, -2.4, true, 1.9088770390)]  // model first: 1 + P
    [InlineData(double.NegativeInfinity, -0.1, false, 2.0)]
    [InlineData(-800.0, -0.0, true, 1.0)]
    public void FromLogProbs_TwoTokens_ByHand(double first, double second, bool switched, double expected)
    {
        CandidateToken[] tokens = [new("m", first), new("M", second), new("The", -0.01)];

        Assert.Equal(expected, JudgePreference.FromLogProbs(tokens, switched)!.Value, 1e-9);
    }

    [Fact]
    public void FromLogProbs_NeitherToken_IsMissing() => Assert.Null(JudgePreference.FromLogProbs([new("The", -0.1), new(" m", -0.2)], switched: false));

    // Printed by CPython 3: random.Random("is_switched_outputs" + s + "0").choices([False, True])[0]
    [Theory]
    [MemberData(nameof(Orders))]
    public void PresentationOrder_Instruction_IsCPythons(string instruction, bool switched) => Assert.Equal(switched, PresentationOrder.IsSwitched(instruction));

    public static TheoryData<string, bool> Orders => new()
    {
        { "", false },
        { "Write \"Test\"", true },
        { "hello", false },
        { "Schreib ein Gedicht \u00fcber \ud83d\udc31", true },
        { "1", false },
        { "2", true },
        { "3", false },
        { "4", false },
        { "5", false },
        { "6", true },
        { "7", true },
        { new string('a', 5000), true },
    };

    private static AlpacaEvalAnnotation[] Rows(params double[] preferences) =>
        [.. preferences.Select((preference, row) => new AlpacaEvalAnnotation { Row = row, Preference = preference, OutputLength = 10 + row, BaselineLength = 10 })];
}
