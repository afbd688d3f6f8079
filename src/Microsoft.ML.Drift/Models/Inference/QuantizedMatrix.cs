using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A copy of a matrix in eight bits, as GGUF's Q8_0 rounds it: <see cref="BlockWidth"/> neighbours of a row share a scale. The weights of a Q8_0 file are
/// represented exactly. A row's last block may be shorter.
/// </summary>
internal sealed unsafe class QuantizedMatrix : IDisposable
{
    /// <summary>Values per scale.</summary>
    public const int BlockWidth = 32;

    private const int Lanes = 16;
    private const int RowsPerPart = 64;

    private readonly float* _weight;

    /// <param name="weight">[outputs, inputs], float32; read by this constructor only.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="team">The threads that share the work.</param>
    public QuantizedMatrix(float* weight, int outputs, int inputs, WorkerTeam team)
    {
        _weight = weight;
        (Outputs, Inputs, Blocks) = (outputs, inputs, (inputs + BlockWidth - 1) / BlockWidth);
        Values = (sbyte*)NativeMemory.AlignedAlloc((nuint)outputs * (nuint)Stride, 64);
        Scales = (float*)NativeMemory.AlignedAlloc((nuint)outputs * (nuint)Blocks * sizeof(float), 64);
        team.Run((outputs + RowsPerPart - 1) / RowsPerPart, QuantizePart);
    }

    public int Outputs { get; }

    public int Inputs { get; }

    /// <summary>Blocks of a row.</summary>
    public int Blocks { get; }

    /// <summary>Values from one row to the next; those behind a row's end are 0.</summary>
    public int Stride => Blocks * BlockWidth;

    /// <summary>[Outputs, Stride].</summary>
    public sbyte* Values { get; private set; }

    /// <summary>[Outputs, Blocks]; half-precision numbers, as in the file format.</summary>
    public float* Scales { get; private set; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Values);
        NativeMemory.AlignedFree(Scales);
        Values = null;
        Scales = null;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void QuantizePart(int part, int worker)
    {
        for (var row = part * RowsPerPart; row < Math.Min(Outputs, (part + 1) * RowsPerPart); row++)
        {
            var source = _weight + (nint)row * Inputs;
            var target = Values + (nint)row * Stride;
            var scales = Scales + (nint)row * Blocks;
            for (var block = 0; block < Blocks; block++)
            {
                var start = block * BlockWidth;
                scales[block] = QuantizeBlock(source + start, Math.Min(BlockWidth, Inputs - start), target + start);
            }
        }
    }

    /// <summary>A block's bytes.</summary>
    /// <returns>Its scale; not a number if a weight is none, so that a damaged model is noticed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float QuantizeBlock(float* source, int count, sbyte* target)
    {
        var (low, high) = (VectorMath.Load(source, 0, count), count > Lanes ? VectorMath.Load(source, Lanes, count) : Vector512<float>.Zero);
        var largest = MathF.Max(Largest(low), Largest(high));
        var scale = largest / 127;
        // The bytes are rounded by the scale before it becomes half precision: that is the format's rule.
        var inverse = Vector512.Create(scale == 0 ? 0 : 1 / scale);
        Avx512F.ConvertToVector128SByte(Rounded(low * inverse)).Store(target);
        Avx512F.ConvertToVector128SByte(Rounded(high * inverse)).Store(target + Lanes);
        return (float)(Half)scale;
    }

    // The bits of numbers without sign are ordered as the numbers are, and those of what is not a number come last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector512<float> values)
    {
        var bits = Vector512.Abs(values).AsInt32();
        var eight = Vector256.Max(bits.GetLower(), bits.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return BitConverter.Int32BitsToSingle(Math.Max(Math.Max(four[0], four[1]), Math.Max(four[2], four[3])));
    }

    // To the nearest whole number, halves away from zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Rounded(Vector512<float> values)
    {
        var size = Vector512.Abs(values);
        var floor = Vector512.Floor(size);
        var rounded = Vector512.ConvertToInt32(floor + Vector512.Floor((size - floor) * 2f));
        return Vector512.ConditionalSelect(Vector512.LessThan(values, Vector512<float>.Zero).AsInt32(), -rounded, rounded);
    }
}
