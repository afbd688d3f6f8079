using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Trees of tokens, one behind the other in one row without padding: what a training pass computes. Its tensors belong to the dispose scope that is current at creation.
/// </summary>
internal sealed class PackedSequences
{
    private readonly IReadOnlyList<TokenTree> _trees;

    /// <param name="trees">At least one tree with at least one token.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="longest">The length by which rotary frequencies are chosen where they depend on it; at least the depth of every tree, which is the default.</param>
    public PackedSequences(IReadOnlyList<TokenTree> trees, Device device, int? longest = null)
    {
        _trees = trees;
        Spans = [.. Layout(trees)];
        Length = trees.Sum(tree => tree.Length);
        Depth = trees.Max(tree => tree.Depth);
        Longest = longest ?? Depth;
        var (ids, positions) = (new long[Length], new long[Length]);
        foreach (var (tree, span) in trees.Zip(Spans))
        {
            Fill(tree.Trunk.Span, span.Start, 0);
            for (var i = 0; i < tree.Branches.Count; i++) Fill(tree.Branches[i].Span, span.Branches[i].Start, span.Trunk);
        }
        (InputIds, Positions) = (tensor(ids, device: device), tensor(positions, device: device));

        void Fill(ReadOnlySpan<int> from, int start, int position)
        {
            for (var t = 0; t < from.Length; t++) (ids[start + t], positions[start + t]) = (from[t], position + t);
        }
    }

    /// <summary>T, the number of tokens.</summary>
    public int Length { get; }

    /// <summary>Tokens of the longest sequence.</summary>
    public int Depth { get; }

    /// <summary>The length by which rotary frequencies are chosen where they depend on it.</summary>
    public int Longest { get; }

    /// <summary>[T] int64.</summary>
    public Tensor InputIds { get; }

    /// <summary>[T] int64: each token's position in its sequence.</summary>
    public Tensor Positions { get; }

    /// <summary>Some of the trees on their own, with the frequencies of all.</summary>
    public PackedSequences this[Range trees] => new([.. _trees.Take(trees)], InputIds.device, Longest);

    /// <summary>Where the trees are.</summary>
    public IReadOnlyList<TreeSpan> Spans { get; }

    /// <summary>Real tokens of a padded batch as plain sequences.</summary>
    /// <param name="inputIds">[B, T] int64.</param>
    /// <param name="attentionMask">[B, T], 1 on real tokens, which are neighbours.</param>
    public static PackedSequences FromPadded(Tensor inputIds, Tensor attentionMask)
    {
        using var scope = NewDisposeScope();
        var (ids, real, width) = (inputIds.cpu().flatten().data<long>().ToArray(), attentionMask.to(ScalarType.Bool).cpu().flatten().data<bool>().ToArray(), (int)inputIds.shape[1]);
        var trees = Enumerable.Range(0, (int)inputIds.shape[0]).Select(row =>
            new TokenTree(Enumerable.Range(row * width, width).Where(index => real[index]).Select(index => (int)ids[index]).ToArray()));
        var packed = new PackedSequences([.. trees], inputIds.device);
        packed.InputIds.MoveToOuterDisposeScope();
        packed.Positions.MoveToOuterDisposeScope();
        return packed;
    }

    private static IEnumerable<TreeSpan> Layout(IReadOnlyList<TokenTree> trees)
    {
        var start = 0;
        foreach (var tree in trees)
        {
            var branches = new List<BranchSpan>();
            var next = start + tree.Trunk.Length;
            foreach (var branch in tree.Branches)
            {
                branches.Add(new(next, branch.Length));
                next += branch.Length;
            }
            yield return new TreeSpan(start, tree.Trunk.Length, branches, next - start);
            start = next;
        }
    }
}

/// <summary>A tree's place in the row.</summary>
/// <param name="Start">Its first token.</param>
/// <param name="Trunk">Tokens of the trunk.</param>
/// <param name="Branches">The branches' places.</param>
/// <param name="Length">All its tokens.</param>
internal sealed record TreeSpan(int Start, int Trunk, IReadOnlyList<BranchSpan> Branches, int Length)
{
    /// <summary>The token after its last.</summary>
    public int End => Start + Length;

    /// <summary>Whether two trees differ in their place alone.</summary>
    public bool HasShapeOf(TreeSpan other) => Trunk == other.Trunk && Branches.Select(branch => branch.Length).SequenceEqual(other.Branches.Select(branch => branch.Length));
}

/// <summary>A branch's place in the row.</summary>
internal readonly record struct BranchSpan(int Start, int Length);
