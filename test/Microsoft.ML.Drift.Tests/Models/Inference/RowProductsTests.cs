using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Models;

public unsafe class RowProductsTests
{
    public RowProductsTests() => Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");

    // Widths with and without a rest of 16, rows and columns that fill tiles and that do not.
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 7, 16)]
    [InlineData(3, 6, 17)]
    [InlineData(4, 12, 48)]
    [InlineData(5, 13, 50)]
    [InlineData(9, 25, 111)]
    public void Multiply_AnyShape_EqualsTheSumInDoublePrecisionAndEveryRowAlone(int rows, int columns, int width)
    {
        var random = new Random(rows * 1000 + width);
        var x = Numbers(rows * width);
        var weight = Numbers(columns * width);
        var together = new float[rows * columns];
        var alone = new float[rows * columns];
        fixed (float* px = x, pw = weight, py = together, pa = alone)
        {
            RowProducts.Multiply(px, width, rows, pw, width, 0, columns, py, columns);
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                    RowProducts.Multiply(px + row * width, width, 1, pw, width, column, 1, pa + row * columns + column, columns);
        }
        Assert.Equal(alone, together);
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                Assert.Equal(Enumerable.Range(0, width).Sum(k => (double)x[row * width + k] * weight[column * width + k]), together[row * columns + column], 1e-5);

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
    }
}
