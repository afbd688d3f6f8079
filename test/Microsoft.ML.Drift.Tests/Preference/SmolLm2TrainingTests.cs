using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using TorchSharp;
using static Microsoft.ML.Drift.Tests.Preference.TestPairs;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>TRL's four steps on a real model, from the recorded ids.</summary>
[Trait("Category", "Heavy")]
[Trait("Parity", "measured")]
public class SmolLm2TrainingTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("dpo_drift_lr5e-7.json")]
    [InlineData("dpo_drift_lr5e-5.json")]
    public void Train_RecordedPairs_GivesTrlsStepsAndUpdates(string file)
    {
        using var recording = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden.Folder("smollm2"), file)));
        var recorded = recording.RootElement;
        set_num_threads(Environment.ProcessorCount);
        using var policy = CausalLM.Load(Golden.Model("SmolLM2-135M-Instruct"));
        var names = recorded.GetProperty("updates").EnumerateObject().Select(update => update.Name).ToArray();
        var start = names.ToDictionary(name => name, name => Values(policy, name));
        var history = Train(policy, recorded);

        var worst = CompareSteps(recorded, history);
        foreach (var name in names)
        {
            var update = Values(policy, name).Zip(start[name], (after, before) => (double)after - before).ToArray();
            var expected = recorded.GetProperty("updates").GetProperty(name);
            var norm = Math.Sqrt(update.Sum(x => x * x));
            var gap = Math.Abs(norm / expected.GetProperty("update_norm").GetDouble() - 1);
            output.WriteLine($"{name}: update norm {norm:g7}, off by {gap:e1}");
            ParityPage.Add("SmolLM2-135M-Instruct", $"training, {Path.GetFileNameWithoutExtension(file)}, updates", "difference", gap, 1e-3);
            Assert.True(gap <= 1e-3, $"{name}: update norm {norm}, recorded {expected.GetProperty("update_norm")}");
        }
        ParityPage.Add("SmolLM2-135M-Instruct", $"training, {Path.GetFileNameWithoutExtension(file)}, steps", "difference", worst, 1e-4);
        Assert.True(worst <= 1e-4, $"{worst}");
    }

    private TrainingHistory Train(CausalLM policy, JsonElement recorded)
    {
        var args = recorded.GetProperty("args");
        var options = new DpoTrainer.Options
        {
            Beta = args.GetProperty("beta").GetDouble(),
            RpoAlpha = args.GetProperty("rpo_alpha").GetDouble(),
            LearningRate = args.GetProperty("learning_rate").GetDouble(),
            WarmupRatio = args.GetProperty("warmup_ratio").GetDouble(),
            BatchSize = args.GetProperty("batch").GetInt32(),
            NumberOfEpochs = args.GetProperty("epochs").GetInt32(),
            MaximumGradientNorm = args.GetProperty("max_grad_norm").GetDouble(),
            Shuffle = false,
        };
        var pairs = recorded.GetProperty("rows").EnumerateArray().Select((row, i) =>
            Pair($"row {i}", Sequence(row, "chosen_input_ids"), Sequence(row, "rejected_input_ids"))).ToArray();
        using var training = new PreferenceTraining(policy, null, pairs, [], options);
        return training.Loop.Run(TestContext.Current.CancellationToken);
    }

    private double CompareSteps(JsonElement recorded, TrainingHistory history)
    {
        double worst = 0;
        foreach (var (theirs, ours) in recorded.GetProperty("steps").EnumerateArray().Zip(history.Steps))
        {
            foreach (var field in theirs.EnumerateObject().Where(field => ours.Metrics.ContainsKey(field.Name) && field.Name != "seconds"))
            {
                var (a, b) = (field.Value.GetDouble(), ours.Metrics[field.Name]);
                // A reward is a tenth of the difference of two sums of about −80, whose float32 rounding alone makes some 1e-6 of it:
                // below 0.1 the bound is 1e-5 absolute.
                var gap = Math.Abs(a - b) / Math.Max(0.1, Math.Abs(a));
                worst = Math.Max(worst, gap);
                output.WriteLine($"step {ours.Step} {field.Name}: {b:g8}, off by {gap:e1}");
            }
            output.WriteLine($"step {ours.Step}: {ours.Metrics["seconds"]:f1} s, TRL {theirs.GetProperty("seconds").GetDouble():f1} s; peak {ours.Metrics["peak_memory_bytes"] / 1e9:f2} GB");
        }
        return worst;
    }

    private static TokenSequence Sequence(JsonElement row, string answer)
    {
        var prompt = Ids(row, "prompt_input_ids");
        return new TokenSequence([.. prompt, .. Ids(row, answer)], prompt.Length);
    }

    private static int[] Ids(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static float[] Values(CausalLM model, string name)
    {
        using var scope = NewDisposeScope();
        return model.Decoder.Tensors[name].View().contiguous().data<float>().ToArray();
    }
}
