using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

public class TokenLogProbsTests
{
    [Fact]
    public void Compute_TwoWordVocabulary_GivesLogProbsWorkedOutByHand()
    {
        using var scope = NewDisposeScope();
        // Logits (0, ln 3): probabilities ¼ and ¾. Logits (0, 0): ½ each.
        var logits = tensor(new float[,] { { 0, MathF.Log(3) }, { 0, 0 } });
        var scored = TokenLogProbs.Compute(OutputHead.Of(h => h * 1, 2), logits, tensor(new long[] { 1, 0 }), new() { LogSumSquares = true, Argmax = true });

        Close([Math.Log(0.75), Math.Log(0.5)], scored.Scores.LogProbs);
        Close([Math.Log(3) / 2, 0], scored.Scores.MeanLogits);
        Close([0.25 * Math.Log(4) + 0.75 * Math.Log(4.0 / 3), Math.Log(2)], scored.Scores.Entropies);
        Close([Math.Log(10.0 / 16), Math.Log(0.5)], scored.Scores.LogSumSquares!); // ¼² + ¾² and ½² + ½²
        Assert.Equal([true, true], scored.Scores.IsArgmax!.data<bool>().ToArray()); // a tie counts for the first
    }

    [Fact]
    public void Backward_TwoWordVocabulary_IsWeightTimesOneHotMinusSoftmax()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new float[,] { { 0, MathF.Log(3) } });
        var scored = TokenLogProbs.Compute(OutputHead.Of(h => h * 1, 2), logits, tensor(new long[] { 1 }), new() { Differentiable = true });
        Close([2 * -0.25, 2 * (1 - 0.75)], scored.Backward(tensor(new[] { 2f })).flatten());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compute_VocabularyOfSeveralChunks_EqualsFullLogits(bool capped)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create(changes: capped
            ?
            [
                ("vocab_size", "7001"), ("model_type", "\"gemma2\""), ("architectures", "[\"Gemma2ForCausalLM\"]"), ("hidden_activation", "\"gelu_pytorch_tanh\""),
                ("final_logit_softcapping", "3.0"), ("query_pre_attn_scalar", "8"), ("head_dim", "4"), ("sliding_window", "6"),
            ]
            : [("vocab_size", "7001")]);
        var head = model.Decoder.Head();
        Assert.True(head.ChunkWidth < 7001);
        var hidden = randn([4, model.Configuration.HiddenSize], generator: new Generator(3)).mul(8);
        var (targets, weights) = (tensor(new long[] { 0, 3136, 5000, 7000 }), tensor(new[] { 0.5f, -1f, 2f, 0.25f }));
        var leaf = hidden.clone().requires_grad_();
        var logs = nn.functional.log_softmax(model.Decoder.Logits(leaf), 1);
        var reference = logs.gather(1, targets.unsqueeze(1)).squeeze(1);
        (reference * weights).sum().backward();

        foreach (var budget in new[] { TokenLogProbs.DefaultLogitBudget, 1 })
        {
            var scored = TokenLogProbs.Compute(head, hidden, targets, new() { Differentiable = true, LogitBudget = budget });
            Assert.True(allclose(reference, scored.Scores.LogProbs, 1e-5, 1e-5));
            Assert.True(allclose(-(logs.exp() * logs).sum(1), scored.Scores.Entropies, 1e-4, 1e-4));
            Assert.True(allclose(leaf.grad!, scored.Backward(weights), 1e-4, 1e-5));
        }
    }

    [Theory]
    [InlineData(TokenLogProbs.DefaultLogitBudget, "one chunk, kept")]
    [InlineData(2 * 11 * sizeof(float), "two rows at a time, computed again")]
    [InlineData(1, "one row at a time")]
    public void Backward_AnyChunking_EqualsAutogradThroughFullLogits(long budget, string because)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(7);
        var hidden = randn(5, 4, generator: generator);
        var weight = randn(11, 4, generator: generator).requires_grad_();
        var targets = tensor(new long[] { 3, 0, 10, 3, 7 });
        var weights = tensor(new[] { 0.5f, -1f, 0f, 2f, 0.25f });

        var leaf = hidden.clone().requires_grad_();
        var reference = nn.functional.log_softmax(leaf.matmul(weight.t()).mul(0.5).tanh(), 1).gather(1, targets.unsqueeze(1)).squeeze(1);
        (reference * weights).sum().backward();
        var expectedWeightGradient = weight.grad!.clone();
        weight.grad = null;

        var scored = TokenLogProbs.Compute(
            OutputHead.Of(h => h.matmul(weight.t()).mul(0.5).tanh() * 1, 11), hidden, targets, new() { Differentiable = true, LogitBudget = budget });
        var gradient = scored.Backward(weights);

        Assert.True(allclose(reference, scored.Scores.LogProbs, 1e-6, 1e-6), because);
        Assert.True(allclose(leaf.grad!, gradient, 1e-5, 1e-6), because);
        Assert.True(allclose(expectedWeightGradient, weight.grad!, 1e-5, 1e-6), because);
    }

    [Fact]
    public void Compute_NoTokens_GivesEmptyResultsAndGradient()
    {
        using var scope = NewDisposeScope();
        var scored = TokenLogProbs.Compute(OutputHead.Of(h => h, 3), zeros(0, 3), zeros(0, ScalarType.Int64), new() { Differentiable = true });
        Assert.Equal(0, scored.Scores.LogProbs.shape[0]);
        Assert.Equal([0L, 3L], scored.Backward(zeros(0)).shape);
    }

    private static void Close(double[] expected, Tensor actual)
    {
        var values = actual.data<float>().ToArray();
        Assert.Equal(expected.Length, values.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], values[i], 1e-6);
    }
}
