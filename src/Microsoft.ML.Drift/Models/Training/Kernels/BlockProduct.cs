using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>C = A B or C += A B for matrices of any size in main memory: blocks that fit the caches, shared by libtorch's threads. Numbers are the same for any number of threads.</summary>
internal static unsafe class BlockProduct
{
    private const int Steps = 128;          // rows of a packed piece of B: 32 KiB, which stay in the first-level cache
    private const int Columns = 64;
    private const int MostRows = 192;       // rows of A that a packed piece serves
    private const int FewestRows = 48;
    private const int TileRows = 6;

    /// <summary>Computes C [rows, columns].</summary>
    /// <param name="a">Element (i, k) is a[i · aRow + k · aStep]; one of both is 1.</param>
    /// <param name="aRow">Floats from one row of A to the next.</param>
    /// <param name="aStep">Floats from one column of A to the next.</param>
    /// <param name="b">[steps, columns].</param>
    /// <param name="c">[rows, columns].</param>
    /// <param name="rows">Rows of A.</param>
    /// <param name="columns">Columns of B, a multiple of <see cref="PanelProduct.Lanes"/>.</param>
    /// <param name="steps">Columns of A.</param>
    /// <param name="add">Add to what C holds.</param>
    public static void Multiply(float* a, nint aRow, nint aStep, float* b, float* c, int rows, int columns, int steps, bool add)
    {
        var share = rows / (4 * torch.get_num_threads());
        var rowsPerPart = Math.Clamp((share + TileRows - 1) / TileRows * TileRows, FewestRows, MostRows);
        TorchTeam.RunRows(rows, rowsPerPart, (first, end) => Part(a + (nint)first * aRow, aRow, aStep, b, c + (nint)first * columns, (int)(end - first), columns, steps, add));
    }

    private static void Part(float* a, nint aRow, nint aStep, float* b, float* c, int rows, int columns, int steps, bool add)
    {
        var memory = (float*)NativeMemory.AlignedAlloc(sizeof(float) * Steps * (Columns + MostRows), 64);
        try
        {
            var piece = memory;
            var transposed = memory + Steps * Columns;
            for (var first = 0; first < steps; first += Steps)
            {
                var count = Math.Min(Steps, steps - first);
                var left = a + first * aStep;
                var (leftRow, leftStep) = (aRow, aStep);
                if (aStep != 1)
                {
                    // Columns of A lie far apart: side by side they cost no address translation.
                    for (var k = 0; k < count; k++) new ReadOnlySpan<float>(a + (first + k) * aStep, rows).CopyTo(new Span<float>(transposed + k * MostRows, rows));
                    left = transposed;
                    (leftRow, leftStep) = (1, MostRows);
                }
                for (var column = 0; column < columns; column += Columns)
                {
                    var width = Math.Min(Columns, columns - column);
                    Pack(b + (nint)first * columns + column, columns, count, width, piece);
                    PanelProduct.Multiply(left, leftRow, leftStep, piece, width, c + column, columns, rows, width, count, add || first > 0);
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private static void Pack(float* from, int stride, int rows, int width, float* to)
    {
        for (var row = 0; row < rows; row++, from += stride, to += width)
            for (var i = 0; i < width; i += Vector512<float>.Count) Vector512.Load(from + i).Store(to + i);
    }
}
