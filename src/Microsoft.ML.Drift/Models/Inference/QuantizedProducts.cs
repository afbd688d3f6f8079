using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// <see cref="RowProducts"/> for a matrix in eight bits. A weight is its byte times its scale, which is exact in float32, and the products are added in the
/// same order: the results are those of the float32 product with the widened matrix, to the last bit.
/// </summary>
internal static unsafe class QuantizedProducts
{
    private const int TileColumns = RowProducts.TileColumns;
    private const int Lanes = 16;
    private const int LineBytes = 64;

    // How far ahead of the multiplication a single row of X asks for weights: what memory gives while these are multiplied.
    private const int BytesAhead = 8192;

    /// <summary>Computes some columns of Y = X Wᵀ.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="xStride">Floats from one row of X to the next.</param>
    /// <param name="rows">Rows of X.</param>
    /// <param name="matrix">W.</param>
    /// <param name="first">The first column of Y, which is a row of W.</param>
    /// <param name="count">How many columns.</param>
    /// <param name="y">[rows, …]; column <paramref name="first"/> is written to y[0].</param>
    /// <param name="yStride">Floats from one row of Y to the next.</param>
    /// <param name="wide">Memory for some rows of W in float32.</param>
    public static void Multiply(float* x, nint xStride, int rows, QuantizedMatrix matrix, int first, int count, float* y, nint yStride, WorkingMemory wide)
    {
        for (var column = 0; column < count; column += TileColumns)
        {
            var columns = Math.Min(TileColumns, count - column);
            if (rows == 1)
            {
                OneRow(x, matrix, first + column, columns, y + column);
                continue;
            }
            // A tile in float32 stays in the first-level cache while the rows of X pass.
            var tile = wide.Reserve(1, columns * matrix.Inputs + QuantizedMatrix.BlockWidth);
            for (var row = 0; row < columns; row++) Widen(matrix, first + column + row, tile + (nint)row * matrix.Inputs);
            RowProducts.Multiply(x, xStride, rows, tile, matrix.Inputs, 0, columns, y + column, yStride);
        }
    }

    /// <summary>Writes a row of W in float32, and zeros up to a multiple of <see cref="QuantizedMatrix.BlockWidth"/> behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen(QuantizedMatrix matrix, int row, float* target)
    {
        nint width = matrix.Stride;
        var values = matrix.Values + row * width;
        var scales = matrix.Scales + (nint)row * matrix.Blocks;
        for (nint k = 0; k < width; k += QuantizedMatrix.BlockWidth)
        {
            var scale = Vector512.Create(*scales++);
            // A tile ahead.
            if (k % LineBytes == 0) Sse.Prefetch0(values + k + TileColumns * width);
            Weights(values + k, scale).Store(target + k);
            Weights(values + k + Lanes, scale).Store(target + k + Lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(float* x, QuantizedMatrix matrix, int row, int columns, float* y)
    {
        nint width = matrix.Inputs, stride = matrix.Stride, blocks = matrix.Blocks;
        // Missing rows of W are the first one again; what they give is not stored.
        nint r1 = Math.Min(1, columns - 1), r2 = Math.Min(2, columns - 1), r3 = Math.Min(3, columns - 1), r4 = Math.Min(4, columns - 1), r5 = Math.Min(5, columns - 1);
        var w0 = matrix.Values + row * stride;
        sbyte* w1 = w0 + r1 * stride, w2 = w0 + r2 * stride, w3 = w0 + r3 * stride, w4 = w0 + r4 * stride, w5 = w0 + r5 * stride;
        var d0 = matrix.Scales + row * blocks;
        float* d1 = d0 + r1 * blocks, d2 = d0 + r2 * blocks, d3 = d0 + r3 * blocks, d4 = d0 + r4 * blocks, d5 = d0 + r5 * blocks;
        var ahead = w0 + BytesAhead;
        var zero = Vector512<float>.Zero;
        var (s0, s1, s2, s3, s4, s5) = (zero, zero, zero, zero, zero, zero);
        nint k = 0, block = 0;
        for (; k <= width - QuantizedMatrix.BlockWidth; k += QuantizedMatrix.BlockWidth, block++)
        {
            var (low, high) = (Vector512.Load(x + k), Vector512.Load(x + k + Lanes));
            s0 = Add(w0 + k, d0[block], low, high, s0); s1 = Add(w1 + k, d1[block], low, high, s1); s2 = Add(w2 + k, d2[block], low, high, s2);
            s3 = Add(w3 + k, d3[block], low, high, s3); s4 = Add(w4 + k, d4[block], low, high, s4); s5 = Add(w5 + k, d5[block], low, high, s5);
            Sse.Prefetch0(ahead);
            Sse.Prefetch0(ahead + LineBytes);
            Sse.Prefetch0(ahead + 2 * LineBytes);
            ahead += TileColumns * QuantizedMatrix.BlockWidth;
        }
        if (k < width)
        {
            var rest = (int)(width - k);
            var (low, high) = (VectorMath.Load(x + k, 0, rest), rest > Lanes ? VectorMath.Load(x + k, Lanes, rest) : zero);
            s0 = Add(w0 + k, d0[block], low, high, s0); s1 = Add(w1 + k, d1[block], low, high, s1); s2 = Add(w2 + k, d2[block], low, high, s2);
            s3 = Add(w3 + k, d3[block], low, high, s3); s4 = Add(w4 + k, d4[block], low, high, s4); s5 = Add(w5 + k, d5[block], low, high, s5);
        }
        var (left, right) = (RowProducts.Sums(s0, s1, s2, s3), RowProducts.Sums(s4, s5, s4, s5));
        for (var column = 0; column < columns; column++) y[column] = column < 4 ? left[column] : right[column - 4];
    }

    /// <summary>Adds the products of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(sbyte* values, float scale, Vector512<float> low, Vector512<float> high, Vector512<float> sum)
    {
        var wide = Vector512.Create(scale);
        sum = Avx512F.FusedMultiplyAdd(low, Weights(values, wide), sum);
        return Avx512F.FusedMultiplyAdd(high, Weights(values + Lanes, wide), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Weights(sbyte* values, Vector512<float> scale) =>
        Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(values))) * scale;
}
