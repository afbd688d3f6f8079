using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>Matrices in eight bits against GGUF's rule by hand, and against what reads and writes GGUF files.</summary>
public unsafe class QuantizedMatrixTests
{
    public QuantizedMatrixTests() => Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");

    // The largest is 63.5 = 127 · 0.5, so the scale is 0.5; ±0.25 lies half way between 0 and ±1 and goes away from zero, 0.2 goes to 0.
    [Fact]
    public void Constructor_BlockByHand_RoundsToTheNearestByteAndHalvesAwayFromZero()
    {
        var (values, scales) = Quantize([63.5f, -63.5f, 0.25f, -0.25f, 0.2f, -0.2f, 1, .. new float[25]], 1, 32);
        Assert.Equal([127, -127, 1, -1, 0, 0, 2, .. new sbyte[25]], values);
        Assert.Equal([0.5f], scales);
    }

    // 1 / 127 = 0.0078740157 has no half-precision number: the nearest is 1032 · 2⁻¹⁷. Bytes are rounded by 1 / 127 itself: 0.25 · 127 = 31.75.
    [Fact]
    public void Constructor_ScaleThatHalfPrecisionDoesNotHold_RoundsTheScaleToo()
    {
        var (values, scales) = Quantize([1, 0.25f, .. new float[30]], 1, 32);
        Assert.Equal([127, 32, .. new sbyte[30]], values);
        Assert.Equal([1032 / 131072f], scales);
    }

    // Two rows of 34: the second block of each has two values and a scale of its own.
    [Fact]
    public void Constructor_WidthThatIsNoMultipleOf32_EndsRowsWithAShorterBlock()
    {
        float[] row = [127, .. new float[31], -0.5f, 0.25f];
        var (values, scales) = Quantize([.. row, .. row], 2, 34);
        sbyte[] expected = [127, .. new sbyte[31], -127, 64, .. new sbyte[30]];
        Assert.Equal([.. expected, .. expected], values);
        Assert.Equal([1, (float)(Half)(0.5f / 127), 1, (float)(Half)(0.5f / 127)], scales);
    }

    [Fact]
    public void Constructor_ZerosAndWhatIsNotANumber_KeepTheZerosAndShowTheDamage()
    {
        var (values, scales) = Quantize([.. new float[32], 1, float.NaN, .. new float[30]], 2, 32);
        Assert.Equal(new sbyte[32], values[..32]);
        Assert.Equal(0, scales[0]);
        Assert.Equal(float.NaN, scales[1]);
    }

    // Numbers of every size, from those whose scale is no half-precision number but 0 upwards.
    [Fact]
    public void Constructor_AnyNumbers_GivesTheBytesOfAGgufFile()
    {
        const int rows = 70, width = 96, blocks = rows * width / 32;
        var weight = Numbers(rows * width);
        var (values, scales) = Quantize(weight, rows, width);

        var expected = new byte[blocks * 34];
        fixed (float* source = weight)
        fixed (byte* target = expected) GgufEncoder.Encode(GgufType.Q8_0, source, target, weight.Length);
        for (var block = 0; block < blocks; block++)
        {
            Assert.Equal((float)BitConverter.ToHalf(expected, block * 34), scales[block]);
            Assert.Equal(expected[(block * 34 + 2)..((block + 1) * 34)], values[(block * 32)..((block + 1) * 32)].Select(value => (byte)value));
        }
    }

    // What a Q8_0 file holds is not rounded a second time.
    [Fact]
    public void Constructor_WeightsOfAGgufFile_RepresentsThemBitForBit()
    {
        const int rows = 70, width = 96, blocks = rows * width / 32;
        var (numbers, file, weight) = (Numbers(rows * width), new byte[blocks * 34], new float[rows * width]);
        fixed (float* source = numbers, decoded = weight)
        fixed (byte* bytes = file)
        {
            GgufEncoder.Encode(GgufType.Q8_0, source, bytes, numbers.Length);
            for (var block = 0; block < blocks; block++) GgufBlocks.Q8_0(bytes + block * 34, decoded + block * 32);
        }
        var (values, scales) = Quantize(weight, rows, width);
        Assert.Equal(weight, values.Select((value, at) => value * scales[at / 32]));
    }

    /// <summary>Bytes and scales, row by row.</summary>
    internal static (sbyte[] Values, float[] Scales) Quantize(float[] weight, int rows, int width)
    {
        using var team = new WorkerTeam(2);
        fixed (float* source = weight)
        {
            using var matrix = new QuantizedMatrix(source, rows, width, team);
            return (new Span<sbyte>(matrix.Values, rows * matrix.Stride).ToArray(), new Span<float>(matrix.Scales, rows * matrix.Blocks).ToArray());
        }
    }

    /// <summary>The same weights as the products see them.</summary>
    internal static float[] Rounded(float[] weight, int rows, int width)
    {
        var (values, scales) = Quantize(weight, rows, width);
        var blocks = scales.Length / rows;
        return [.. Enumerable.Range(0, rows * width).Select(at => (Row: at / width, Column: at % width))
            .Select(at => values[(at.Row * blocks * 32) + at.Column] * scales[at.Row * blocks + at.Column / 32])];
    }

    private static float[] Numbers(int count)
    {
        var random = new Random(5);
        return [.. Enumerable.Range(0, count).Select(at => (float)((random.NextDouble() - 0.5) * Math.Pow(10, at / 32 % 9 - 7)))];
    }
}
