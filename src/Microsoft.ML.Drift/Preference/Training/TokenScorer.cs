using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>Batches → log-probs of their scored tokens, by one forward pass of a decoder.</summary>
/// <param name="decoder">The model.</param>
/// <param name="checkpointGradients">Whether training passes keep layer inputs only and compute layers again in backward.</param>
internal sealed class TokenScorer(Decoder decoder, bool checkpointGradients)
{
    public Device Device => decoder.Device;

    /// <summary>Scores without gradient.</summary>
    public TokenLogProbs Score(ITokenBatch batch, TokenLogProbOptions options)
    {
        using var mode = no_grad();
        using var hidden = TrainingForward.Compute(decoder, batch.Sequences);
        return Score(hidden, batch, options with { Differentiable = false });
    }

    /// <summary>Scores for <see cref="Backward"/>.</summary>
    public (TokenLogProbs Tokens, TrainingForward Pass) ScoreForTraining(ITokenBatch batch, TokenLogProbOptions options)
    {
        var pass = decoder.TrainingForward(batch.Sequences, checkpointGradients);
        return (Score(pass.Hidden, batch, options with { Differentiable = true }), pass);
    }

    /// <summary>Adds the gradient of <c>Σ weights · log p</c> to the parameters' gradients.</summary>
    /// <param name="batch">The batch that was scored.</param>
    /// <param name="tokens">Its log-probs.</param>
    /// <param name="pass">Its forward pass.</param>
    /// <param name="weights"><c>[N]</c>, for the batch's scored tokens.</param>
    public static void Backward(ITokenBatch batch, TokenLogProbs tokens, TrainingForward pass, Tensor weights)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var extra = batch.Positions.shape[0] - batch.ScoredCount;
        var all = extra == 0 ? weights : cat([weights, zeros(extra, weights.dtype, device: weights.device)]);
        var selected = tokens.Backward(all);
        var gradient = zeros(pass.Hidden.shape, selected.dtype, device: selected.device);
        gradient.AddAtInPlace(batch.Positions, selected);   // a prompt's last token predicts the first of both answers
        pass.Backward(gradient);
    }

    private TokenLogProbs Score(Tensor hidden, ITokenBatch batch, TokenLogProbOptions options)
    {
        using var mode = no_grad();
        var selected = hidden.index_select(0, batch.Positions);
        return TokenLogProbs.Compute(decoder.Head(), selected, batch.Targets, options);
    }
}
