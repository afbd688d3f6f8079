using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>Every recorded model against transformers: logits, log-probabilities, gradients, greedy text.</summary>
[Trait("Parity", "measured")]
public class DecoderParityTests
{
    private const double LogitTolerance = 5e-5;
    private const double GradientTolerance = 5e-5;

    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void Logits_PaddedOnEitherSide_EqualTransformers(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        var mask = recorded["attention_mask"];

        var logits = Logits(model, recorded["input_ids"], AttentionMask.Causal(mask)) * mask.unsqueeze(-1);
        var logProbs = RecordedModel.NextLogProbs(logits, recorded["input_ids"]) * mask.narrow(1, 1, mask.shape[1] - 1);
        var leftMask = AttentionMask.Causal(recorded["left.attention_mask"]);
        var tail = recorded["left.logits_tail"];
        var left = Logits(model, recorded["left.input_ids"], leftMask).narrow(1, mask.shape[1] - tail.shape[1], tail.shape[1]);

        Assert.Equal(0, RecordedModel.Difference(leftMask.Positions, recorded["left.position_ids"]));
        Assert.InRange(RecordedModel.Difference(logits, recorded["logits"]), 0, LogitTolerance);
        Assert.InRange(RecordedModel.Difference(logProbs, recorded["next_logps"]), 0, LogitTolerance);
        Assert.InRange(RecordedModel.Difference(left, tail), 0, LogitTolerance);
        ParityPage.Add("Decoders", name, "logits", RecordedModel.Difference(logits, recorded["logits"]), LogitTolerance);
        ParityPage.Add("Decoders", name, "left-padded", RecordedModel.Difference(left, tail), LogitTolerance);
        ParityPage.Add("Decoders", name, "log-probs", RecordedModel.Difference(logProbs, recorded["next_logps"]), LogitTolerance);
    }

    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void Gradients_OfCompletionLogProbs_EqualTransformers(string name)
    {
        using var scope = NewDisposeScope();
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        var mask = AttentionMask.Causal(recorded["attention_mask"]);

        var hidden = model.Decoder.forward(recorded["input_ids"], mask.Positions, mask);
        var logProbs = RecordedModel.NextLogProbs(model.Decoder.Logits(hidden), recorded["input_ids"]);
        var completions = (logProbs * RecordedModel.CompletionMask(recorded["attention_mask"])).sum(1);
        completions.sum().backward();

        Assert.InRange(RecordedModel.Difference(completions, recorded["completion_logps"]), 0, 2e-4);
        using var expected = recorded.Gradients();
        var worst = AssertGradients(model, expected);
        ParityPage.Add("Decoders", name, "completions", RecordedModel.Difference(completions, recorded["completion_logps"]), 2e-4);
        ParityPage.Add("Decoders", name, "gradients", worst, GradientTolerance);
    }

    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void TrainingForward_PackedWithoutPadding_GivesTransformersGradients(string name)
    {
        using var scope = NewDisposeScope();
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        var mask = recorded["attention_mask"].to(ScalarType.Bool);

        var pass = model.Decoder.TrainingForward(PackedSequences.FromPadded(recorded["input_ids"], mask));
        var padded = zeros([.. mask.shape, pass.Hidden.shape[1]]).masked_scatter(mask.unsqueeze(-1), pass.Hidden);
        var logProbs = RecordedModel.NextLogProbs(model.Decoder.Logits(padded), recorded["input_ids"]);
        (logProbs * RecordedModel.CompletionMask(recorded["attention_mask"])).sum().backward();
        pass.Backward();

        using var expected = recorded.Gradients();
        AssertGradients(model, expected);
    }

    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void GreedyText_AloneAndBatched_EqualsTransformers(string name)
    {
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        var told = recorded.Greedy;
        int[][] prompts = [.. told.GetProperty("prompts").EnumerateArray().Select(Ids)];
        var steps = told.GetProperty("max_new_tokens").GetInt32();

        foreach (var (prompt, expected) in prompts.Zip(told.GetProperty("alone").EnumerateArray()))
            Assert.Equal(Ids(expected.GetProperty("tokens")), GreedyLoop.Run(model.Decoder, [prompt], steps)[0]);
        var batch = GreedyLoop.Run(model.Decoder, prompts, steps);
        foreach (var (row, expected) in batch.Zip(told.GetProperty("batch").EnumerateArray()))
            Assert.Equal(Ids(expected.GetProperty("tokens")), row);
        ParityPage.AddEqual("Decoders", name, "greedy tokens", 2 * prompts.Length * steps);
    }

    private static int[] Ids(System.Text.Json.JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];

    private static Tensor Logits(CausalLM model, Tensor ids, AttentionMask mask) =>
        model.Decoder.Logits(model.Decoder.forward(ids, mask.Positions, mask));

    /// <summary>Every tensor of the checkpoint, within 5e-5 of its largest entry; a parameter no token reached has zeros.</summary>
    private static double AssertGradients(CausalLM model, SafetensorsFile expected)
    {
        Assert.Equal(expected.Names.Order(), model.Decoder.Tensors.Keys.Order());
        var worst = 0.0;
        foreach (var (name, slice) in model.Decoder.Tensors)
        {
            var gradient = expected.Read(name);
            var difference = RecordedModel.Difference(slice.GradientView() ?? zeros_like(gradient), gradient);
            var largest = gradient.abs().max().item<float>();
            Assert.True(difference <= GradientTolerance * largest, $"{name}: {difference} of {largest}");
            worst = Math.Max(worst, difference / Math.Max(largest, 1e-30));
        }
        return worst;
    }
}
