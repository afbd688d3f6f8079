using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>A micro-batch of B labelled sequences. Its tensors belong to the dispose scope that is current at creation.</summary>
internal sealed class SftBatch : ITokenBatch
{
    private SftBatch(PackedSequences sequences, Tensor positions, Tensor targets, int tokenCount) =>
        (Sequences, Positions, Targets, TokenCount) = (sequences, positions, targets, tokenCount);

    /// <inheritdoc/>
    public PackedSequences Sequences { get; }

    /// <inheritdoc/>
    public required IReadOnlyList<(int Tokens, int Scored)> RowSizes { get; init; }

    /// <inheritdoc/>
    public Range TreesOf(int first, int count) => first..(first + count);

    /// <inheritdoc/>
    public Tensor Positions { get; }

    /// <inheritdoc/>
    public Tensor Targets { get; }

    /// <inheritdoc/>
    public int ScoredCount => (int)Positions.shape[0];

    /// <summary>Tokens of all sequences, padding not counted.</summary>
    public int TokenCount { get; }

    /// <summary>Builds the batch.</summary>
    /// <param name="rows">B rows.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="longest">Tokens of the longest row of all that are thought of as one batch; by default of these.</param>
    public static SftBatch Create(IReadOnlyList<SftTokens> rows, Device device, int? longest = null)
    {
        var (trees, positions, targets, start) = (new List<TokenTree>(), new List<long>(), new List<long>(), 0);
        foreach (var row in rows)
        {
            var (ids, isLabel) = row.Sequence;
            for (var t = 1; t < ids.Length; t++)
            {
                if (!isLabel[t]) continue;
                positions.Add(start + t - 1); // the hidden state at t − 1 predicts the token at t
                targets.Add(ids[t]);
            }
            trees.Add(new(ids.AsMemory(0, Math.Max(1, ids.Length - 1))));   // the last token predicts nothing
            start += trees[^1].Length;
        }
        var sequences = new PackedSequences(trees, device, longest ?? rows.Max(row => row.Sequence.Ids.Length));
        return new SftBatch(
            sequences, tensor(positions.ToArray(), device: device), tensor(targets.ToArray(), device: device), rows.Sum(row => row.Sequence.Ids.Length))
        {
            RowSizes = [.. rows.Zip(trees, (row, tree) => (tree.Length, row.ScoredCount))],
        };
    }
}
