using Microsoft.ML.Drift.Evaluation.WildBench;

namespace Microsoft.ML.Drift.Evaluation.Tests.WildBench;

public sealed class WildBenchMetricsTests
{
    private const string Creative = "Creative Tasks";
    private const string Coding = "Coding & Debugging";

    [Fact]
    public void Score_FourRows_ByHand()
    {
        // All rows: (8 + 4 + 1 + 10) / 4 = 5.75, adjusted 1.5. Neither empty nor cut: the first two, lengths 100 and 301.
        // Creative: 8 → 6. Coding: (8 + 4) / 2 = 6 → 2. Macro: (0.5·6 + 1.25·2) / 4.75.
        var metrics = WildBenchScoreMetrics.Compute(
        [
            new() { Score = 8, OutputLength = 100, TaskGroups = [Creative, Coding, Creative] },
            new() { Score = 4, OutputLength = 301, TaskGroups = [Coding] },
            new() { Score = 1, IsEmpty = true, TaskGroups = [Coding] },
            new() { Score = 10, OutputLength = 9000, IsTruncated = true, TaskGroups = [Creative] },
        ]);

        Assert.Equal((5.75, 1.5, 4, 200.5), (metrics.Score, metrics.AdjustedScore, metrics.Total, metrics.AverageLength));
        Assert.Equal(15, metrics.WBScore);
        Assert.Equal([(Creative, 6.0), (Coding, 2.0)], metrics.TaskScores.Select(task => (task.Key, task.Value)));
        Assert.Equal(5.5 / 4.75, metrics.TaskMacroScore, 1e-12);
        Assert.Equal(55 / 4.75, metrics.WBScoreTaskMacro, 1e-12);
    }

    [Fact]
    public void Score_BeforeJune2024_CountsDuplicateGroupsAndWeighsCodingLess()
    {
        // Creative: (8 + 8 + 5) / 3 = 7 → 4; Coding: 8 → 6. Macro: (0.5·4 + 1·6) / 4.5.
        var metrics = WildBenchScoreMetrics.Compute(
            [new() { Score = 8, TaskGroups = [Creative, Coding, Creative] }, new() { Score = 5, TaskGroups = [Creative] }], WildBenchEdition.BeforeJune2024);

        Assert.Equal(8 / 4.5, metrics.TaskMacroScore, 1e-12);
    }

    [Fact]
    public void Score_NoGroups_HasNoMacro() => Assert.True(double.IsNaN(WildBenchScoreMetrics.Compute([new() { Score = 8 }]).TaskMacroScore));

    [Fact]
    public void Reward_LengthMargin_TheSpecificationsExample()
    {
        // 0.5 (margin not exceeded) + 0 (exceeded by one) + 1 (much better, never changed) + 0 (the longer baseline) over five rows, one of them skipped.
        WildBenchComparison[] rows =
        [
            new() { Outcome = 1, OutputLength = 1500, BaselineLength = 1000, TaskGroups = [Creative] },
            new() { Outcome = 1, OutputLength = 1501, BaselineLength = 1000, TaskGroups = [Creative] },
            new() { Outcome = 2, OutputLength = 9000, BaselineLength = 10, TaskGroups = [Coding] },
            new() { Outcome = -1, OutputLength = 10, BaselineLength = 600, TaskGroups = [Coding] },
            new() { Outcome = -2, IsSkipped = true, TaskGroups = [Coding] },
        ];

        var metrics = WildBenchRewardMetrics.Compute(rows, lengthMargin: 500);

        Assert.Equal(0.3, metrics.Reward, 1e-12);
        Assert.Equal([(Creative, 0.25), (Coding, 0.5)], metrics.TaskRewards.Select(task => (task.Key, task.Value))); // divided by rows that are not skipped
        Assert.Equal((0.5 * 0.25 + 1.25 * 0.5) / 4.75, metrics.TaskMacroReward, 1e-12);
        Assert.Equal([0, 0, 2, 1, 1], Enum.GetValues<WildBenchOutcome>().Order().Select(outcome => metrics.Outcomes[outcome]));
        Assert.Equal(3002.75, metrics.AverageLength);
        Assert.Equal(0.3, WildBenchRewardMetrics.Compute(rows, lengthMargin: null).Reward, 1e-12); // 0.5 + 0.5 + 1 − 0.5 over 5
        Assert.Equal(WildBenchRewardMetrics.Compute(rows).Outcomes, WildBenchRewardMetrics.Compute(rows, lengthMargin: -1).Outcomes);
        Assert.Equal(1, WildBenchRewardMetrics.Compute(rows).Outcomes[WildBenchOutcome.SlightlyWorse]);
    }

    [Fact]
    public void Reward_MissingBaseline_CountsAsZero()
    {
        var metrics = WildBenchRewardMetrics.Compute([new() { Outcome = 2, TaskGroups = [Creative] }]);

        var summary = WildBenchRewardSummary.Combine(new Dictionary<string, WildBenchRewardMetrics?> { ["a"] = metrics, ["b"] = null, ["c"] = metrics });

        Assert.Equal(200 / 3.0, summary.MixtureOfRewards, 1e-12);
        Assert.Equal(200 / 3.0, summary.MixtureOfRewardsByTask[Creative], 1e-12);
        Assert.Equal(0, summary.Rewards["b"]);
        Assert.Equal(200 * 0.5 / 4.75 / 3, summary.TaskMacroReward, 1e-12);
    }

    [Fact]
    public void Tags_AllTwelve_LeadToFiveGroups()
    {
        string[] tags = ["Creative Writing", "Editing", "Brainstorming", "Role playing", "Others", "Reasoning", "Planning", "Math", "Data Analysis", "Information seeking", "Advice seeking", "Coding & Debugging"];

        Assert.Equal(WildBenchTasks.Groups.Order(), tags.Select(WildBenchTasks.GroupOf).Distinct().Order());
        Assert.Equal(4.75, WildBenchTasks.Groups.Sum(group => WildBenchTasks.Weight(group)));
        Assert.Contains("its tags are: Creative Writing", Assert.Throws<ArgumentException>(() => WildBenchTasks.GroupOf("Poetry")).Message);
    }

    [Fact]
    public void Refusals_EmptyAndUnknown_AreErrors()
    {
        Assert.Throws<ArgumentException>(() => WildBenchScoreMetrics.Compute([]));
        Assert.Throws<ArgumentException>(() => WildBenchRewardMetrics.Compute([]));
        Assert.Contains("outcome 3", Assert.Throws<ArgumentException>(() => WildBenchRewardMetrics.Compute([new() { Outcome = 3 }])).Message);
        Assert.Throws<ArgumentException>(() => WildBenchScoreMetrics.Compute([new() { Score = 1, TaskGroups = ["Poetry"] }]));
    }
}
