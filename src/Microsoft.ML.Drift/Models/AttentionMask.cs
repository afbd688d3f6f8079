using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Which keys each query sees, described once per batch; <see cref="Decoder"/> derives from it what each layer needs, sliding windows included.
/// Its tensors belong to the dispose scope in which the mask is made.
/// </summary>
/// <remarks>
/// Three ways to make one: <see cref="Causal"/> for a padded batch; <see cref="Cached"/> for new tokens behind those of a cache;
/// <see cref="Explicit"/> for any other pattern, such as <c>[prompt | chosen | rejected]</c> in one row.
/// </remarks>
internal sealed class AttentionMask
{
    /// <summary>Added to the score of an excluded key: far below any score, yet finite, so that a padding query with nothing to see stays finite too.</summary>
    internal const float Excluded = -1e30f;

    private readonly Tensor? _allowed;          // [B or 1, T, S] bool; null: every key
    private readonly Tensor _queryIndices;      // [B or 1, T] int64: what sliding windows count by
    private readonly Tensor _keyIndices;        // [B or 1, S] int64

    private AttentionMask(Tensor? allowed, Tensor queryIndices, Tensor keyIndices, Tensor positions) =>
        (_allowed, _queryIndices, _keyIndices, Positions) = (allowed, queryIndices, keyIndices, positions);

    /// <summary>[B, T] int64: the natural position of every token, counted without padding, as transformers' <c>generate</c> counts (1 on padding).</summary>
    public Tensor Positions { get; }

    /// <summary>How many new tokens of each row are real; only for masks made by <see cref="Cached"/>.</summary>
    internal IReadOnlyList<int>? NewTokens { get; private init; }

    /// <summary>[B, T] int64: the cache column of each new token, or null where all rows write to the same columns.</summary>
    internal Tensor? CacheColumns { get; private init; }

    /// <summary>Each token sees itself and the real tokens before it.</summary>
    /// <param name="attentionMask">[B, T], 1 on real tokens and 0 on padding, which may be on either side. Sliding windows count by index, padding included.</param>
    public static AttentionMask Causal(Tensor attentionMask)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var real = attentionMask.to(ScalarType.Bool);
        var indices = TensorArithmetic.WholeNumbers(real.shape[1], real.device).unsqueeze(0);
        var allowed = indices.unsqueeze(1) <= indices.unsqueeze(2);
        if (!real.all().item<bool>()) allowed = allowed.logical_and(real.unsqueeze(1));
        var positions = real.to(ScalarType.Int64).cumsum(1).Minus(1).Masked(real.logical_not(), 1);
        return new AttentionMask(Keep(allowed), Keep(indices), Keep(indices.alias()), Keep(positions));
    }

    /// <summary>
    /// New tokens behind those that a cache holds: each sees itself, the new tokens before it, and its row's cached tokens.
    /// </summary>
    /// <param name="cache">The cache, which the forward pass extends.</param>
    /// <param name="newTokens">Per row, how many of the new tokens are real; the others are padding on the right.</param>
    /// <param name="width">T, the number of new tokens per row, padding included.</param>
    public static AttentionMask Cached(KeyValueCache cache, IReadOnlyList<int> newTokens, int width)
    {
        if (newTokens.Count != cache.Rows) throw new ArgumentException($"{newTokens.Count} rows of new tokens; the cache has {cache.Rows} rows.", nameof(newTokens));
        if (newTokens.Any(count => count < 0 || count > width)) throw new ArgumentException($"New tokens per row must be between 0 and the width, {width}.", nameof(newTokens));
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var starts = tensor(cache.Lengths.ToArray(), ScalarType.Int64, cache.Device).unsqueeze(1);
        var columns = starts.Plus(TensorArithmetic.WholeNumbers(width, cache.Device));
        var keys = TensorArithmetic.WholeNumbers(cache.LongestRow + width, cache.Device).unsqueeze(0);
        var aligned = cache.Lengths.All(length => length == cache.Lengths[0]);
        var seesAll = width == 1 && aligned;
        return new AttentionMask(seesAll ? null : Keep(keys.unsqueeze(1) <= columns.unsqueeze(2)), Keep(columns), Keep(keys), Keep(columns.alias()))
        {
            NewTokens = [.. newTokens],
            CacheColumns = aligned ? null : Keep(columns.alias()),
        };
    }

    /// <summary>Any pattern: the way to put several sequences with a common beginning into one row.</summary>
    /// <param name="allowed">[B, T, S] bool: whether a query sees a key. Every real query must see itself.</param>
    /// <param name="positions">[B, T] int64: positions of the tokens, by which sliding windows count; S must be T.</param>
    public static AttentionMask Explicit(Tensor allowed, Tensor positions)
    {
        if (allowed.dim() != 3 || allowed.shape[1] != allowed.shape[2] || allowed.dtype != ScalarType.Bool)
            throw new ArgumentException($"A bool tensor [B, T, T] is expected, {allowed.dtype} [{string.Join(", ", allowed.shape)}] was given.", nameof(allowed));
        return new AttentionMask(allowed.alias(), positions.alias(), positions.alias(), positions.alias());
    }

    /// <summary>What is added to the scores, [B or 1, 1, T, S]; null where every query sees every key.</summary>
    /// <param name="window">The layer's sliding window, or null.</param>
    /// <param name="dtype">Type of the scores.</param>
    internal Tensor? Additive(int? window, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var allowed = _allowed;
        if (window is { } width)
        {
            var near = _keyIndices.unsqueeze(1) > _queryIndices.unsqueeze(2).Minus(width);
            allowed = allowed is null ? near : allowed.logical_and(near);
        }
        if (allowed is null) return null;
        return zeros(allowed.shape, dtype, allowed.device).MaskInPlace(allowed.logical_not(), Excluded).unsqueeze(1).MoveToOuterDisposeScope();
    }

    private static Tensor Keep(Tensor tensor) => tensor.MoveToOuterDisposeScope();
}
