using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>Batches → log-probs of their scored tokens, in as many passes of a decoder as the plan says.</summary>
/// <param name="decoder">The model.</param>
/// <param name="planner">How batches are divided; the same for policy and reference, so that equal weights give equal bits.</param>
internal sealed class TokenScorer(Decoder decoder, PassPlanner planner) : IDisposable
{
    private readonly ActivationMemory _memory = new();

    public Device Device => decoder.Device;

    public PassPlanner Planner => planner;

    /// <summary>Scores without gradient.</summary>
    public TokenScores Score(ITokenBatch batch, TokenLogProbOptions options)
    {
        using var mode = no_grad();
        var parts = new List<(TokenScores, Tensor)>();
        foreach (var pass in Passes(batch))
        {
            using var hidden = TrainingForward.Compute(decoder, pass.Sequences);
            parts.Add((Score(hidden, pass, options with { Differentiable = false }).Scores, pass.Places));
        }
        return parts.Count == 1 ? parts[0].Item1 : TokenScores.Join(parts);
    }

    /// <summary>
    /// Scores for a backward pass. A batch of one pass is computed once; of several, the scores come first, and <see cref="TrainingScores.Backward"/> computes each pass again:
    /// where a loss needs all pairs at once, their activations need not be there at once.
    /// </summary>
    public TrainingScores ScoreForTraining(ITokenBatch batch, TokenLogProbOptions options)
    {
        var differentiable = options with { Differentiable = true };
        var passes = Passes(batch).ToArray();
        if (passes.Length > 1) return new(Score(batch, options), weights =>
        {
            foreach (var pass in passes)
            {
                using var scope = NewDisposeScope();
                var (_, back) = Start(pass, differentiable);
                back(weights.index_select(0, pass.Places));
            }
        }) { Passes = passes.Length, Recomputed = passes.Length };
        var (tokens, backward) = Start(passes[0], differentiable);
        return new(tokens.Scores, backward) { Passes = 1, Recomputed = passes[0].Checkpoint ? 1 : 0 };
    }

    /// <summary>The rows that go through the model together.</summary>
    public IReadOnlyList<PlannedPass> Plan(ITokenBatch batch) => planner.Plan(batch.RowSizes);

    public void Dispose() => _memory.Dispose();

    private (TokenLogProbs Tokens, Action<Tensor> Back) Start(Pass pass, TokenLogProbOptions options)
    {
        var forward = decoder.TrainingForward(pass.Sequences, pass.Checkpoint, planner.Reserve(_memory, pass.Sequences.Length, pass.Checkpoint));
        var tokens = Score(forward.Hidden, pass, options);
        return (tokens, weights =>
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var selected = tokens.Backward(weights);
            var gradient = zeros(forward.Hidden.shape, selected.dtype, device: selected.device);
            gradient.AddAtInPlace(pass.Positions, selected);   // a prompt's last token predicts the first of both answers
            forward.Backward(gradient);
        });
    }

    private TokenLogProbs Score(Tensor hidden, Pass pass, TokenLogProbOptions options)
    {
        using var mode = no_grad();
        var selected = hidden.index_select(0, pass.Positions);
        return TokenLogProbs.Compute(decoder.Head(), selected, pass.Targets, options with { LogitBudget = planner.LogitBudget });
    }

    private IEnumerable<Pass> Passes(ITokenBatch batch)
    {
        var plan = Plan(batch);
        if (plan.Count == 1)
        {
            yield return new(batch.Sequences, batch.Positions, batch.Targets, TensorArithmetic.WholeNumbers(batch.Positions.shape[0], Device), plan[0].Checkpoint);
            yield break;
        }
        foreach (var (first, count, checkpoint) in plan)
        {
            var trees = batch.TreesOf(first, count);
            var (start, end) = (batch.Sequences.Spans[trees.Start].Start, batch.Sequences.Spans[trees.End.Value - 1].End);
            var places = batch.Positions.IsBetween(start, end - 1).nonzero().flatten();
            yield return new(batch.Sequences[trees], batch.Positions.index_select(0, places).Minus(start), batch.Targets.index_select(0, places), places, checkpoint);
        }
    }

    /// <summary>Rows of a batch as a batch of their own.</summary>
    /// <param name="Sequences">Their tokens.</param>
    /// <param name="Positions">Which of these predict.</param>
    /// <param name="Targets">The predicted ids.</param>
    /// <param name="Places">Where the scored tokens are among those of the batch.</param>
    /// <param name="Checkpoint">Whether layers are computed again in the backward pass.</param>
    private sealed record Pass(PackedSequences Sequences, Tensor Positions, Tensor Targets, Tensor Places, bool Checkpoint);
}

/// <summary>Scores whose gradient can be taken once.</summary>
/// <param name="Tokens">The scores.</param>
/// <param name="Back">Adds the gradient of <c>Σ weights · log p</c> to the parameters' gradients; weights are <c>[N + E]</c>.</param>
internal sealed record TrainingScores(TokenScores Tokens, Action<Tensor> Back)
{
    /// <summary>How often the model was run.</summary>
    public int Passes { get; init; }

    /// <summary>How many of the passes compute layers again.</summary>
    public int Recomputed { get; init; }

    /// <summary>Adds the gradient of <c>Σ weights · log p</c> to the parameters' gradients.</summary>
    /// <param name="weights"><c>[N]</c>; tokens beyond them count nothing.</param>
    public void Backward(Tensor weights)
    {
        using var scope = NewDisposeScope();
        var extra = Tokens.LogProbs.shape[0] - weights.shape[0];
        Back(extra == 0 ? weights : cat([weights, zeros(extra, weights.dtype, device: weights.device)]));
    }
}
