using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Data;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// A micro-batch of B pairs as tensors: 2B sequences without padding, a pair's prompt once, and the list of tokens whose log-probs are wanted.
/// </summary>
/// <remarks>
/// A sequence's first token is predicted by nothing, so an answer that starts there (its prompt was cut away) has one scored token fewer
/// than tokens. The tensors belong to the dispose scope that is current at creation.
/// </remarks>
internal sealed class PairBatch : ITokenBatch
{
    private PairBatch(int pairCount, int tokenCount) => (PairCount, TokenCount) = (pairCount, tokenCount);

    /// <summary>B.</summary>
    public int PairCount { get; }

    /// <summary>Tokens of all sequences, padding not counted.</summary>
    public int TokenCount { get; }

    /// <inheritdoc/>
    public required PackedSequences Sequences { get; init; }

    /// <inheritdoc/>
    public required IReadOnlyList<(int Tokens, int Scored)> RowSizes { get; init; }

    /// <summary>The first tree of each pair, and their number at the end.</summary>
    public required IReadOnlyList<int> FirstTrees { get; init; }

    /// <inheritdoc/>
    public Range TreesOf(int first, int count) => FirstTrees[first]..FirstTrees[first + count];

    /// <summary><c>[N + E]</c> int64: the packed tokens that predict; E extra ones, at the end, only enter mean logits.</summary>
    public required Tensor Positions { get; init; }

    /// <summary><c>[N + E]</c> int64: the predicted ids; 0 for the extra ones.</summary>
    public required Tensor Targets { get; init; }

    /// <summary><c>[N + E]</c> int64: the sequence each position belongs to; chosen ones first.</summary>
    public required Tensor Rows { get; init; }

    /// <summary>N: tokens that are scored.</summary>
    public required int ScoredCount { get; init; }

    /// <summary><c>[N]</c> float32: each token's weight in its answer's log-prob under the policy.</summary>
    public required Tensor PolicyWeights { get; init; }

    /// <summary><c>[N]</c> float32: the same under the reference.</summary>
    public required Tensor ReferenceWeights { get; init; }

    /// <summary><c>[N]</c> float32: 1 where the token counts in the NLL term.</summary>
    public required Tensor NllMask { get; init; }

    /// <summary>Number of ones in <see cref="NllMask"/>.</summary>
    public required int NllCount { get; init; }

    /// <summary><c>[N]</c> float32: WPO's weight of each token's log-prob, and of its normaliser: 1 / length, or 0.</summary>
    public required (Tensor LogProb, Tensor Normalizer) WpoWeights { get; init; }

    /// <summary>Builds the batch.</summary>
    /// <param name="pairs">B pairs.</param>
    /// <param name="rules">How tokens count.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="longest">Tokens of the longest sequence of all that are thought of as one batch; by default of these.</param>
    public static PairBatch Create(IReadOnlyList<PreferenceTokens> pairs, PairBatchRules rules, Device device, int? longest = null)
    {
        var sequences = pairs.Select(pair => pair.Chosen).Concat(pairs.Select(pair => pair.Rejected)).ToArray();
        var packed = new PackedPairs(pairs, sequence => ScoredTokens.HasExtraPosition(sequence, rules));
        var tokens = new ScoredTokens(pairs, sequences, packed.PlaceOf, rules);
        return new PairBatch(pairs.Count, sequences.Sum(sequence => sequence.Ids.Length))
        {
            Sequences = new PackedSequences(packed.Trees, device, longest ?? LongestOf(pairs)),
            RowSizes = [.. pairs.Select((pair, i) => (packed.Trees.Take(packed.FirstTrees[i]..packed.FirstTrees[i + 1]).Sum(tree => tree.Length), pair.Chosen.ScoredLength + pair.Rejected.ScoredLength))],
            FirstTrees = packed.FirstTrees,
            Positions = tensor(tokens.Positions.ToArray(), device: device),
            Targets = tensor(tokens.Targets.ToArray(), device: device),
            Rows = tensor(tokens.Rows.ToArray(), device: device),
            ScoredCount = tokens.PolicyWeights.Count,
            PolicyWeights = tensor(tokens.PolicyWeights.ToArray(), device: device),
            ReferenceWeights = tensor(tokens.ReferenceWeights.ToArray(), device: device),
            NllMask = tensor(tokens.NllMask.ToArray(), device: device),
            NllCount = (int)tokens.NllMask.Sum(),
            WpoWeights = (tensor(tokens.WpoLogProbWeights.ToArray(), device: device), tensor(tokens.WpoNormalizerWeights.ToArray(), device: device)),
        };
    }

    /// <summary>Tokens of the longest sequence.</summary>
    public static int LongestOf(IEnumerable<PreferenceTokens> pairs) => pairs.Max(pair => Math.Max(pair.Chosen.Ids.Length, pair.Rejected.Ids.Length));

    /// <summary>Each answer's log-prob: the weighted sum of its tokens', accumulated in float64.</summary>
    /// <param name="logProbs"><c>[N + E]</c>.</param>
    /// <param name="weights"><c>[N]</c>.</param>
    /// <returns><c>[2B]</c> float32.</returns>
    public Tensor SumPerAnswer(Tensor logProbs, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var sums = zeros(2 * PairCount, ScalarType.Float64, logProbs.device);
        sums.AddAtInPlace(Rows[..ScoredCount], logProbs[..ScoredCount].to(ScalarType.Float64) * weights.to(ScalarType.Float64));
        return sums.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
