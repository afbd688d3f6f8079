using System.Runtime.Intrinsics;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Models;

public unsafe class PanelProductTests
{
    public static bool IsSupported => Vector512.IsHardwareAccelerated;

    // Rows that fill tiles of six and that do not; one vector of columns, a wide tile, both.
    [Theory]
    [InlineData(1, 16, 1, false)]
    [InlineData(5, 64, 9, false)]
    [InlineData(6, 80, 30, true)]
    [InlineData(13, 112, 7, true)]
    public void Multiply_AnyShape_EqualsTheSumInDoublePrecision(int rows, int columns, int steps, bool transposed)
    {
        var random = new Random(rows);
        var (a, b) = (Numbers(rows * steps), Numbers(steps * columns));
        var c = Enumerable.Repeat(0.5f, rows * columns).ToArray();
        var (row, step) = transposed ? (1, rows) : (steps, 1);
        fixed (float* pa = a, pb = b, pc = c)
        {
            PanelProduct.Multiply(pa, row, step, pb, columns, pc, columns, rows, columns, steps, add: false);
            PanelProduct.Multiply(pa, row, step, pb, columns, pc, columns, rows, columns, steps, add: true);
        }
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
                Assert.Equal(2 * Enumerable.Range(0, steps).Sum(k => (double)a[i * row + k * step] * b[k * columns + j]), c[i * columns + j], 1e-5);

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
    }
}
