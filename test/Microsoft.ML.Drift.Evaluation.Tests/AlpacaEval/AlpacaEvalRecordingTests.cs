using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Tables;
using Microsoft.ML.Drift.Tests;

namespace Microsoft.ML.Drift.Evaluation.Tests.AlpacaEval;

/// <summary>The published leaderboard is reproduced. Each test prints the largest deviation it saw.</summary>
public sealed class AlpacaEvalRecordingTests(ITestOutputHelper output)
{
    private const string BaselineName = "gpt4_1106_preview";

    private static string Folder => Golden.Folder("alpacaeval");

    private static JsonNode Expected => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json")))!;

    private static IEnumerable<(string Name, IReadOnlyList<AlpacaEvalAnnotation> Rows, JsonNode Expected)> Models() =>
        Expected["models"]!.AsObject().Select(model => (model.Key, AlpacaEvalFiles.Read(Path.Combine(Folder, "rows", $"{model.Key}.csv")), model.Value!));

    [Fact]
    public void RawMetrics_EveryModel_AreThePublishedOnes()
    {
        var largest = 0.0;
        foreach (var (_, rows, expected) in Models())
        {
            var (metrics, official) = (AlpacaEvalMetrics.Compute(rows), expected["official"]!);
            Check(ref largest, 1e-8, metrics.WinRate, official["win_rate"]!);
            Check(ref largest, 1e-8, metrics.StandardError, official["standard_error"]!);
            Check(ref largest, 1e-8, metrics.DiscreteWinRate, official["discrete_win_rate"]!);
            Assert.Equal(
                (Number(official["n_wins"]!), Number(official["n_wins_base"]!), Number(official["n_draws"]!), Number(official["n_total"]!)),
                (metrics.Wins, metrics.BaselineWins, metrics.Draws, metrics.Total));
            // Upstream counted outputs that are missing among the rows with length 0.
            var length = Math.Floor(rows.Average(row => (double)row.OutputLength) * rows.Count / 805);
            Assert.Equal(Number(official["avg_length"]!), length);
            if (rows.Count == 805) Assert.Equal(length, metrics.AverageLength);
        }
        output.WriteLine($"win_rate, standard_error, discrete_win_rate: largest deviation {largest:G3}; counts exact");
    }

    [Fact]
    public void LengthControlled_AtThePublishedStrength_IsThePublishedOne()
    {
        var data = LengthControlData.Load(Folder);
        var (winRate, error, converged, coefficients) = (0.0, 0.0, 0.0, 0.0);
        foreach (var (name, rows, expected) in Models())
        {
            var strength = expected["C_of_official_length_controlled_winrate"];
            var own = expected["our_reference_not_official"];
            if (name == BaselineName || strength is null) continue;
            var result = new LengthControl { Data = data, RegularizationStrength = strength.GetValue<double>() }.Compute(rows);
            Check(ref winRate, 0.02, result.WinRate, expected["official"]!["length_controlled_winrate"]!);
            if (expected["official"]!["lc_standard_error"] is { } published) Check(ref error, 1e-4, result.StandardError, published);
            Check(ref converged, 1e-6, result.WinRate, own!["length_controlled_winrate_exact_solver_at_official_C"]!);
            Check(ref converged, 1e-6, result.StandardError, own["lc_standard_error_exact_solver_at_official_C"]!);

            if (own["coefficients_exact_solver_at_C_of_official_glm_weights"] is not JsonArray weights) continue;
            var fitted = new LengthControl { Data = data, RegularizationStrength = expected["C_of_official_glm_weights"]!.GetValue<double>() }.Compute(rows).Weights;
            Check(ref coefficients, 1e-6, fitted.Length, weights[0]!);
            Check(ref coefficients, 1e-6, fitted.Difficulty, weights[1]!);
            Check(ref coefficients, 1e-6, fitted.Model, weights[2]!);
        }
        output.WriteLine($"LC at the official C: {winRate:G3} from the leaderboard, standard error {error:G3}; from the converged reference {converged:G3}, its coefficients {coefficients:G3}");
    }

    [Fact]
    public void LengthControlled_WholePipeline_ChoosesTheStrengthAndStaysNear()
    {
        var data = LengthControlData.Load(Folder);
        var (official, reference, score) = (0.0, 0.0, 0.0);
        foreach (var (name, rows, expected) in Models())
        {
            var result = new LengthControl { Data = data }.Compute(rows);
            Check(ref official, 0.15, result.WinRate, expected["official"]!["length_controlled_winrate"]!);
            if (name == BaselineName) continue;
            var own = expected["our_reference_not_official"]!;
            Check(ref reference, 1e-5, result.WinRate, own["length_controlled_winrate_full_cv"]!);
            Assert.Equal(LengthControl.Grid[(int)Number(own["selected_C_index_full_cv"]!)], result.RegularizationStrength);
            foreach (var (mine, theirs) in result.CrossValidationScores!.Zip(own["mean_cv_log_likelihood_per_C_index"]!.AsArray())) Check(ref score, 1e-9, mine, theirs!);
        }
        output.WriteLine($"LC with cross-validation: {official:G3} from the leaderboard, {reference:G3} from the reference with the same folds, its scores {score:G3}");
    }

