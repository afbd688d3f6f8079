using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>What is known of N scored tokens, without gradient.</summary>
/// <param name="LogProbs"><c>[N]</c> float32: log p(target).</param>
/// <param name="MeanLogits"><c>[N]</c> float32: the mean of the position's logits over the vocabulary.</param>
/// <param name="Entropies"><c>[N]</c> float32: −Σᵥ p(v) log p(v) in nats.</param>
/// <param name="LogSumSquares"><c>[N]</c> float32, on request: log Σᵥ p(v)², WPO's normaliser.</param>
/// <param name="IsArgmax"><c>[N]</c> bool, on request: whether the target has the largest logit.</param>
internal sealed record TokenScores(Tensor LogProbs, Tensor MeanLogits, Tensor Entropies, Tensor? LogSumSquares, Tensor? IsArgmax)
{
    /// <summary>The scores of all tokens from those of parts.</summary>
    /// <param name="parts">Scores, and the places of their tokens among all, <c>[n]</c> int64.</param>
    public static TokenScores Join(IReadOnlyList<(TokenScores Scores, Tensor Places)> parts)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var order = cat([.. parts.Select(part => part.Places)]).argsort();
        return new(All(scores => scores.LogProbs)!, All(scores => scores.MeanLogits)!, All(scores => scores.Entropies)!, All(scores => scores.LogSumSquares), All(scores => scores.IsArgmax));

        Tensor? All(Func<TokenScores, Tensor?> choose) => choose(parts[0].Scores) is null
            ? null
            : cat([.. parts.Select(part => choose(part.Scores)!)]).index_select(0, order).MoveToOuterDisposeScope();
    }
}
