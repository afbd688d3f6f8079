using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Drift.Models;

/// <summary>What is done to single rows of numbers between the matrix products; sums run in an order that depends on nothing but the length.</summary>
internal static unsafe class VectorMath
{
    private const int Lanes = 16;

    /// <summary>A mask whose first lanes are set.</summary>
    public static Vector512<float> FirstLanes(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    /// <summary>x / √(mean x² + ε) · weight, or · (1 + weight).</summary>
    public static void RmsNorm(float* x, float* weight, int width, NormSpecification norm, float* result)
    {
        var scale = 1 / MathF.Sqrt(SumOfSquares(x, width) / width + (float)norm.Epsilon);
        var offset = Vector512.Create(norm.WeightIsOffset ? 1f : 0f);
        for (var i = 0; i < width; i += Lanes)
            Store(result, i, width, Load(x, i, width) * scale * (Load(weight, i, width) + offset));
    }

    public static void Add(float* x, float* y, int width)
    {
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Load(x, i, width) + Load(y, i, width));
    }

    /// <summary>x += y · factor.</summary>
    public static void AddScaled(float* x, float* y, float factor, int width)
    {
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Load(x, i, width) + Load(y, i, width) * factor);
    }

    public static void Multiply(float* x, float* y, int width)
    {
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Load(x, i, width) * Load(y, i, width));
    }

    public static void Scale(float* x, float factor, int width)
    {
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Load(x, i, width) * factor);
    }

    /// <summary>gate = activation(gate) · up.</summary>
    public static void Gate(float* gate, float* up, int width, Activation activation)
    {
        for (var i = 0; i < width; i += Lanes)
        {
            var x = Load(gate, i, width);
            var activated = activation == Activation.Silu ? x / (Vector512<float>.One + Vector512.Exp(-x)) : GeluTanh(x);
            Store(gate, i, width, activated * Load(up, i, width));
        }
    }

    /// <summary>cap · tanh(x / cap).</summary>
    public static void SoftCap(float* x, float cap, int width)
    {
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Tanh(Load(x, i, width) / Vector512.Create(cap)) * cap);
    }

    public static float Max(float* x, int width)
    {
        var most = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < width; i += Lanes)
        {
            var values = i + Lanes <= width ? Vector512.Load(x + i) : Avx512F.MaskLoad(x + i, FirstLanes(width - i), Vector512.Create(float.NegativeInfinity));
            most = Vector512.Max(most, values);
        }
        var result = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++) result = MathF.Max(result, most[lane]);
        return result;
    }

    /// <summary>ln Σ exp x, summed in double precision; not a number where an x is none.</summary>
    public static float LogSumExp(float* x, int width)
    {
        var most = Max(x, width);
        if (!float.IsFinite(most)) return most;
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        for (var i = 0; i < width; i += Lanes)
        {
            var weights = Vector512.Exp(Load(x, i, width) - Vector512.Create(most));
            if (i + Lanes > width) weights = Vector512.BitwiseAnd(weights, FirstLanes(width - i));
            var (first, second) = Vector512.Widen(weights);
            low += first;
            high += second;
        }
        return most + (float)Math.Log(Sum(low + high));
    }

    /// <inheritdoc cref="LogSumExp(float*, int)"/>
    public static float LogSumExp(ReadOnlySpan<float> x)
    {
        fixed (float* start = x) return LogSumExp(start, x.Length);
    }

    /// <summary>Replaces scores by exp(score − largest); the multiple of 16 above <paramref name="width"/> must hold −∞.</summary>
    /// <returns>Their sum.</returns>
    public static float Exponentiate(float* scores, int width)
    {
        var most = Vector512.Create(Max(scores, width));
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < width; i += Lanes)
        {
            var weights = Vector512.Exp(Vector512.Load(scores + i) - most);
            weights.Store(scores + i);
            sum += weights;
        }
        return Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* x, int index, int width) =>
        index + Lanes <= width ? Vector512.Load(x + index) : Avx512F.MaskLoad(x + index, FirstLanes(width - index), Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* x, int index, int width, Vector512<float> values)
    {
        if (index + Lanes <= width) values.Store(x + index);
        else Avx512F.MaskStore(x + index, FirstLanes(width - index), values);
    }

    // Written out, so that the order is the same at every level of compilation.
    private static float Sum(Vector512<float> lanes)
    {
        var eight = lanes.GetLower() + lanes.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    private static double Sum(Vector512<double> lanes)
    {
        var four = lanes.GetLower() + lanes.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    private static float SumOfSquares(float* x, int width)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < width; i += Lanes)
        {
            var values = Load(x, i, width);
            sum = Avx512F.FusedMultiplyAdd(values, values, sum);
        }
        return Sum(sum);
    }

    private static Vector512<float> GeluTanh(Vector512<float> x)
    {
        var inner = (x + x * x * x * 0.044715f) * 0.7978845608028654f;
        return x * 0.5f * (Vector512<float>.One + Tanh(inner));
    }

    // 1 − 2 / (e²ˣ + 1) is exact to a rounding of 1, which is what the callers add it to or multiply by a bound.
    private static Vector512<float> Tanh(Vector512<float> x)
    {
        var bounded = Vector512.Min(Vector512.Max(x, Vector512.Create(-20f)), Vector512.Create(20f));
        return Vector512<float>.One - Vector512.Create(2f) / (Vector512.Exp(bounded + bounded) + Vector512<float>.One);
    }
}
