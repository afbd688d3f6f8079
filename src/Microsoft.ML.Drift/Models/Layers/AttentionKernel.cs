using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>softmax(Q Kᵀ · scale + mask) V for grouped heads.</summary>
internal static class AttentionKernel
{
    /// <param name="queries">[B, H, T, D].</param>
    /// <param name="keys">[B, Hkv, S, D]; head h of the queries reads key-value head h / (H / Hkv).</param>
    /// <param name="values">[B, Hkv, S, D].</param>
    /// <param name="mask">[B or 1, 1, T, S], added to the scores, or null.</param>
    /// <param name="specification">Scale and soft cap.</param>
    /// <returns>[B, T, H · D].</returns>
    public static Tensor Mix(Tensor queries, Tensor keys, Tensor values, Tensor? mask, AttentionSpecification specification)
    {
        using var scope = NewDisposeScope();
        var mixed = specification.ScoreSoftCap is { } cap
            ? SoftCapped(queries, Repeat(keys, specification), Repeat(values, specification), mask, specification.Scale, cap)
            : Fused(queries, keys, values, mask, specification);
        return mixed.transpose(1, 2).flatten(2).MoveToOuterDisposeScope();
    }

    private static Tensor Fused(Tensor queries, Tensor keys, Tensor values, Tensor? mask, AttentionSpecification specification)
    {
        // The fused kernel multiplies by 1/√D itself.
        var rescale = specification.Scale * Math.Sqrt(specification.HeadSize);
        if (Math.Abs(rescale - 1) > 1e-12) queries = queries.Times(rescale);
        if (queries.shape[2] > 1)
            return nn.functional.scaled_dot_product_attention(queries, Repeat(keys, specification), Repeat(values, specification), mask);

        // One new token: the queries of a group are rows of one small product, and keys need not be copied per query head.
        var (batch, heads, groups) = (queries.shape[0], queries.shape[1], keys.shape[1]);
        var grouped = queries.reshape(batch, groups, heads / groups, specification.HeadSize);
        var mixed = nn.functional.scaled_dot_product_attention(grouped, keys, values, mask);
        return mixed.reshape(batch, heads, 1, specification.HeadSize);
    }

    private static Tensor SoftCapped(Tensor queries, Tensor keys, Tensor values, Tensor? mask, double scale, double cap)
    {
        var scores = matmul(queries, keys.transpose(2, 3)).Times(scale).DividedBy(cap).tanh().Times(cap);
        if (mask is not null) scores = scores.Plus(mask);
        return matmul(scores.softmax(-1, ScalarType.Float32).to(queries.dtype), values);
    }

    private static Tensor Repeat(Tensor heads, AttentionSpecification specification)
    {
        var times = specification.Heads / specification.KeyValueHeads;
        if (times == 1) return heads;
        var (shape, groups) = (heads.shape, heads.shape[1]);
        return heads.unsqueeze(2).expand(shape[0], groups, times, shape[2], shape[3]).reshape(shape[0], groups * times, shape[2], shape[3]);
    }
}
