using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Y = X Wᵀ for few or many rows of X, straight from the weights as torch keeps them, row by row. Every number is the sum of its products in the same
/// order, whatever the number of rows and wherever the row stands: what is computed for a row does not depend on its neighbours, not even in the last bit.
/// </summary>
/// <remarks>Sixteen partial sums per number run along the rows; a tile of four rows of X and six of W keeps all registers busy.</remarks>
internal static unsafe class RowProducts
{
    public const int TileRows = 4;
    public const int TileColumns = 6;

    // A block of X that stays in the second-level cache while W's rows pass.
    private const int BlockBytes = 400_000;
    private const int LineFloats = 16;

    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>Rows of X that are best multiplied together.</summary>
    public static int RowsPerBlock(int inputWidth) => Math.Max(TileRows, BlockBytes / (inputWidth * sizeof(float)) / TileRows * TileRows);

    /// <summary>Computes some columns of Y.</summary>
    /// <param name="x">[rows, inputWidth].</param>
    /// <param name="xStride">Floats from one row of X to the next.</param>
    /// <param name="rows">Rows of X.</param>
    /// <param name="weight">[outputWidth, inputWidth], without gaps.</param>
    /// <param name="inputWidth">Width of X and W.</param>
    /// <param name="first">The first column of Y, which is a row of W.</param>
    /// <param name="count">How many columns.</param>
    /// <param name="y">[rows, …]; column <paramref name="first"/> is written to y[0].</param>
    /// <param name="yStride">Floats from one row of Y to the next.</param>
    public static void Multiply(float* x, nint xStride, int rows, float* weight, nint inputWidth, int first, int count, float* y, nint yStride)
    {
        for (var column = 0; column < count; column += TileColumns)
        {
            var columns = Math.Min(TileColumns, count - column);
            var w = weight + (first + column) * inputWidth;
            // Missing rows of a tile are its first one again; what they give is not stored.
            var w1 = w + Math.Min(1, columns - 1) * inputWidth;
            var w2 = w + Math.Min(2, columns - 1) * inputWidth;
            var w3 = w + Math.Min(3, columns - 1) * inputWidth;
            var w4 = w + Math.Min(4, columns - 1) * inputWidth;
            var w5 = w + Math.Min(5, columns - 1) * inputWidth;
            if (rows == 1)
            {
                OneRow(x, w, w1, w2, w3, w4, w5, inputWidth, y + column, columns);
                continue;
            }
            var ahead = column + TileColumns < count ? w + TileColumns * inputWidth : null;
            for (var row = 0; row < rows; row += TileRows)
            {
                var height = Math.Min(TileRows, rows - row);
                var tile = x + row * xStride;
                var place = y + row * yStride + column;
                Tile(tile, tile + Math.Min(1, height - 1) * xStride, tile + Math.Min(2, height - 1) * xStride, tile + Math.Min(3, height - 1) * xStride,
                    w, w1, w2, w3, w4, w5, inputWidth, place, yStride, height, columns, row == 0 ? ahead : null);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(float* x0, float* w0, float* w1, float* w2, float* w3, float* w4, float* w5, nint width, float* y, int columns)
    {
        var zero = Vector512<float>.Zero;
        var (s0, s1, s2, s3, s4, s5) = (zero, zero, zero, zero, zero, zero);
        nint k = 0;
        for (; k <= width - Vector512<float>.Count; k += Vector512<float>.Count)
        {
            var x = Vector512.Load(x0 + k);
            s0 = Avx512F.FusedMultiplyAdd(x, Vector512.Load(w0 + k), s0); s1 = Avx512F.FusedMultiplyAdd(x, Vector512.Load(w1 + k), s1);
            s2 = Avx512F.FusedMultiplyAdd(x, Vector512.Load(w2 + k), s2); s3 = Avx512F.FusedMultiplyAdd(x, Vector512.Load(w3 + k), s3);
            s4 = Avx512F.FusedMultiplyAdd(x, Vector512.Load(w4 + k), s4); s5 = Avx512F.FusedMultiplyAdd(x, Vector512.Load(w5 + k), s5);
        }
        if (k < width)
        {
            var tail = VectorMath.FirstLanes((int)(width - k));
            var x = Avx512F.MaskLoad(x0 + k, tail, zero);
            s0 = Avx512F.FusedMultiplyAdd(x, Avx512F.MaskLoad(w0 + k, tail, zero), s0); s1 = Avx512F.FusedMultiplyAdd(x, Avx512F.MaskLoad(w1 + k, tail, zero), s1);
            s2 = Avx512F.FusedMultiplyAdd(x, Avx512F.MaskLoad(w2 + k, tail, zero), s2); s3 = Avx512F.FusedMultiplyAdd(x, Avx512F.MaskLoad(w3 + k, tail, zero), s3);
            s4 = Avx512F.FusedMultiplyAdd(x, Avx512F.MaskLoad(w4 + k, tail, zero), s4); s5 = Avx512F.FusedMultiplyAdd(x, Avx512F.MaskLoad(w5 + k, tail, zero), s5);
        }
        var (left, right) = (Sums(s0, s1, s2, s3), Sums(s4, s5, s4, s5));
        for (var column = 0; column < columns; column++) y[column] = column < 4 ? left[column] : right[column - 4];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile(
        float* x0, float* x1, float* x2, float* x3, float* w0, float* w1, float* w2, float* w3, float* w4, float* w5, nint width,
        float* y, nint yStride, int rows, int columns, float* ahead)
    {
        var zero = Vector512<float>.Zero;
        var (s00, s01, s02, s03, s04, s05) = (zero, zero, zero, zero, zero, zero);
        var (s10, s11, s12, s13, s14, s15) = (zero, zero, zero, zero, zero, zero);
        var (s20, s21, s22, s23, s24, s25) = (zero, zero, zero, zero, zero, zero);
        var (s30, s31, s32, s33, s34, s35) = (zero, zero, zero, zero, zero, zero);
        nint k = 0;
        for (; k <= width - Vector512<float>.Count; k += Vector512<float>.Count)
        {
            var (w0v, w1v, w2v) = (Vector512.Load(w0 + k), Vector512.Load(w1 + k), Vector512.Load(w2 + k));
            var (w3v, w4v, w5v) = (Vector512.Load(w3 + k), Vector512.Load(w4 + k), Vector512.Load(w5 + k));
            var x = Vector512.Load(x0 + k);
            s00 = Avx512F.FusedMultiplyAdd(x, w0v, s00); s01 = Avx512F.FusedMultiplyAdd(x, w1v, s01); s02 = Avx512F.FusedMultiplyAdd(x, w2v, s02);
            s03 = Avx512F.FusedMultiplyAdd(x, w3v, s03); s04 = Avx512F.FusedMultiplyAdd(x, w4v, s04); s05 = Avx512F.FusedMultiplyAdd(x, w5v, s05);
            x = Vector512.Load(x1 + k);
            s10 = Avx512F.FusedMultiplyAdd(x, w0v, s10); s11 = Avx512F.FusedMultiplyAdd(x, w1v, s11); s12 = Avx512F.FusedMultiplyAdd(x, w2v, s12);
            s13 = Avx512F.FusedMultiplyAdd(x, w3v, s13); s14 = Avx512F.FusedMultiplyAdd(x, w4v, s14); s15 = Avx512F.FusedMultiplyAdd(x, w5v, s15);
            x = Vector512.Load(x2 + k);
            s20 = Avx512F.FusedMultiplyAdd(x, w0v, s20); s21 = Avx512F.FusedMultiplyAdd(x, w1v, s21); s22 = Avx512F.FusedMultiplyAdd(x, w2v, s22);
            s23 = Avx512F.FusedMultiplyAdd(x, w3v, s23); s24 = Avx512F.FusedMultiplyAdd(x, w4v, s24); s25 = Avx512F.FusedMultiplyAdd(x, w5v, s25);
            x = Vector512.Load(x3 + k);
            s30 = Avx512F.FusedMultiplyAdd(x, w0v, s30); s31 = Avx512F.FusedMultiplyAdd(x, w1v, s31); s32 = Avx512F.FusedMultiplyAdd(x, w2v, s32);
            s33 = Avx512F.FusedMultiplyAdd(x, w3v, s33); s34 = Avx512F.FusedMultiplyAdd(x, w4v, s34); s35 = Avx512F.FusedMultiplyAdd(x, w5v, s35);
            if (ahead == null) continue;
            // The next rows of W, on their way while these are multiplied.
            for (var line = 0; line < TileColumns; line++) Sse.Prefetch0(ahead + line * LineFloats);
            ahead += TileColumns * LineFloats;
        }
        if (k < width)
        {
            var tail = VectorMath.FirstLanes((int)(width - k));
            var (w0v, w1v, w2v) = (Avx512F.MaskLoad(w0 + k, tail, zero), Avx512F.MaskLoad(w1 + k, tail, zero), Avx512F.MaskLoad(w2 + k, tail, zero));
            var (w3v, w4v, w5v) = (Avx512F.MaskLoad(w3 + k, tail, zero), Avx512F.MaskLoad(w4 + k, tail, zero), Avx512F.MaskLoad(w5 + k, tail, zero));
            var x = Avx512F.MaskLoad(x0 + k, tail, zero);
            s00 = Avx512F.FusedMultiplyAdd(x, w0v, s00); s01 = Avx512F.FusedMultiplyAdd(x, w1v, s01); s02 = Avx512F.FusedMultiplyAdd(x, w2v, s02);
            s03 = Avx512F.FusedMultiplyAdd(x, w3v, s03); s04 = Avx512F.FusedMultiplyAdd(x, w4v, s04); s05 = Avx512F.FusedMultiplyAdd(x, w5v, s05);
            x = Avx512F.MaskLoad(x1 + k, tail, zero);
            s10 = Avx512F.FusedMultiplyAdd(x, w0v, s10); s11 = Avx512F.FusedMultiplyAdd(x, w1v, s11); s12 = Avx512F.FusedMultiplyAdd(x, w2v, s12);
            s13 = Avx512F.FusedMultiplyAdd(x, w3v, s13); s14 = Avx512F.FusedMultiplyAdd(x, w4v, s14); s15 = Avx512F.FusedMultiplyAdd(x, w5v, s15);
            x = Avx512F.MaskLoad(x2 + k, tail, zero);
            s20 = Avx512F.FusedMultiplyAdd(x, w0v, s20); s21 = Avx512F.FusedMultiplyAdd(x, w1v, s21); s22 = Avx512F.FusedMultiplyAdd(x, w2v, s22);
            s23 = Avx512F.FusedMultiplyAdd(x, w3v, s23); s24 = Avx512F.FusedMultiplyAdd(x, w4v, s24); s25 = Avx512F.FusedMultiplyAdd(x, w5v, s25);
            x = Avx512F.MaskLoad(x3 + k, tail, zero);
            s30 = Avx512F.FusedMultiplyAdd(x, w0v, s30); s31 = Avx512F.FusedMultiplyAdd(x, w1v, s31); s32 = Avx512F.FusedMultiplyAdd(x, w2v, s32);
            s33 = Avx512F.FusedMultiplyAdd(x, w3v, s33); s34 = Avx512F.FusedMultiplyAdd(x, w4v, s34); s35 = Avx512F.FusedMultiplyAdd(x, w5v, s35);
        }
        var (p0, p1, p2, p3) = (Sums(s00, s01, s02, s03), Sums(s10, s11, s12, s13), Sums(s20, s21, s22, s23), Sums(s30, s31, s32, s33));
        var (q0, q1) = (Sums(s04, s05, s14, s15), Sums(s24, s25, s34, s35));
        var sums = stackalloc float[TileRows * TileColumns];
        var (direct, stride) = (rows == TileRows && columns == TileColumns, yStride);
        var target = direct ? y : sums;
        if (!direct) stride = TileColumns;
        p0.Store(target);
        p1.Store(target + stride);
        p2.Store(target + 2 * stride);
        p3.Store(target + 3 * stride);
        q0.GetLower().AsDouble().StoreUnsafe(ref *(double*)(target + 4));
        q0.GetUpper().AsDouble().StoreUnsafe(ref *(double*)(target + stride + 4));
        q1.GetLower().AsDouble().StoreUnsafe(ref *(double*)(target + 2 * stride + 4));
        q1.GetUpper().AsDouble().StoreUnsafe(ref *(double*)(target + 3 * stride + 4));
        if (direct) return;
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++) y[row * yStride + column] = sums[row * TileColumns + column];
    }

    /// <summary>The sums of four vectors, each in the same order: lanes 0 + 2 and 1 + 3 of every quarter, then the quarters 0 + 2 and 1 + 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        var ab = (Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b)).AsDouble();
        var cd = (Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d)).AsDouble();
        var quarters = Avx512F.UnpackLow(ab, cd).AsSingle() + Avx512F.UnpackHigh(ab, cd).AsSingle();
        var halves = quarters.GetLower() + quarters.GetUpper();
        return halves.GetLower() + halves.GetUpper();
    }
}
