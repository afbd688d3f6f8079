using System.Text.Json;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>
/// Every recorded DPO training of TRL 0.19.1, step by step: log values, per-pair values of each micro-batch, evaluation, the first gradient, the final weights.
/// Bounds are those of the recordings' own page, or tighter.
/// </summary>
[Trait("Parity", "measured")]
public class TrlRunsTests
{
    private const double FirstStep = 1e-5;
    private const double LaterSteps = 2e-4;
    private const double FirstGradient = 2e-6;

    public static TheoryData<string> RecordedRuns()
    {
        var folder = Golden.FolderOrNull("trl", "runs");
        var runs = folder is null ? [] : Directory.GetDirectories(folder).Where(IsDpo).Select(run => Path.GetFileName(run)).Order().ToArray();
        return runs.Length > 0 ? [.. runs] : ["(no recordings)"];
    }

    [Theory, MemberData(nameof(RecordedRuns))]
    public void Run_RecordedTraining_GivesTrlsNumbers(string name)
    {
        Golden.Folder("trl", "runs", name);
        using var run = new TrlRun(Golden.Folder("trl"), name);
        run.Train();

        var steps = Compare(run.Lines("log.jsonl"), [.. run.History.Steps]);
        var evaluations = Compare(run.Lines("eval.jsonl"), [.. run.History.Evaluations]);
        var pairs = ComparePairs(run);
        var (weights, gradient) = (CompareWeights(run), CompareGradient(run));
        ParityPage.Add("Preference training", name, "step 1", steps.First, FirstStep);
        ParityPage.Add("Preference training", name, "later steps", steps.Later, LaterSteps);
        if (run.History.Evaluations.Any()) ParityPage.Add("Preference training", name, "evaluations", Math.Max(evaluations.First, evaluations.Later), LaterSteps);
        ParityPage.Add("Preference training", name, "pairs", pairs, LaterSteps);
        if (File.Exists(run.Path_("gradient_step1.safetensors"))) ParityPage.Add("Preference training", name, "gradient", gradient, FirstGradient);
        ParityPage.Add("Preference training", name, "weights", weights, WeightBound(run));
        Assert.True(steps.First <= FirstStep, $"step 1: {steps.FirstWhere}");
        Assert.True(steps.Later <= LaterSteps, steps.LaterWhere);
        Assert.True(Math.Max(evaluations.First, evaluations.Later) <= LaterSteps, $"{evaluations.FirstWhere}; {evaluations.LaterWhere}");
        Assert.True(pairs <= LaterSteps, $"pairs {pairs}");
        Assert.True(gradient <= FirstGradient, $"gradient {gradient}");
        Assert.True(weights <= WeightBound(run), $"weights {weights}");
    }

