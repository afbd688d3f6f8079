using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Drift.Models;

/// <summary>softmax(q Kᵀ · scale) V over the blocks of one sequence and one key-value head, for four queries at a time.</summary>
/// <remarks>Sums run over the dimensions and over the keys in their order, for each query by itself, however queries are put together.</remarks>
internal sealed unsafe class AttentionOverBlocks : IDisposable
{
    public const int Queries = 4;

    private const int Lanes = 16;
    private const int Block = KeyValueBlocks.Tokens;
    private float* _scores;
    private int _capacity;

    /// <summary>Floats that a head's values take.</summary>
    public static int Padded(int headSize) => (headSize + Lanes - 1) / Lanes * Lanes;

    /// <summary>Attention of up to four queries.</summary>
    /// <param name="blocks">Keys and values.</param>
    /// <param name="sequence">The row.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="head">The key-value head.</param>
    /// <param name="queries">Four queries [D]; one may stand several times.</param>
    /// <param name="positions">The place of each query in the sequence; it sees the keys up to there.</param>
    /// <param name="results">Where each result [D] goes.</param>
    /// <param name="specification">Scale, soft cap, window.</param>
    public void Mix(
        KeyValueBlocks blocks, CachedSequence sequence, int layer, int head, float** queries, int* positions, float** results, AttentionSpecification specification)
    {
        var (first, last) = (int.MaxValue, 0);
        for (var query = 0; query < Queries; query++)
            (first, last) = (Math.Min(first, FirstKey(positions[query], specification)), Math.Max(last, positions[query]));
        var (firstBlock, lastBlock) = (first / Block, last / Block);
        var width = (lastBlock - firstBlock + 1) * Block;
        Reserve(width);
        for (var block = firstBlock; block <= lastBlock; block++)
            Score(queries, blocks.Keys(sequence.Blocks[block], layer, head), specification.HeadSize, _scores + (block - firstBlock) * Block, width);

        var sums = stackalloc float[Queries];
        for (var query = 0; query < Queries; query++)
        {
            var scores = _scores + query * width;
            VectorMath.Scale(scores, (float)specification.Scale, width);
            if (specification.ScoreSoftCap is { } cap) VectorMath.SoftCap(scores, (float)cap, width);
            var (start, end) = (FirstKey(positions[query], specification) - firstBlock * Block, positions[query] + 1 - firstBlock * Block);
            new Span<float>(scores, start).Fill(float.NegativeInfinity);
            new Span<float>(scores + end, width - end).Fill(float.NegativeInfinity);
            sums[query] = VectorMath.Exponentiate(scores, width);
        }
        for (var dimension = 0; dimension < specification.HeadSize;)
        {
            var wide = Padded(specification.HeadSize) - dimension >= 4 * Lanes;
            Weigh(blocks, sequence, layer, head, firstBlock, first, last + 1, width, dimension, wide, results, sums, specification.HeadSize);
            dimension += wide ? 4 * Lanes : Lanes;
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(_scores);

    private static int FirstKey(int position, AttentionSpecification specification) =>
        specification.SlidingWindow is { } window ? Math.Max(0, position - window + 1) : 0;

    /// <summary>The products of four queries with the keys of one block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Score(float** queries, float* keys, int headSize, float* scores, int width)
    {
        var q0 = queries[0];
        var q1 = queries[1];
        var q2 = queries[2];
        var q3 = queries[3];
        var zero = Vector512<float>.Zero;
        var (s00, s01, s10, s11, s20, s21, s30, s31) = (zero, zero, zero, zero, zero, zero, zero, zero);
        for (var d = 0; d < headSize; d++, keys += Block)
        {
            var (k0, k1) = (Vector512.Load(keys), Vector512.Load(keys + Lanes));
            var q = Vector512.Create(q0[d]);
            (s00, s01) = (Vector512.FusedMultiplyAdd(q, k0, s00), Vector512.FusedMultiplyAdd(q, k1, s01));
            q = Vector512.Create(q1[d]);
            (s10, s11) = (Vector512.FusedMultiplyAdd(q, k0, s10), Vector512.FusedMultiplyAdd(q, k1, s11));
            q = Vector512.Create(q2[d]);
            (s20, s21) = (Vector512.FusedMultiplyAdd(q, k0, s20), Vector512.FusedMultiplyAdd(q, k1, s21));
            q = Vector512.Create(q3[d]);
            (s30, s31) = (Vector512.FusedMultiplyAdd(q, k0, s30), Vector512.FusedMultiplyAdd(q, k1, s31));
        }
        s00.Store(scores); s01.Store(scores + Lanes);
        s10.Store(scores + width); s11.Store(scores + width + Lanes);
        s20.Store(scores + 2 * width); s21.Store(scores + 2 * width + Lanes);
        s30.Store(scores + 3 * width); s31.Store(scores + 3 * width + Lanes);
    }

    /// <summary>The weighted sum of the values, over 16 or 64 of their dimensions.</summary>
    private void Weigh(
        KeyValueBlocks blocks, CachedSequence sequence, int layer, int head, int firstBlock, int first, int end, int width,
        int dimension, bool wide, float** results, float* sums, int headSize)
    {
        var total = stackalloc float[Queries * 4 * Lanes];
        new Span<float>(total, Queries * 4 * Lanes).Clear();
        var stride = Padded(headSize);
        for (var key = first; key < end;)
        {
            var block = key / Block;
            var stop = Math.Min(end, (block + 1) * Block);
            var values = blocks.Values(sequence.Blocks[block], layer, head) + (key - block * Block) * stride + dimension;
            var weights = _scores + (key - firstBlock * Block);
            if (wide) AddWide(values, stride, weights, width, stop - key, total);
            else AddNarrow(values, stride, weights, width, stop - key, total);
            key = stop;
        }
        for (var query = 0; query < Queries; query++)
        {
            var factor = Vector512.Create(1 / sums[query]);
            for (var part = 0; part < (wide ? 4 : 1); part++)
                VectorMath.Store(results[query], dimension + part * Lanes, headSize, Vector512.Load(total + (query * 4 + part) * Lanes) * factor);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddWide(float* values, int stride, float* weights, int width, int keys, float* total)
    {
        var (a0, a1, a2, a3) = (Vector512.Load(total), Vector512.Load(total + 16), Vector512.Load(total + 32), Vector512.Load(total + 48));
        var (b0, b1, b2, b3) = (Vector512.Load(total + 64), Vector512.Load(total + 80), Vector512.Load(total + 96), Vector512.Load(total + 112));
        var (c0, c1, c2, c3) = (Vector512.Load(total + 128), Vector512.Load(total + 144), Vector512.Load(total + 160), Vector512.Load(total + 176));
        var (d0, d1, d2, d3) = (Vector512.Load(total + 192), Vector512.Load(total + 208), Vector512.Load(total + 224), Vector512.Load(total + 240));
        for (var key = 0; key < keys; key++, values += stride, weights++)
        {
            var (v0, v1, v2, v3) = (Vector512.Load(values), Vector512.Load(values + 16), Vector512.Load(values + 32), Vector512.Load(values + 48));
            var w = Vector512.Create(weights[0]);
            a0 = Vector512.FusedMultiplyAdd(w, v0, a0); a1 = Vector512.FusedMultiplyAdd(w, v1, a1); a2 = Vector512.FusedMultiplyAdd(w, v2, a2); a3 = Vector512.FusedMultiplyAdd(w, v3, a3);
            w = Vector512.Create(weights[width]);
            b0 = Vector512.FusedMultiplyAdd(w, v0, b0); b1 = Vector512.FusedMultiplyAdd(w, v1, b1); b2 = Vector512.FusedMultiplyAdd(w, v2, b2); b3 = Vector512.FusedMultiplyAdd(w, v3, b3);
            w = Vector512.Create(weights[2 * width]);
            c0 = Vector512.FusedMultiplyAdd(w, v0, c0); c1 = Vector512.FusedMultiplyAdd(w, v1, c1); c2 = Vector512.FusedMultiplyAdd(w, v2, c2); c3 = Vector512.FusedMultiplyAdd(w, v3, c3);
            w = Vector512.Create(weights[3 * width]);
            d0 = Vector512.FusedMultiplyAdd(w, v0, d0); d1 = Vector512.FusedMultiplyAdd(w, v1, d1); d2 = Vector512.FusedMultiplyAdd(w, v2, d2); d3 = Vector512.FusedMultiplyAdd(w, v3, d3);
        }
        a0.Store(total); a1.Store(total + 16); a2.Store(total + 32); a3.Store(total + 48);
        b0.Store(total + 64); b1.Store(total + 80); b2.Store(total + 96); b3.Store(total + 112);
        c0.Store(total + 128); c1.Store(total + 144); c2.Store(total + 160); c3.Store(total + 176);
        d0.Store(total + 192); d1.Store(total + 208); d2.Store(total + 224); d3.Store(total + 240);
    }

    private static void AddNarrow(float* values, int stride, float* weights, int width, int keys, float* total)
    {
        for (var query = 0; query < Queries; query++)
        {
            var sum = Vector512.Load(total + query * 64);
            var value = values;
            for (var key = 0; key < keys; key++, value += stride)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(weights[query * width + key]), Vector512.Load(value), sum);
            sum.Store(total + query * 64);
        }
    }

    private void Reserve(int width)
    {
        if (Queries * width <= _capacity) return;
        NativeMemory.AlignedFree(_scores);
        _capacity = Queries * width * 2;
        _scores = (float*)NativeMemory.AlignedAlloc((nuint)_capacity * sizeof(float), 64);
    }
}