    [Fact]
    public void Predict_PublishedWeights_GiveThePublishedWinRates()
    {
        var difficulties = LengthControlData.Load(Folder).Difficulties;
        var (largest, models) = (0.0, 0);
        foreach (var row in TableFile.Read(Path.Combine(Folder, "published_glm_weights.csv")))
        {
            var weights = new LengthControlWeights(row.NumberOrNull("w_tanh_std_delta_len")!.Value, row.NumberOrNull("w_instruction_difficulty")!.Value, row.NumberOrNull("w_not_gamed_baseline")!.Value);
            var (winRate, error) = weights.Predict([.. difficulties.Take(row.Count("n_rows"))]);
            Check(ref largest, 1e-6, winRate, row.NumberOrNull("official_length_controlled_winrate")!.Value);
            if (row.NumberOrNull("official_lc_standard_error") is { } published) Check(ref largest, 1e-6, error, published);
            models++;
        }
        output.WriteLine($"LC from published weights, {models} models: largest deviation {largest:G3}");
        Assert.True(models > 50);
    }

    [Fact]
    public void JudgeLogProbs_RealReplies_GiveTheRecordedPreferences()
    {
        var (largest, replies) = (0.0, 0);
        foreach (var line in File.ReadLines(Path.Combine(Folder, "judge_logprobs.jsonl")))
        {
            var reply = JsonNode.Parse(line)!;
            var tokens = reply["top_logprobs"]?.AsArray().Select(pair => new CandidateToken(pair![0]!.GetValue<string>(), pair[1]!.GetValue<double>())).ToList() ?? [];
            var preference = reply["outputs_identical"]!.GetValue<bool>() ? JudgePreference.Tie : JudgePreference.FromLogProbs(tokens, reply["switched"]!.GetValue<bool>());
            if (reply["preference"] is { } recorded) Check(ref largest, 1e-9, preference!.Value, recorded);
            else Assert.Null(preference);
            replies++;
        }
        output.WriteLine($"preference from log-probs, {replies} replies: largest deviation {largest:G3}");
        Assert.True(replies > 300);
    }

    [Fact]
    public void AnnotationSamples_LengthsPreferencesAndOrder_AreTheRecordedOnes()
    {
        var order = File.ReadLines(Path.Combine(Folder, "presentation_order.csv")).Skip(1).Select(line => line.EndsWith(",1", StringComparison.Ordinal)).ToList();
        var recomputed = 0;
        foreach (var (name, entries) in JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "annotations_sample_expected.json")))!.AsObject())
        {
            var rows = AlpacaEvalFiles.Read(Path.Combine(Folder, name));
            // The same file without its preferences: they come back from the judge's replies.
            var withoutPreferences = Path.Combine(Path.GetTempPath(), $"drift-{Guid.NewGuid():N}.json");
            var bare = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, name)))!.AsArray();
            foreach (var row in bare) row!.AsObject().Remove("preference");
            File.WriteAllText(withoutPreferences, bare.ToJsonString());
            var again = AlpacaEvalFiles.Read(withoutPreferences);
            File.Delete(withoutPreferences);
            foreach (var (row, fromReply, expected) in rows.Zip(again, entries!.AsArray()))
            {
                Assert.Equal((expected!["preference"]!.GetValue<double>(), Number(expected["len_output_code_points"]!), Number(expected["len_baseline_code_points"]!)), (row.Preference, row.OutputLength, row.BaselineLength));
                Assert.Equal(order[(int)Number(expected["index"]!)], PresentationOrder.IsSwitched(row.Instruction));
                if (double.IsNaN(fromReply.Preference)) continue;
                Assert.Equal(row.Preference, fromReply.Preference, 1e-9);
                recomputed++;
            }
        }
        output.WriteLine($"annotation samples: exact; {recomputed} preferences computed again from the judge's replies");
        Assert.True(recomputed >= 4);
    }

    private static double Number(JsonNode node) => double.Parse(node.ToJsonString(), CultureInfo.InvariantCulture);

    private static void Check(ref double largest, double tolerance, double actual, JsonNode expected) => Check(ref largest, tolerance, actual, Number(expected));

    private static void Check(ref double largest, double tolerance, double actual, double expected)
    {
        Assert.Equal(expected, actual, tolerance);
        largest = Math.Max(largest, Math.Abs(actual - expected));
    }
}
