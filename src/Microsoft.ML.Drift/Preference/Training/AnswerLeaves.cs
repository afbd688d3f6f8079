using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// The few numbers a loss is a function of: both answers' log-probs and the NLL sum, as leaves of their own small graph. Token gradients
/// follow from theirs, since each is a weighted sum of token log-probs.
/// </summary>
internal sealed class AnswerLeaves
{
    private readonly PairBatch _batch;

    public AnswerLeaves(PairBatch batch, TokenScores tokens)
    {
        _batch = batch;
        var scored = tokens.LogProbs[..batch.ScoredCount];
        var sums = batch.SumPerAnswer(tokens.LogProbs, batch.PolicyWeights);
        Chosen = sums[..batch.PairCount].clone().requires_grad_();
        Rejected = sums[batch.PairCount..].clone().requires_grad_();
        NllSum = (-(scored.to(ScalarType.Float64) * batch.NllMask).sum()).to(ScalarType.Float32).requires_grad_();
    }

    /// <summary><c>[B]</c> float32.</summary>
    public Tensor Chosen { get; }

    /// <summary><c>[B]</c> float32.</summary>
    public Tensor Rejected { get; }

    /// <summary>Scalar: −Σ log p over the tokens of the NLL term.</summary>
    public Tensor NllSum { get; }

    public int NllCount => _batch.NllCount;

    public PairLogProbs With((Tensor Chosen, Tensor Rejected) reference) => new(Chosen, Rejected, reference.Chosen, reference.Rejected);

    /// <summary>The loss's derivative with respect to each scored token's log-prob, <c>[N]</c> float32. To be asked for once.</summary>
    public Tensor TokenGradients(Tensor loss)
    {
        using var scope = NewDisposeScope();
        loss.backward();
        var perAnswer = cat([Chosen.grad ?? zeros_like(Chosen).detach(), Rejected.grad ?? zeros_like(Rejected).detach()]);
        var perToken = perAnswer.index_select(0, _batch.Rows[.._batch.ScoredCount]) * _batch.PolicyWeights;
        if (NllSum.grad is { } ofNll) perToken = perToken - ofNll * _batch.NllMask;
        return perToken.MoveToOuterDisposeScope();
    }
}
