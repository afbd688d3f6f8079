using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;
using TorchSharp;
using static Microsoft.ML.Drift.Tests.Preference.TestPairs;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>Optimizers, clipping and whole trajectories against PyTorch's on transformers' models.</summary>
[Trait("Parity", "measured")]
public class RecordedOptimizerStepsTests
{
    [Theory]
    [InlineData(OptimizerType.AdamW, "after_adamw.safetensors")]
    [InlineData(OptimizerType.RmsProp, "after_rmsprop.safetensors")]
    public void Step_RecordedGradients_GivesPyTorchsWeights(OptimizerType type, string file)
    {
        using var scope = NewDisposeScope();
        using var recorded = new RecordedModel("qwen2");
        using var model = recorded.Load();
        using (var gradients = recorded.Gradients()) SetGradients(model.Decoder, gradients, -1 / 3.0);
        var everything = TrainedParameters.Of(model.Decoder).Select(parameter => parameter with { Decays = true }).ToArray();
        using var optimizer = Create(type, everything);
        optimizer.Step(1e-3);

        using var after = SafetensorsFile.Open(Path.Combine(recorded.Folder, file));
        foreach (var name in after.Names)
        {
            var slice = model.Decoder.Tensors[name];
            var difference = (after.Read(name) - slice.View()).abs();
            // RMSprop's first step is ten times the rate in the direction of the gradient's sign: rounding shows where the gradient is about 0.
            var bound = type == OptimizerType.AdamW ? full_like(difference, 1e-6) : where(slice.GradientView()!.abs() > 1e-4, 1e-6, 1e-4);
            var clear = difference.masked_fill(bound > 1e-5, 0);
            ParityPage.Add("Optimizers", type.ToString(), "weights after a step", clear.max().item<float>(), 1e-6);
            Assert.True((difference <= bound).all().item<bool>(), $"{name}: {difference.max().item<float>()}");
        }
    }

    [Theory]
    [InlineData(OptimizerType.RmsProp, "rmsprop", 3e-4)]
    [InlineData(OptimizerType.AdamW, "adamw", 1e-5)]
    public void Steps_FiveOfThem_FollowPyTorchsTrajectory(OptimizerType type, string key, double tolerance)
    {
        using var recorded = new RecordedModel("llama");
        using var model = recorded.Load();
        var trajectory = JsonDocument.Parse(File.ReadAllText(Path.Combine(recorded.Folder, "trajectories.json"))).RootElement.GetProperty(key);
        using var optimizer = Create(type, [.. TrainedParameters.Of(model.Decoder).Select(parameter => parameter with { Decays = true })]);
        foreach (var step in trajectory.GetProperty("steps").EnumerateArray())
        {
            optimizer.ZeroGradients();
            var loss = Loss(recorded, model.Decoder);
            Assert.Equal(1, loss / step.GetProperty("loss").GetDouble(), optimizer.StepCount == 0 ? 1e-6 : tolerance);
            var norm = GradientClipping.Norm(optimizer.Parameters);
            Assert.Equal(1, norm / step.GetProperty("grad_norm").GetDouble(), optimizer.StepCount == 0 ? 1e-6 : tolerance);
            ParityPage.Add("Optimizers", type.ToString(), "loss", Math.Abs(loss / step.GetProperty("loss").GetDouble() - 1), tolerance);
            ParityPage.Add("Optimizers", type.ToString(), "gradient norm", Math.Abs(norm / step.GetProperty("grad_norm").GetDouble() - 1), tolerance);
            optimizer.Step(1e-3, GradientClipping.Factor(norm, 1));
        }
        Assert.Equal(1, Loss(recorded, model.Decoder) / trajectory.GetProperty("loss_after").GetDouble(), tolerance);
    }

    private static ParameterOptimizer Create(OptimizerType type, IReadOnlyList<TrainedParameter> parameters) =>
        type == OptimizerType.RmsProp ? new RmsPropOptimizer(parameters) : new AdamWOptimizer(parameters, 0.9, 0.999, 1e-8, weightDecay: 0.01);

    /// <summary>−(sum of the three rows' completion log-probs) / 3, with its gradients; the completion begins at position 10.</summary>
    private static double Loss(RecordedModel recorded, Decoder decoder)
    {
        using var scope = NewDisposeScope();
        var (ids, real) = (recorded["input_ids"], recorded["attention_mask"]);
        var sequences = Enumerable.Range(0, (int)ids.shape[0])
            .Select(row => new TokenSequence([.. ids[row][..(int)real[row].sum().item<long>()].data<long>().Select(id => (int)id)], 10)).ToArray();
        // Three pairs of the same answers twice; only the chosen side gets a weight.
        var batch = PairBatch.Create([.. sequences.Select((sequence, i) => Pair($"{i}", sequence, sequence))], new(), CPU);
        var scored = new TokenScorer(decoder, new PassPlanner(decoder, budget: null, checkpoint: false)).ScoreForTraining(batch, new());
        scored.Backward(batch.NllMask * (-1.0 / 3));
        return -(scored.Tokens.LogProbs * batch.NllMask).sum().item<float>() / 3;
    }

    private static void SetGradients(Decoder decoder, SafetensorsFile gradients, double scale)
    {
        using var mode = no_grad();
        foreach (var slice in decoder.Tensors.Values)
        {
            slice.Parameter.grad ??= zeros_like(slice.Parameter).detach();
            slice.GradientView()!.copy_(gradients.Read(slice.Name) * scale);
        }
    }
}
