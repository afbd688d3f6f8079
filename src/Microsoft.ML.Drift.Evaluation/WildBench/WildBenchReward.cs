namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>What the judge found when it compared the tested model with a baseline.</summary>
public enum WildBenchOutcome
{
    /// <summary>The tested model is much worse: −1.</summary>
    MuchWorse = -2,

    /// <summary>Slightly worse: −0.5.</summary>
    SlightlyWorse = -1,

    /// <summary>Neither is better: 0.</summary>
    Tie = 0,

    /// <summary>Slightly better: 0.5.</summary>
    SlightlyBetter = 1,

    /// <summary>Much better: 1.</summary>
    MuchBetter = 2,
}

/// <summary>One session's comparison with a baseline.</summary>
/// <remarks>It is also the row type of data views: the properties are the columns.</remarks>
public sealed class WildBenchComparison
{
    /// <summary>The session's name.</summary>
    public string SessionId { get; set; } = "";

    /// <summary>The judge's verdict as half points for the tested model: a <see cref="WildBenchOutcome"/>, −2 to 2.</summary>
    public int Outcome { get; set; }

    /// <summary>Length of the tested model's output, in Unicode code points.</summary>
    public int OutputLength { get; set; }

    /// <summary>Length of the baseline's output, in Unicode code points.</summary>
    public int BaselineLength { get; set; }

    /// <summary>Whether either output was cut (ends with <c>... (truncated)</c>) or is <c>[This model response is empty.]</c>: the row counts in the total alone.</summary>
    public bool IsSkipped { get; set; }

    /// <summary>The session's task groups; empty where they are not known.</summary>
    public string[] TaskGroups { get; set; } = [];

    /// <summary>The verdict; with a length margin, a slight preference for an output longer than the other by more than the margin is a tie.</summary>
    internal WildBenchOutcome OutcomeWithin(int? lengthMargin)
    {
        var outcome = (WildBenchOutcome)Outcome;
        if (lengthMargin is not { } margin) return outcome;
        return outcome switch
        {
            WildBenchOutcome.SlightlyBetter when OutputLength > (long)BaselineLength + margin => WildBenchOutcome.Tie,
            WildBenchOutcome.SlightlyWorse when BaselineLength > (long)OutputLength + margin => WildBenchOutcome.Tie,
            _ => outcome,
        };
    }
}

/// <summary>WB-Reward of a model against one baseline.</summary>
/// <param name="Reward">Sum of the values of all rows that are not skipped over the number of all rows, −1 to 1.</param>
/// <param name="TaskRewards">By group: the mean value over the rows that are not skipped.</param>
/// <param name="TaskMacroReward">Their weighted mean; NaN if no row has a group.</param>
/// <param name="Outcomes">How often each outcome occurred, after the length margin, in rows that are not skipped.</param>
/// <param name="Total">All rows.</param>
/// <param name="AverageLength">Mean length of the tested model's outputs over rows that are not skipped, in code points; NaN if there is none.</param>
public sealed record WildBenchRewardMetrics(
    double Reward, IReadOnlyDictionary<string, double> TaskRewards, double TaskMacroReward, IReadOnlyDictionary<WildBenchOutcome, int> Outcomes, int Total, double AverageLength)
{
    /// <summary>The figures of one model's comparisons with one baseline.</summary>
    /// <param name="comparisons">The comparisons.</param>
    /// <param name="lengthMargin">K, in code points: a slight preference for an output longer than the other by more than K is a tie. Null or negative: off.</param>
    /// <exception cref="ArgumentException">There is no comparison, or one has an unknown outcome or task group.</exception>
    public static WildBenchRewardMetrics Compute(IReadOnlyList<WildBenchComparison> comparisons, int? lengthMargin = null)
    {
        ArgumentNullException.ThrowIfNull(comparisons);
        if (comparisons.Count == 0) throw new ArgumentException("There is no comparison.", nameof(comparisons));
        if (comparisons.FirstOrDefault(row => !Enum.IsDefined((WildBenchOutcome)row.Outcome)) is { } wrong)
            throw new ArgumentException($"Session \"{wrong.SessionId}\" has the outcome {wrong.Outcome}; allowed are −2 to 2.", nameof(comparisons));
        var margin = lengthMargin < 0 ? null : lengthMargin;
        var counted = comparisons.Where(row => !row.IsSkipped).Select(row => (Row: row, Outcome: row.OutcomeWithin(margin))).ToList();
        var tasks = WildBenchTasks.Means(counted.SelectMany(each => WildBenchTasks.Counted(each.Row.TaskGroups, WildBenchEdition.Current).Select(group => (group, Value(each.Outcome)))));
        return new WildBenchRewardMetrics(
            counted.Sum(each => Value(each.Outcome)) / comparisons.Count,
            tasks,
            tasks.Count == 0 ? double.NaN : WildBenchTasks.Macro(tasks),
            Enum.GetValues<WildBenchOutcome>().ToDictionary(outcome => outcome, outcome => counted.Count(each => each.Outcome == outcome)),
            comparisons.Count,
            counted.Count == 0 ? double.NaN : counted.Average(each => (double)each.Row.OutputLength));
    }

    private static double Value(WildBenchOutcome outcome) => (int)outcome / 2.0;
}

/// <summary>WB-Reward over the three baselines, as published: times 100.</summary>
/// <param name="Rewards">By baseline: its reward · 100, 0 where the comparison is missing.</param>
/// <param name="MixtureOfRewards">Mean of the three rewards · 100.</param>
/// <param name="TaskMacroReward">Mean of the three task macros · 100: the leaderboard's WB-Reward.</param>
/// <param name="MixtureOfRewardsByTask">By group: mean of the three rewards · 100.</param>
public sealed record WildBenchRewardSummary(
    IReadOnlyDictionary<string, double> Rewards, double MixtureOfRewards, double TaskMacroReward, IReadOnlyDictionary<string, double> MixtureOfRewardsByTask)
{
    /// <summary>The three baselines of the published tables.</summary>
    public static IReadOnlyList<string> Baselines { get; } = ["gpt-4-turbo-2024-04-09", "claude-3-haiku-20240307", "Llama-2-70b-chat-hf"];

    /// <summary>Combines the comparisons with each baseline. A missing one counts as 0, as it does upstream: a baseline model has one against itself.</summary>
    /// <param name="metrics">The figures by baseline; null where the model was not compared with it.</param>
    /// <exception cref="ArgumentException">There is no baseline.</exception>
    public static WildBenchRewardSummary Combine(IReadOnlyDictionary<string, WildBenchRewardMetrics?> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        if (metrics.Count == 0) throw new ArgumentException("There is no baseline.", nameof(metrics));
        var rewards = metrics.ToDictionary(each => each.Key, each => 100 * (each.Value?.Reward ?? 0));
        var groups = WildBenchTasks.Groups.Where(group => metrics.Values.Any(each => each?.TaskRewards.ContainsKey(group) == true));
        return new WildBenchRewardSummary(
            rewards,
            rewards.Values.Average(),
            metrics.Values.Average(each => 100 * (each?.TaskMacroReward ?? 0)),
            groups.ToDictionary(group => group, group => metrics.Values.Average(each => 100 * (each?.TaskRewards.GetValueOrDefault(group) ?? 0))));
    }

    /// <summary>The mean of both headlines: (WB-Score task macro + WB-Reward task macro) / 2, the published RewardScore_Avg.</summary>
    /// <param name="score">The model's WB-Score.</param>
    public double AverageWith(WildBenchScoreMetrics score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return (score.WBScoreTaskMacro + TaskMacroReward) / 2;
    }
}
