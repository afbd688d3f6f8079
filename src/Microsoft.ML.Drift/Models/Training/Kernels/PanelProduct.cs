using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Drift.Models;

/// <summary>C = A B, or C += A B, for matrices that lie in the cache: the products of attention. Each number is the sum of its products in their order.</summary>
/// <remarks>A tile of six rows and 64 columns keeps 24 of the 32 vector registers busy with sums, so that a load serves many multiplications.</remarks>
internal static unsafe class PanelProduct
{
    /// <summary>Columns must be a multiple of it; A may be a transposed view instead of a copy.</summary>
    public const int Lanes = 16;

    private const int TileRows = 6;
    private const int TileColumns = 4 * Lanes;

    /// <summary>Computes rows × columns of C.</summary>
    /// <param name="a">Element (i, k) is a[i · aRow + k · aStep].</param>
    /// <param name="aRow">Floats from one row of A to the next.</param>
    /// <param name="aStep">Floats from one column of A to the next.</param>
    /// <param name="b">Row k begins at b[k · bRow].</param>
    /// <param name="bRow">Floats from one row of B to the next.</param>
    /// <param name="c">Row i begins at c[i · cRow].</param>
    /// <param name="cRow">Floats from one row of C to the next.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C, a multiple of <see cref="Lanes"/>.</param>
    /// <param name="steps">Columns of A, rows of B.</param>
    /// <param name="add">Add to what C holds.</param>
    public static void Multiply(float* a, nint aRow, nint aStep, float* b, nint bRow, float* c, nint cRow, int rows, int columns, int steps, bool add)
    {
        var column = 0;
        for (; column <= columns - TileColumns; column += TileColumns)
            for (var row = 0; row < rows; row += TileRows) Wide(a + row * aRow, aRow, aStep, b + column, bRow, c + row * cRow + column, cRow, Math.Min(TileRows, rows - row), steps, add);
        for (; column < columns; column += Lanes)
            for (var row = 0; row < rows; row += TileRows) Narrow(a + row * aRow, aRow, aStep, b + column, bRow, c + row * cRow + column, cRow, Math.Min(TileRows, rows - row), steps, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide(float* a0, nint aRow, nint aStep, float* b, nint bRow, float* c, nint cRow, int rows, int steps, bool add)
    {
        // Missing rows are the first one again; what they give is not stored.
        var a1 = rows > 1 ? a0 + aRow : a0;
        var a2 = rows > 2 ? a0 + 2 * aRow : a0;
        var a3 = rows > 3 ? a0 + 3 * aRow : a0;
        var a4 = rows > 4 ? a0 + 4 * aRow : a0;
        var a5 = rows > 5 ? a0 + 5 * aRow : a0;
        var zero = Vector512<float>.Zero;
        var (s00, s01, s02, s03) = (zero, zero, zero, zero);
        var (s10, s11, s12, s13) = (zero, zero, zero, zero);
        var (s20, s21, s22, s23) = (zero, zero, zero, zero);
        var (s30, s31, s32, s33) = (zero, zero, zero, zero);
        var (s40, s41, s42, s43) = (zero, zero, zero, zero);
        var (s50, s51, s52, s53) = (zero, zero, zero, zero);
        nint k = 0;
        for (var step = 0; step < steps; step++, k += aStep, b += bRow)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + Lanes);
            var b2 = Vector512.Load(b + 2 * Lanes);
            var b3 = Vector512.Load(b + 3 * Lanes);
            var x = Vector512.Create(a0[k]);
            s00 = Vector512.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(x, b1, s01);
            s02 = Vector512.FusedMultiplyAdd(x, b2, s02);
            s03 = Vector512.FusedMultiplyAdd(x, b3, s03);
            x = Vector512.Create(a1[k]);
            s10 = Vector512.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(x, b1, s11);
            s12 = Vector512.FusedMultiplyAdd(x, b2, s12);
            s13 = Vector512.FusedMultiplyAdd(x, b3, s13);
            x = Vector512.Create(a2[k]);
            s20 = Vector512.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(x, b1, s21);
            s22 = Vector512.FusedMultiplyAdd(x, b2, s22);
            s23 = Vector512.FusedMultiplyAdd(x, b3, s23);
            x = Vector512.Create(a3[k]);
            s30 = Vector512.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(x, b1, s31);
            s32 = Vector512.FusedMultiplyAdd(x, b2, s32);
            s33 = Vector512.FusedMultiplyAdd(x, b3, s33);
            x = Vector512.Create(a4[k]);
            s40 = Vector512.FusedMultiplyAdd(x, b0, s40);
            s41 = Vector512.FusedMultiplyAdd(x, b1, s41);
            s42 = Vector512.FusedMultiplyAdd(x, b2, s42);
            s43 = Vector512.FusedMultiplyAdd(x, b3, s43);
            x = Vector512.Create(a5[k]);
            s50 = Vector512.FusedMultiplyAdd(x, b0, s50);
            s51 = Vector512.FusedMultiplyAdd(x, b1, s51);
            s52 = Vector512.FusedMultiplyAdd(x, b2, s52);
            s53 = Vector512.FusedMultiplyAdd(x, b3, s53);
        }
        Put(c, s00, s01, s02, s03, add);
        if (rows > 1) Put(c + cRow, s10, s11, s12, s13, add);
        if (rows > 2) Put(c + 2 * cRow, s20, s21, s22, s23, add);
        if (rows > 3) Put(c + 3 * cRow, s30, s31, s32, s33, add);
        if (rows > 4) Put(c + 4 * cRow, s40, s41, s42, s43, add);
        if (rows > 5) Put(c + 5 * cRow, s50, s51, s52, s53, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(float* a0, nint aRow, nint aStep, float* b, nint bRow, float* c, nint cRow, int rows, int steps, bool add)
    {
        var a1 = rows > 1 ? a0 + aRow : a0;
        var a2 = rows > 2 ? a0 + 2 * aRow : a0;
        var a3 = rows > 3 ? a0 + 3 * aRow : a0;
        var a4 = rows > 4 ? a0 + 4 * aRow : a0;
        var a5 = rows > 5 ? a0 + 5 * aRow : a0;
        var zero = Vector512<float>.Zero;
        var (s0, s1, s2, s3, s4, s5) = (zero, zero, zero, zero, zero, zero);
        nint k = 0;
        for (var step = 0; step < steps; step++, k += aStep, b += bRow)
        {
            var b0 = Vector512.Load(b);
            s0 = Vector512.FusedMultiplyAdd(Vector512.Create(a0[k]), b0, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Create(a1[k]), b0, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Create(a2[k]), b0, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Create(a3[k]), b0, s3);
            s4 = Vector512.FusedMultiplyAdd(Vector512.Create(a4[k]), b0, s4);
            s5 = Vector512.FusedMultiplyAdd(Vector512.Create(a5[k]), b0, s5);
        }
        Put(c, s0, add);
        if (rows > 1) Put(c + cRow, s1, add);
        if (rows > 2) Put(c + 2 * cRow, s2, add);
        if (rows > 3) Put(c + 3 * cRow, s3, add);
        if (rows > 4) Put(c + 4 * cRow, s4, add);
        if (rows > 5) Put(c + 5 * cRow, s5, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3, bool add)
    {
        Put(c, s0, add);
        Put(c + Lanes, s1, add);
        Put(c + 2 * Lanes, s2, add);
        Put(c + 3 * Lanes, s3, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, Vector512<float> sum, bool add) => (add ? Vector512.Load(c) + sum : sum).Store(c);
}