    private static bool IsDpo(string run)
    {
        using var arguments = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "args.json")));
        return arguments.RootElement.GetProperty("trainer").GetString() == "DPOTrainer";
    }

    /// <summary>1e-3 of the movement, AdamW 1e-4; 1e-2 where the rate moves weights by little more than their rounding.</summary>
    private static double WeightBound(TrlRun run) =>
        run.Options.Optimizer == OptimizerType.AdamW ? 1e-4 : run.Options.LearningRate < 1e-5 ? 1e-2 : 1e-3;

    private static Gaps Compare(JsonElement[] recorded, TrainingRecord[] ours)
    {
        Assert.Equal(recorded.Length, ours.Length);
        var gaps = new Gaps();
        for (var i = 0; i < ours.Length; i++)
        {
            foreach (var field in recorded[i].EnumerateObject().Where(field => field.Name is not ("step" or "epoch")))
            {
                Assert.True(ours[i].Metrics.TryGetValue(field.Name, out var value), $"no '{field.Name}'");
                if (field.Name.EndsWith("rewards/accuracies", StringComparison.Ordinal) && IsNoise(recorded[i])) continue;
                gaps.Add(ours[i].Step, field.Name, field.Value.GetDouble(), value);
            }
            Assert.Equal(recorded[i].GetProperty("step").GetInt32(), ours[i].Step);
            Assert.Equal(recorded[i].GetProperty("epoch").GetDouble(), ours[i].Epoch, 1e-12);
            if (recorded[i].TryGetProperty("learning_rate", out var rate)) Assert.Equal(rate.GetDouble(), ours[i].Metrics["learning_rate"], 1e-12);
        }
        return gaps;
    }

    /// <summary>Around a margin of 0 accuracy is the sign of rounding.</summary>
    private static bool IsNoise(JsonElement recorded) =>
        recorded.EnumerateObject().First(field => field.Name.EndsWith("rewards/margins", StringComparison.Ordinal)).Value.GetDouble() is var margin
        && margin != 0 && Math.Abs(margin) < 1e-4;

    private static double ComparePairs(TrlRun run)
    {
        var recorded = run.Lines("micro.jsonl");
        Assert.Equal(recorded.Length, run.Batches.Count);
        double worst = 0;
        foreach (var (theirs, ours) in recorded.Zip(run.Batches))
        {
            var rows = run.Rows(theirs.GetProperty("phase").GetString() == "train" ? "train_rows" : "eval_rows");
            Assert.Equal(Ints(theirs, "rows"), ours.Pairs.Select(pair => rows[pair.Row]));
            Check("chosen_logps", pair => pair.Policy.Chosen);
            Check("rejected_logps", pair => pair.Policy.Rejected);
            Check("ref_chosen_logps", pair => pair.Reference.Chosen);
            Check("ref_rejected_logps", pair => pair.Reference.Rejected);
            Check("losses", pair => pair.Loss);
            if (theirs.TryGetProperty("policy_weights", out _)) Check("policy_weights", pair => pair.Weight);
            worst = Math.Max(worst, Gaps.Between(theirs.GetProperty("loss").GetDouble(), ours.Loss));
            worst = Math.Max(worst, Gaps.Between(theirs.GetProperty("mean_chosen_logits").GetDouble(), ours.Chosen.Logits / ours.Chosen.Count));
            worst = Math.Max(worst, Gaps.Between(theirs.GetProperty("mean_rejected_logits").GetDouble(), ours.Rejected.Logits / ours.Rejected.Count));
            if (theirs.TryGetProperty("nll_loss", out var nll)) worst = Math.Max(worst, Gaps.Between(nll.GetDouble(), ours.Nll));

            void Check(string field, Func<ScoredPair, float> value)
            {
                foreach (var (a, b) in theirs.GetProperty(field).EnumerateArray().Zip(ours.Pairs)) worst = Math.Max(worst, Gaps.Between(a.GetDouble(), value(b)));
            }
        }
        return worst;
    }

    private static double CompareWeights(TrlRun run)
    {
        using var scope = NewDisposeScope();
        using var start = SafetensorsFile.Open(run.InitialTrainedWeights);
        using var final = SafetensorsFile.Open(run.FinalTrainedWeights);
        double distance = 0, movement = 0;
        foreach (var slice in run.Policy.Decoder.TrainableTensors)
        {
            var recorded = final.Read(slice.Name).to(ScalarType.Float64);
            distance += (recorded - slice.View()).square().sum().item<double>();
            movement += (recorded - start.Read(slice.Name)).square().sum().item<double>();
        }
        return Math.Sqrt(distance / movement);
    }

    private static double CompareGradient(TrlRun run)
    {
        if (!File.Exists(run.Path_("gradient_step1.safetensors"))) return 0;
        using var scope = NewDisposeScope();
        using var recorded = SafetensorsFile.Open(run.Path_("gradient_step1.safetensors"));
        Assert.Equal(run.FirstGradient.Keys.Order(), recorded.Tensors.Keys.Order());
        return recorded.Tensors.Keys.Max(name => recorded.Read(name).flatten().data<float>().ToArray().Zip(run.FirstGradient[name]).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private static int[] Ints(JsonElement table, string name) => [.. table.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    private sealed class Gaps
    {
        public double First { get; private set; }

        public string FirstWhere { get; private set; } = "";

        public double Later { get; private set; }

        public string LaterWhere { get; private set; } = "";

        /// <summary>|difference|, relative where the recorded value exceeds 1.</summary>
        public static double Between(double recorded, double ours) =>
            recorded.Equals(ours) ? 0 : double.IsNaN(recorded) || double.IsNaN(ours) ? double.PositiveInfinity : Math.Abs(recorded - ours) / Math.Max(1, Math.Abs(recorded));

        public void Add(int step, string name, double recorded, double ours)
        {
            var gap = Between(recorded, ours);
            var where = $"step {step}, {name}: recorded {recorded:R}, ours {ours:R}";
            if (step == 1 && gap > First) (First, FirstWhere) = (gap, where);
            if (step > 1 && gap > Later) (Later, LaterWhere) = (gap, where);
        }
    }
}
