using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Models;

public unsafe class QuantizedProductsTests
{
    public QuantizedProductsTests() => Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");

    // Widths with whole blocks of 32 and with rests below and above 16; rows and columns that fill tiles and that do not.
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 7, 32)]
    [InlineData(3, 6, 17)]
    [InlineData(4, 12, 48)]
    [InlineData(5, 13, 50)]
    [InlineData(9, 25, 111)]
    [InlineData(2, 8, 320)]
    public void Multiply_AnyShape_EqualsTheSumInDoublePrecisionAndTheFloat32ProductBitForBit(int rows, int columns, int width)
    {
        var random = new Random(rows * 1000 + width);
        var x = Numbers(rows * width);
        var weight = Numbers(columns * width);
        var rounded = QuantizedMatrixTests.Rounded(weight, columns, width);
        var (together, alone, wide) = (new float[rows * columns], new float[rows * columns], new float[rows * columns]);
        using var team = new WorkerTeam(1);
        using var memory = new WorkingMemory();
        fixed (float* px = x, pw = weight, pr = rounded, py = together, pa = alone, pf = wide)
        {
            using var matrix = new QuantizedMatrix(pw, columns, width, team);
            QuantizedProducts.Multiply(px, width, rows, matrix, 0, columns, py, columns, memory);
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                    QuantizedProducts.Multiply(px + row * width, width, 1, matrix, column, 1, pa + row * columns + column, columns, memory);
            RowProducts.Multiply(px, width, rows, pr, width, 0, columns, pf, columns);
        }
        Assert.Equal(wide, together);
        Assert.Equal(alone, together);
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                Assert.Equal(Enumerable.Range(0, width).Sum(k => (double)x[row * width + k] * rounded[column * width + k]), together[row * columns + column], 1e-5);

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
    }
}
