using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>What is known of n positions' logits when their columns have been seen chunk by chunk. Its tensors belong to the dispose scope that is current when it is made.</summary>
internal sealed class ColumnStatistics
{
    private readonly Tensor _targets;
    private readonly Tensor _normalizers;       // [chunks, n]: log Σ exp(logit)
    private readonly Tensor _expected;          // [chunks, n]: Σ p · logit, with the p of the chunk alone
    private readonly Tensor? _doubled;          // [chunks, n]: of the logits times two
    private readonly Tensor? _largest;          // [n]
    private readonly Tensor? _best;             // [n] int64
    private int _chunk;

    /// <param name="targets">[n]: the ids whose logits are wanted.</param>
    /// <param name="chunks">How many chunks there will be.</param>
    /// <param name="squares">Whether <see cref="DoubledNormalizers"/> is wanted.</param>
    /// <param name="argmax">Whether <see cref="Best"/> is wanted.</param>
    public ColumnStatistics(Tensor targets, int chunks, bool squares, bool argmax)
    {
        var (count, device) = (targets.shape[0], targets.device);
        _targets = targets;
        _normalizers = empty([chunks, count], ScalarType.Float32, device);
        _expected = empty_like(_normalizers);
        TargetLogits = zeros([count], ScalarType.Float32, device);
        Sums = zeros([count], ScalarType.Float32, device);
        if (squares) _doubled = empty_like(_normalizers);
        if (!argmax) return;
        _largest = TensorArithmetic.FilledLike(Sums, double.NegativeInfinity);
        _best = zeros([count], ScalarType.Int64, device);
    }

    /// <summary>[n]: the targets' logits.</summary>
    public Tensor TargetLogits { get; }

    /// <summary>[n]: the sums of all logits.</summary>
    public Tensor Sums { get; }

    /// <summary>[n] int64: the id with the largest logit, the first of equals.</summary>
    public Tensor Best => _best!;

    /// <summary>[n]: log Σ exp(logit).</summary>
    public Tensor Normalizers() => _normalizers.shape[0] == 1 ? _normalizers[0] : _normalizers.logsumexp(0);

    /// <summary>[n]: −Σ p log p.</summary>
    public Tensor Entropies(Tensor normalizers) => normalizers - ((_normalizers - normalizers).exp() * _expected).sum([0]);   // sum(0) would be sum(ScalarType.Byte)

    /// <summary>[n]: log Σ exp(2 · logit).</summary>
    public Tensor DoubledNormalizers() => _doubled!.logsumexp(0);

    /// <summary>Takes note of a chunk.</summary>
    /// <param name="logits">[n, end − start] float32.</param>
    /// <param name="start">The first id.</param>
    /// <param name="end">The id after the last.</param>
    public void Add(Tensor logits, long start, long end)
    {
        using var scope = NewDisposeScope();
        if (FusedRows.CanUse(logits) && FusedRows.CanUse(Sums)) AddFused(logits, start);
        else AddPlain(logits, start, end);
        _doubled?[_chunk].copy_(logits.Times(2).logsumexp(1));
        if (_largest is not null)
        {
            var (values, indices) = logits.max(1);
            var better = values > _largest;
            _best!.copy_(where(better, indices.Plus(start), _best));
            _largest.copy_(where(better, values, _largest));
        }
        _chunk++;
    }

    private void AddPlain(Tensor logits, long start, long end)
    {
        var (places, inside) = Places(_targets, start, end);
        TargetLogits.add_(logits.gather(1, places).mul_(inside).squeeze(1), TensorArithmetic.One);
        Sums.add_(logits.sum(1), TensorArithmetic.One);
        var normalizers = logits.logsumexp(1);
        _normalizers[_chunk].copy_(normalizers);
        _expected[_chunk].copy_((logits - normalizers.unsqueeze(1)).exp_().mul_(logits).sum(1));
    }

    private void AddFused(Tensor logits, long start) =>
        LogitRows.Summarize(logits, _targets, start, _normalizers[_chunk], _expected[_chunk], Sums, TargetLogits);

    /// <summary>Where the targets are in a chunk, [n, 1], and 1 for those that are, 0 for the others, [n, 1].</summary>
    public static (Tensor Places, Tensor Inside) Places(Tensor targets, long start, long end)
    {
        var places = targets.Minus(start).unsqueeze(1);
        var inside = places.IsBetween(0, end - start - 1).to(ScalarType.Float32);
        using var first = 0.ToScalar();
        using var last = (end - start - 1).ToScalar();
        return (places.clamp(first, last), inside);
    }
}
