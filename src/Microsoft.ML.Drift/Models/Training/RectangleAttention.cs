using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Attention of packed trees in one call: the trees side by side, padded to the longest, with an explicit mask. Does everything, sliding windows and capped scores
/// included; libtorch differentiates it. Its tensors belong to the dispose scope in which it is made.
/// </summary>
internal sealed class RectangleAttention
{
    private readonly int _count;
    private readonly int _width;
    private readonly Tensor? _toRectangle;      // [count · width]: the token of each place; 0 on padding
    private readonly Tensor? _fromRectangle;    // [T]: each token's place
    private readonly List<(int? Window, Tensor Mask)> _masks = [];

    /// <param name="sequences">The tokens.</param>
    /// <param name="windows">The layers' sliding windows.</param>
    /// <param name="dtype">Type of queries, keys and values.</param>
    public RectangleAttention(PackedSequences sequences, IReadOnlyList<int?> windows, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var device = sequences.InputIds.device;
        (_count, _width) = (sequences.Spans.Count, sequences.Spans.Max(span => span.Length));
        var sameShape = sequences.Spans.All(span => span.HasShapeOf(sequences.Spans[0]));
        var (branch, position) = Places(sameShape ? [sequences.Spans[0]] : sequences.Spans);
        var shape = new long[] { sameShape ? 1 : _count, _width };
        var (branches, positions, places) = (tensor(branch, shape, device: device), tensor(position, shape, device: device), TensorArithmetic.WholeNumbers(_width, device));
        var earlier = places.unsqueeze(0) <= places.unsqueeze(1);
        var (asking, asked) = (branches.unsqueeze(2), branches.unsqueeze(1));
        var allowed = earlier.logical_and(asked.IsEqualTo(0).logical_or(asked.eq(asking)));
        foreach (var window in windows)
        {
            var seen = window is { } width ? allowed.logical_and((positions.unsqueeze(2) - positions.unsqueeze(1)).IsLessThan(width)) : allowed;
            var mask = zeros(seen.shape, dtype, device).MaskInPlace(seen.logical_not(), AttentionMask.Excluded).unsqueeze(1);
            _masks.Add((window, mask.MoveToOuterDisposeScope()));
        }
        if (sequences.Spans.All(span => span.Length == _width)) return;
        var (to, from) = (new long[_count * _width], new long[sequences.Length]);
        for (var row = 0; row < _count; row++)
        {
            var span = sequences.Spans[row];
            for (var t = 0; t < span.Length; t++) (to[row * _width + t], from[span.Start + t]) = (span.Start + t, row * _width + t);
        }
        _toRectangle = tensor(to, device: device).MoveToOuterDisposeScope();
        _fromRectangle = tensor(from, device: device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="PackedAttention.Mix"/>
    public Tensor Mix(Tensor heads, AttentionSpecification specification)
    {
        using var scope = NewDisposeScope();
        var rows = _toRectangle is null ? heads : heads.index_select(0, _toRectangle);
        var (queries, keys) = (specification.Heads * specification.HeadSize, specification.KeyValueHeads * specification.HeadSize);
        var mask = _masks.First(entry => entry.Window == specification.SlidingWindow).Mask;
        var mixed = AttentionKernel.Mix(
            Part(0, specification.Heads), Part(queries, specification.KeyValueHeads), Part(queries + keys, specification.KeyValueHeads), mask, specification).flatten(0, 1);
        return (_fromRectangle is null ? mixed : mixed.index_select(0, _fromRectangle)).MoveToOuterDisposeScope();

        Tensor Part(int column, int number) => rows.narrow(1, column, number * specification.HeadSize).view(_count, _width, number, specification.HeadSize).transpose(1, 2);
    }

    // Each place's branch (0: trunk, −1: padding) and position.
    private (long[] Branch, long[] Position) Places(IReadOnlyList<TreeSpan> spans)
    {
        var (branch, position) = (new long[spans.Count * _width], new long[spans.Count * _width]);
        Array.Fill(branch, -1);
        for (var row = 0; row < spans.Count; row++)
        {
            var span = spans[row];
            Fill(row, 0, span.Trunk, 0, 0);
            for (var i = 0; i < span.Branches.Count; i++) Fill(row, span.Branches[i].Start - span.Start, span.Branches[i].Length, i + 1, span.Trunk);
        }
        return (branch, position);

        void Fill(int row, int start, int length, long number, int firstPosition)
        {
            for (var t = 0; t < length; t++) (branch[row * _width + start + t], position[row * _width + start + t]) = (number, firstPosition + t);
        }
    }
}
