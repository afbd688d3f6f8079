using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// What a layer does to single rows between its matrix products, in one pass over memory: libtorch would take five to ten. Numbers are the same for any number of threads.
/// </summary>
internal static unsafe class FusedRows
{
    // Some ten microseconds of work, and few enough parts for their sums to be cheap.
    private const int FloatsPerPart = 1 << 15;

    /// <summary>Whether the kernels can read and write a tensor: float32 rows without gaps in main memory, on a processor whose vectors are wide enough to gain by it.</summary>
    public static bool CanUse(Tensor x) =>
        Vector512.IsHardwareAccelerated && x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && x.is_contiguous() && x.numel() > 0;

    /// <summary>y = x · s · weight with s = 1 / √(mean x² + ε) for each row.</summary>
    /// <param name="x">[…, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="norm">ε, and whether the weight is an offset from 1.</param>
    /// <param name="scale">The rows' s, [rows].</param>
    public static Tensor Normalize(Tensor x, Tensor weight, NormSpecification norm, out Tensor scale)
    {
        var (result, from) = (empty_like(x), new FloatRows(x));
        scale = empty(from.Count, ScalarType.Float32);
        var (to, by, s) = (new FloatRows(result), new FloatRows(weight), new FloatRows(scale));
        ForEach(from, row =>
        {
            s[0][row] = VectorMath.InverseRootMeanSquare(from[row], from.Width, norm);
            VectorMath.ScaleByWeight(from[row], s[0][row], by[0], from.Width, norm, to[row]);
        });
        return result;
    }

    /// <summary>x · scale · weight again.</summary>
    public static Tensor ApplyNorm(Tensor x, Tensor weight, NormSpecification norm, Tensor scale)
    {
        var result = empty_like(x);
        var (from, by, s, to) = (new FloatRows(x), new FloatRows(weight), new FloatRows(scale), new FloatRows(result));
        ForEach(from, row => VectorMath.ScaleByWeight(from[row], s[0][row], by[0], from.Width, norm, to[row]));
        return result;
    }

    /// <summary>The gradients of <see cref="Normalize"/>. With n = x · s and h = dy · weight: dweight = Σ dy · n, dx = (h − n · mean(h · n)) · s.</summary>
    /// <param name="x">[…, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="norm">ε, and whether the weight is an offset from 1.</param>
    /// <param name="scale">[rows].</param>
    /// <param name="gradient">dy, of x's shape.</param>
    /// <returns>dx, and dweight [width].</returns>
    public static (Tensor Input, Tensor Weight) NormGradients(Tensor x, Tensor weight, NormSpecification norm, Tensor scale, Tensor gradient)
    {
        var (from, by, s, dy) = (new FloatRows(x), new FloatRows(weight), new FloatRows(scale), new FloatRows(gradient));
        var perPart = RowsPerPart(from.Width);
        var (forInput, forWeight) = (empty_like(x), zeros([(from.Count + perPart - 1) / perPart, from.Width], ScalarType.Float32));
        var (dx, sums) = (new FloatRows(forInput), new FloatRows(forWeight));
        ForEach(from, row => VectorMath.NormGradient(from[row], s[0][row], by[0], dy[row], from.Width, norm, dx[row], sums[row / perPart]));
        return (forInput, forWeight.sum([0]));
    }

    /// <summary>activation(gate) · up.</summary>
    /// <param name="both">[rows, 2 · width]: gate, then up.</param>
    /// <param name="activation">SiLU, or GELU by tanh.</param>
    /// <returns>[rows, width].</returns>
    public static Tensor Gate(Tensor both, Activation activation)
    {
        var result = empty(both.shape[0], both.shape[1] / 2);
        var (from, to) = (new FloatRows(both), new FloatRows(result));
        ForEach(from, row => VectorMath.Gate(from[row], from[row] + to.Width, to.Width, activation, to[row]));
        return result;
    }

    /// <summary>The gradient of <see cref="Gate"/>, in the memory of what it was computed from.</summary>
    /// <param name="both">[rows, 2 · width]; afterwards the gradients of gate and up.</param>
    /// <param name="gradient">[rows, width].</param>
    /// <param name="activation">SiLU, or GELU by tanh.</param>
    public static void GateGradientInPlace(Tensor both, Tensor gradient, Activation activation)
    {
        var (values, given) = (new FloatRows(both), new FloatRows(gradient));
        ForEach(values, row => VectorMath.GateGradient(values[row], values[row] + given.Width, given[row], given.Width, activation));
    }

    /// <summary>sum = x + factor · y.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="y">[rows, width].</param>
    /// <param name="factor">1 adds exactly.</param>
    /// <param name="sum">[rows, width], written.</param>
    public static void Add(Tensor x, Tensor y, float factor, Tensor sum)
    {
        var (one, other, to) = (new FloatRows(x), new FloatRows(y), new FloatRows(sum));
        ForEach(one, row => VectorMath.AddScaled(one[row], other[row], factor, one.Width, to[row]));
    }

    /// <summary>Rotates the first dimensions of the first heads of each row, in place: (a, b) → (a cos − b sin, b cos + a sin).</summary>
    /// <param name="rows">[T, width].</param>
    /// <param name="heads">How many heads are turned.</param>
    /// <param name="headSize">Floats of a head.</param>
    /// <param name="cos">[T, half].</param>
    /// <param name="sin">[T, half].</param>
    /// <param name="inverse">Turn back.</param>
    public static void Rotate(Tensor rows, int heads, int headSize, Tensor cos, Tensor sin, bool inverse)
    {
        var (values, c, s) = (new FloatRows(rows), new FloatRows(cos), new FloatRows(sin));
        ForEach(values, row =>
        {
            for (var head = 0; head < heads; head++) VectorMath.Rotate(values[row] + head * headSize, c[row], s[row], c.Width, inverse);
        });
    }

    /// <summary>Does something with each row, in parallel.</summary>
    public static void ForEach(FloatRows rows, Action<long> work) => TorchTeam.RunRows(rows.Count, RowsPerPart(rows.Width), (first, end) =>
    {
        for (var row = first; row < end; row++) work(row);
    });

    private static long RowsPerPart(long width) => Math.Max(1, FloatsPerPart / width);
}
