using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Attention of packed trees piece by piece: one call for each trunk and each branch, with just the keys they see, by the kernel that never holds the scores. Full
/// causal attention on the CPU; its tensors belong to the dispose scope in which it is made.
/// </summary>
internal sealed class TiledAttention
{
    private readonly Tile[] _tiles;
    private readonly Dictionary<(int Trunk, int Length), Tensor> _masks = [];
    private readonly Dictionary<double, Tensor> _scales = [];

    /// <param name="sequences">The tokens.</param>
    /// <param name="scales">The layers' factors of the scores.</param>
    /// <param name="dtype">Type of queries, keys and values.</param>
    public TiledAttention(PackedSequences sequences, IEnumerable<double> scales, ScalarType dtype)
    {
        foreach (var scale in scales.Distinct()) _scales[scale] = tensor(scale, ScalarType.Float64);
        _tiles = [.. sequences.Spans.SelectMany(TilesOf)];
        foreach (var (trunk, length) in _tiles.Where(tile => tile.Trunk > 0).Select(tile => (tile.Trunk, tile.Length)).Distinct())
            _masks[(trunk, length)] = Mask(trunk, length, dtype);
    }

    /// <inheritdoc cref="PackedAttention.Mix"/>
    public Traced Mix(Tensor heads, AttentionSpecification specification, TrainingPass pass)
    {
        var output = pass.Keep(empty([heads.shape[0], specification.Heads * specification.HeadSize], heads.dtype, heads.device));
        var normalizers = _tiles.Select(tile => pass.Keep(Forward(tile, heads, output, specification))).ToArray();
        return new(output, gradient =>
        {
            var all = zeros_like(heads);
            foreach (var (tile, normalizer) in _tiles.Zip(normalizers)) Backward(tile, heads, output, normalizer, gradient, all, specification);
            return all;
        });
    }

    private Tensor Forward(Tile tile, Tensor heads, Tensor output, AttentionSpecification specification)
    {
        using var scope = NewDisposeScope();
        var (keys, values) = KeysAndValues(tile, heads, specification);
        var (mixed, normalizers) = NativeKernels.Attend(Queries(tile, heads, specification), keys, values, _scales[specification.Scale], MaskOf(tile));
        Queries(tile, output, specification).copy_(mixed);
        return normalizers.MoveToOuterDisposeScope();
    }

    private void Backward(Tile tile, Tensor heads, Tensor output, Tensor normalizers, Tensor gradient, Tensor all, AttentionSpecification specification)
    {
        using var scope = NewDisposeScope();
        var (keys, values) = KeysAndValues(tile, heads, specification);
        var (forQueries, forKeys, forValues) = NativeKernels.AttentionGradients(
            Queries(tile, gradient, specification), Queries(tile, heads, specification), keys, values,
            Queries(tile, output, specification), normalizers, _scales[specification.Scale], MaskOf(tile));
        Queries(tile, all, specification).copy_(forQueries);
        var (width, both) = (specification.Heads * specification.HeadSize, 2 * specification.KeyValueHeads * specification.HeadSize);
        // [rep, Hkv, S, D] → [S, 2 Hkv D]: a key-value head serves several query heads.
        var forBoth = stack([forKeys.sum([0]), forValues.sum([0])]).permute(2, 0, 1, 3).reshape(-1, both);
        if (tile.Trunk > 0) all.narrow(0, tile.TrunkStart, tile.Trunk).narrow(1, width, both).add_(forBoth.narrow(0, 0, tile.Trunk), TensorArithmetic.One);
        all.narrow(0, tile.Start, tile.Length).narrow(1, width, both).add_(forBoth.narrow(0, tile.Trunk, tile.Length), TensorArithmetic.One);
    }

    // The tile's rows as [rep, Hkv, T, D], a view: the query heads of a group are a batch over the group's keys, which need no copy per query head.
    private static Tensor Queries(Tile tile, Tensor rows, AttentionSpecification specification)
    {
        var (groups, size) = (specification.KeyValueHeads, specification.HeadSize);
        return rows.narrow(0, tile.Start, tile.Length).narrow(1, 0, specification.Heads * size).unflatten(1, [groups, specification.Heads / groups, size]).permute(2, 1, 0, 3);
    }

    private static (Tensor Keys, Tensor Values) KeysAndValues(Tile tile, Tensor heads, AttentionSpecification specification)
    {
        var (groups, size) = (specification.KeyValueHeads, specification.HeadSize);
        var both = heads.narrow(1, specification.Heads * size, 2 * groups * size);
        var own = both.narrow(0, tile.Start, tile.Length);
        var rows = tile.Trunk == 0 ? own : cat([both.narrow(0, tile.TrunkStart, tile.Trunk), own]);
        return (Expand(0), Expand(groups * size));

        Tensor Expand(int column) =>
            rows.narrow(1, column, groups * size).unflatten(1, [groups, size]).permute(1, 0, 2).unsqueeze(0).expand(specification.Heads / groups, groups, rows.shape[0], size);
    }

    private Tensor? MaskOf(Tile tile) => tile.Trunk == 0 ? null : _masks[(tile.Trunk, tile.Length)];

    // A branch sees the whole trunk, and itself up to the token's own place. (A trunk sees only itself, which the kernel knows how to do.)
    private static Tensor Mask(int trunk, int length, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var hidden = ones([length, trunk + length], ScalarType.Bool).triu(trunk + 1);
        return zeros([1, 1, length, trunk + length], dtype).MaskInPlace(hidden, AttentionMask.Excluded).MoveToOuterDisposeScope();
    }

    private static IEnumerable<Tile> TilesOf(TreeSpan span)
    {
        if (span.Trunk > 0) yield return new(span.Start, span.Trunk, 0, 0);
        foreach (var branch in span.Branches.Where(branch => branch.Length > 0)) yield return new(branch.Start, branch.Length, span.Start, span.Trunk);
    }

    /// <summary>Tokens that ask together.</summary>
    /// <param name="Start">The first one.</param>
    /// <param name="Length">Their number.</param>
    /// <param name="TrunkStart">Where the trunk before them begins.</param>
    /// <param name="Trunk">The trunk's length; 0 for none.</param>
    private readonly record struct Tile(int Start, int Length, int TrunkStart, int Trunk);
}
