using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Evaluation.WildBench;
using Microsoft.ML.Drift.Tests;

namespace Microsoft.ML.Drift.Evaluation.Tests.WildBench;

/// <summary>The published tables are reproduced. Each test prints the largest deviation it saw.</summary>
public sealed class WildBenchRecordingTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-9;

    private static string Folder => Golden.Folder("wildbench");

    [Fact]
    public void Score_EveryRun_IsThePublishedOne()
    {
        var groups = WildBenchFiles.ReadTaskGroups(Path.Combine(Folder, "task_groups.surrogate.csv"));
        var (largest, runs, withGroups) = (0.0, 0, 0);
        foreach (var (name, expected) in Read("expected_score.json").AsObject())
        {
            var reproducible = expected!["task_scores_reproducible_with_task_groups_surrogate"]!.GetValue<bool>();
            var edition = Number(expected["task_weights_used"]!["Coding & Debugging"]!) == 1 ? WildBenchEdition.BeforeJune2024 : WildBenchEdition.Current;
            var path = Path.Combine(Folder, "score_rows", $"{name}.csv");
            var official = expected["official"]!;
            // The macro follows from the published groups for every run, also where the groups of the sessions are not known.
            Check(ref largest, WildBenchTasks.Macro(official["task_categorized_scores"]!.AsObject().ToDictionary(task => task.Key, task => Number(task.Value!)), edition), official["task_macro_score"]!);
            if (!File.Exists(path)) continue;
            var metrics = WildBenchScoreMetrics.Compute(WildBenchFiles.ReadScores(path, groups), edition);
            Check(ref largest, metrics.Score, official["score"]!);
            Check(ref largest, metrics.AdjustedScore, official["adjusted_score"]!);
            Check(ref largest, metrics.AverageLength, official["avg_len"]!);
            Assert.Equal(Number(official["total"]!), metrics.Total);
            runs++;
            if (!reproducible) continue;
            withGroups++;
            foreach (var (group, value) in official["task_categorized_scores"]!.AsObject()) Check(ref largest, metrics.TaskScores[group], value!);
            Check(ref largest, metrics.TaskMacroScore, official["task_macro_score"]!);
        }
        output.WriteLine($"WB-Score, {runs} runs, {withGroups} with task groups: largest deviation {largest:G3}");
        Assert.True(runs >= 4 && withGroups >= 2, $"{runs} runs, {withGroups} with groups");
    }

    [Fact]
    public void Reward_EveryModelBaselineAndMargin_IsThePublishedOne()
    {
        var counts = Read("pairwise_counts.json");
        var (largest, comparisons) = (0.0, 0);
        foreach (var (model, margins) in Read("expected_reward.json").AsObject())
        {
            var rows = WildBenchFiles.ReadComparisons(Path.Combine(Folder, "pairwise_rows.reconstructed.csv"), model);
            foreach (var (margin, expected) in margins!.AsObject().Where(entry => int.TryParse(entry.Key, out _)))
            {
                foreach (var (baseline, official) in expected!["per_baseline"]!.AsObject())
                {
                    if (official is null || !rows.TryGetValue(baseline, out var known)) continue;
                    var recorded = counts[model]![baseline]![margin]!;
                    var skipped = Enumerable.Repeat(new WildBenchComparison { IsSkipped = true }, (int)Number(recorded["total"]!) - known.Count);
                    var metrics = WildBenchRewardMetrics.Compute([.. known, .. skipped], int.Parse(margin, CultureInfo.InvariantCulture));
                    Check(ref largest, metrics.Reward, official["reward"]!);
                    foreach (var (outcome, name) in Names) Assert.Equal(Number(recorded[name]!), metrics.Outcomes[outcome]);
                    comparisons++;
                }
            }
        }
        output.WriteLine($"WB-Reward, {comparisons} comparisons: largest deviation {largest:G3}; counts after the margin exact");
        Assert.True(comparisons >= 40);
    }

    [Fact]
    public void TaskRewardsAndLeaderboard_FromThePublishedCounts_AreThePublishedOnes()
    {
        var counts = Read("pairwise_counts.json");
        var (largest, tables) = (0.0, 0);
        foreach (var (model, margins) in Read("expected_reward.json").AsObject())
        {
            foreach (var (margin, expected) in margins!.AsObject().Where(entry => int.TryParse(entry.Key, out _)))
            {
                var metrics = new Dictionary<string, WildBenchRewardMetrics?>();
                foreach (var baseline in (string[])["gpt4t", "haiku", "llama"])
                {
                    metrics[baseline] = null;
                    if (counts[model]?[baseline]?[margin] is not { } recorded || expected!["per_baseline"]?[baseline] is not { } official) continue;
                    // Whole rows without a group carry the reward, rows of one group each its tasks.
                    var byTask = recorded["by_task"]!.AsObject().SelectMany(task => Rows(task.Value!, task.Key)).ToList();
                    var tasks = WildBenchRewardMetrics.Compute(byTask);
                    var whole = Rows(recorded, null).ToList();
                    var skipped = Enumerable.Repeat(new WildBenchComparison { IsSkipped = true }, (int)Number(recorded["total"]!) - whole.Count);
                    metrics[baseline] = WildBenchRewardMetrics.Compute([.. whole, .. skipped]) with { TaskRewards = tasks.TaskRewards, TaskMacroReward = tasks.TaskMacroReward };
                    foreach (var (group, value) in official["task_categorized_rewards"]!.AsObject()) Check(ref largest, tasks.TaskRewards[group], value!);
                    Check(ref largest, tasks.TaskMacroReward, official["task_macro_reward"]!);
                }
                if (expected!["leaderboard_scaled_by_100"] is not { } board) continue;
                var summary = WildBenchRewardSummary.Combine(metrics);
                Check(ref largest, summary.MixtureOfRewards, board["mixture_of_rewards"]!);
                Check(ref largest, summary.TaskMacroReward, board["task_macro_reward"]!);
                foreach (var (group, value) in board["mixture_of_rewards_by_task"]!.AsObject()) Check(ref largest, summary.MixtureOfRewardsByTask[group], value!);
                foreach (var (baseline, reward) in summary.Rewards)
                    if (board[$"{baseline}_reward"] is { } published) Check(ref largest, reward, published);
                tables++;
            }
        }
        output.WriteLine($"WB-Reward by task and over three baselines, {tables} tables: largest deviation {largest:G3}");
        Assert.True(tables >= 20);
    }

    [Fact]
    public void JudgeReplies_Recorded_AreRead()
    {
        var replies = Read("judge_replies.json").AsArray();
        foreach (var reply in replies)
        {
            var text = reply!["reply"]!.GetValue<string>();
            var pairwise = reply["mode"]?.GetValue<string>() == "pairwise";
            var strict = pairwise ? WildBenchReply.TryParseChoice(text, ReplyParsing.Strict, out var choice, out _) : WildBenchReply.TryParseScore(text, ReplyParsing.Strict, out _, out _);
            if (reply["expected_score"] is { } score)
            {
                Assert.True(WildBenchReply.TryParseScore(text, ReplyParsing.Strict, out var read, out _));
                Assert.Equal(Number(score), read);
                continue;
            }
            Assert.Equal(reply["strict_json_parses"]!.GetValue<bool>() && reply["upstream"] is null, strict);
            var fallback = reply["expected_after_regex_fallback"];
            if (pairwise)
            {
                var known = WildBenchReply.OutcomeOfA(fallback!["choice"]!.GetValue<string>());
                Assert.Equal(known, WildBenchReply.TryParseChoice(text, ReplyParsing.Lenient, out choice, out _) ? choice : null);
            }
            else
            {
                double? wanted = fallback is null ? null : double.Parse(fallback["score"]!.ToString(), CultureInfo.InvariantCulture);
                Assert.Equal(wanted, WildBenchReply.TryParseScore(text, ReplyParsing.Lenient, out var read, out _) ? read : null);
            }
        }
        output.WriteLine($"judge replies: {replies.Count}, all as recorded");
    }

    private static readonly (WildBenchOutcome Outcome, string Name)[] Names =
    [
        (WildBenchOutcome.MuchBetter, "win_much"), (WildBenchOutcome.SlightlyBetter, "win"), (WildBenchOutcome.Tie, "tie"), (WildBenchOutcome.SlightlyWorse, "lose"), (WildBenchOutcome.MuchWorse, "lose_much"),
    ];

    private static IEnumerable<WildBenchComparison> Rows(JsonNode counts, string? group) =>
        Names.SelectMany(each => Enumerable.Repeat(new WildBenchComparison { Outcome = (int)each.Outcome, TaskGroups = group is null ? [] : [group] }, (int)Number(counts[each.Name] ?? 0)));

    private static JsonNode Read(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, name)))!;

    private static double Number(JsonNode node) => double.Parse(node.ToJsonString(), CultureInfo.InvariantCulture);

    private static void Check(ref double largest, double actual, JsonNode expected)
    {
        Assert.Equal(Number(expected), actual, Tolerance);
        largest = Math.Max(largest, Math.Abs(actual - Number(expected)));
    }
}
