using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Drift.Models;

/// <summary>What is done to single rows of numbers between the matrix products; sums run in an order that depends on nothing but the length.</summary>
internal static unsafe class VectorMath
{
    private const int Lanes = 16;
    private const float GeluCubic = 0.044715f;
    private const float GeluScale = 0.7978845608028654f; // √(2 / π)

    /// <summary>A mask whose first lanes are set.</summary>
    public static Vector512<float> FirstLanes(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    /// <summary>x / √(mean x² + ε) · weight, or · (1 + weight).</summary>
    public static void RmsNorm(float* x, float* weight, int width, NormSpecification norm, float* result) =>
        ScaleByWeight(x, InverseRootMeanSquare(x, width, norm), weight, width, norm, result);

    /// <summary>1 / √(mean x² + ε).</summary>
    public static float InverseRootMeanSquare(float* x, int width, NormSpecification norm) => 1 / MathF.Sqrt(SumOfSquares(x, width) / width + (float)norm.Epsilon);

    /// <summary>x · scale · weight, or · (1 + weight).</summary>
    public static void ScaleByWeight(float* x, float scale, float* weight, int width, NormSpecification norm, float* result)
    {
        var offset = Vector512.Create(norm.WeightIsOffset ? 1f : 0f);
        for (var i = 0; i < width; i += Lanes)
            Store(result, i, width, Load(x, i, width) * scale * (Load(weight, i, width) + offset));
    }

    /// <summary>The gradients of <see cref="RmsNorm"/>: with n = x · scale and h = dy · weight, result = (h − n · mean(h · n)) · scale, and sum += dy · n.</summary>
    public static void NormGradient(float* x, float scale, float* weight, float* gradient, int width, NormSpecification norm, float* result, float* sum)
    {
        var offset = Vector512.Create(norm.WeightIsOffset ? 1f : 0f);
        var products = Vector512<float>.Zero;
        for (var i = 0; i < width; i += Lanes)
        {
            var (normalized, given) = (Load(x, i, width) * scale, Load(gradient, i, width));
            Store(sum, i, width, Vector512.FusedMultiplyAdd(given, normalized, Load(sum, i, width)));
            products = Vector512.FusedMultiplyAdd(given * (Load(weight, i, width) + offset), normalized, products);
        }
        var along = Vector512.Create(Sum(products) / width * scale);
        for (var i = 0; i < width; i += Lanes)
        {
            var weighted = Load(gradient, i, width) * (Load(weight, i, width) + offset);
            Store(result, i, width, (weighted - Load(x, i, width) * along) * scale);
        }
    }

    public static void Add(float* x, float* y, int width)
    {
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Load(x, i, width) + Load(y, i, width));
    }

    /// <summary>x += y · factor.</summary>
    public static void AddScaled(float* x, float* y, float factor, int width) => AddScaled(x, y, factor, width, x);

    /// <summary>result = x + y · factor.</summary>
    public static void AddScaled(float* x, float* y, float factor, int width, float* result)
    {
        for (var i = 0; i < width; i += Lanes) Store(result, i, width, Load(x, i, width) + Load(y, i, width) * factor);
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
    public static void Gate(float* gate, float* up, int width, Activation activation) => Gate(gate, up, width, activation, gate);

    /// <summary>activation(gate) · up.</summary>
    public static void Gate(float* gate, float* up, int width, Activation activation, float* result)
    {
        for (var i = 0; i < width; i += Lanes)
        {
            var x = Load(gate, i, width);
            var activated = activation == Activation.Silu ? x / (Vector512<float>.One + Vector512.Exp(-x)) : GeluTanh(x);
            Store(result, i, width, activated * Load(up, i, width));
        }
    }

    /// <summary>The gradients of <see cref="Gate(float*, float*, int, Activation)"/> in the place of gate and up.</summary>
    public static void GateGradient(float* gate, float* up, float* gradient, int width, Activation activation)
    {
        for (var i = 0; i < width; i += Lanes)
        {
            var (x, given) = (Load(gate, i, width), Load(gradient, i, width));
            Vector512<float> activated, slope;
            if (activation == Activation.Silu)
            {
                // σ = 1 / (1 + e⁻ˣ): silu = x σ, silu' = σ (1 + x (1 − σ)).
                var sigmoid = Vector512<float>.One / (Vector512<float>.One + Vector512.Exp(-x));
                activated = x * sigmoid;
                slope = sigmoid * (Vector512<float>.One + x * (Vector512<float>.One - sigmoid));
            }
            else
            {
                // gelu = x (1 + t) / 2 with t = tanh(c (x + a x³)): gelu' = (1 + t) / 2 + x (1 − t²) c (1 + 3 a x²) / 2.
                var t = Tanh((x + x * x * x * GeluCubic) * GeluScale);
                var half = (Vector512<float>.One + t) * 0.5f;
                activated = x * half;
                slope = half + x * 0.5f * (Vector512<float>.One - t * t) * ((Vector512<float>.One + x * x * (3 * GeluCubic)) * GeluScale);
            }
            var forUp = given * activated;
            Store(gate, i, width, given * Load(up, i, width) * slope);
            Store(up, i, width, forUp);
        }
    }

    /// <summary>(a, b) → (a cos − b sin, b cos + a sin) for the two halves of x, or back.</summary>
    public static void Rotate(float* x, float* cos, float* sin, int half, bool inverse)
    {
        var sign = inverse ? -1f : 1f;
        for (var i = 0; i < half; i += Lanes)
        {
            var (a, b, c, s) = (Load(x, i, half), Load(x + half, i, half), Load(cos, i, half), Load(sin, i, half) * sign);
            Store(x, i, half, a * c - b * s);
            Store(x + half, i, half, b * c + a * s);
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

    /// <summary>result = x · factor.</summary>
    public static void ScaleTo(float* x, float factor, int width, float* result)
    {
        for (var i = 0; i < width; i += Lanes) Store(result, i, width, Load(x, i, width) * factor);
    }

    public static float Dot(float* x, float* y, int width)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < width; i += Lanes) sum = Vector512.FusedMultiplyAdd(Load(x, i, width), Load(y, i, width), sum);
        return Sum(sum);
    }

    /// <summary>Replaces scores by p = exp(score − normalizer), and slopes by p · (slope − along): what the gradient of a softmax's result is to its scores.</summary>
    public static void SoftmaxGradient(float* scores, float* slopes, float normalizer, float along, int width)
    {
        var (log, mean) = (Vector512.Create(normalizer), Vector512.Create(along));
        for (var i = 0; i < width; i += Lanes)
        {
            var weights = Vector512.Exp(Load(scores, i, width) - log);
            Store(scores, i, width, weights);
            Store(slopes, i, width, weights * (Load(slopes, i, width) - mean));
        }
    }

    /// <inheritdoc cref="Exponentiate(float*, int, out float)"/>
    public static float Exponentiate(float* scores, int width) => Exponentiate(scores, width, out _);

    /// <summary>ln Σ exp x, and in the same passes Σ x and the mean of x under softmax(x).</summary>
    public static float LogSumExp(float* x, int width, out float expected, out float sum)
    {
        var most = Vector512.Create(Max(x, width));
        var (weights, weighted, plain) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < width; i += Lanes)
        {
            var values = Load(x, i, width);
            var weight = Vector512.Exp(values - most);
            if (i + Lanes > width) weight = Vector512.BitwiseAnd(weight, FirstLanes(width - i));
            weights += weight;
            weighted = Vector512.FusedMultiplyAdd(weight, values, weighted);
            plain += values;
        }
        var total = Sum(weights);
        (expected, sum) = (Sum(weighted) / total, Sum(plain));
        return most[0] + MathF.Log(total);
    }

    /// <summary>x = exp(x − normalizer) · factor.</summary>
    public static void ScaledExp(float* x, float normalizer, float factor, int width)
    {
        var log = Vector512.Create(normalizer);
        for (var i = 0; i < width; i += Lanes) Store(x, i, width, Vector512.Exp(Load(x, i, width) - log) * factor);
    }

    /// <summary>Replaces scores by exp(score − largest); the multiple of 16 above <paramref name="width"/> must hold −∞.</summary>
    /// <returns>Their sum.</returns>
    public static float Exponentiate(float* scores, int width, out float largest)
    {
        largest = Max(scores, width);
        var most = Vector512.Create(largest);
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

    /// <summary>Σ x², each square and the sum in double precision.</summary>
    public static double SumOfSquaresInDouble(float* x, int count)
    {
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        for (var i = 0; i < count; i += Lanes)
        {
            var (first, second) = Vector512.Widen(Load(x, i, count));
            low = Vector512.FusedMultiplyAdd(first, first, low);
            high = Vector512.FusedMultiplyAdd(second, second, high);
        }
        return Sum(low + high);
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
        var inner = (x + x * x * x * GeluCubic) * GeluScale;
        return x * 0.5f * (Vector512<float>.One + Tanh(inner));
    }

    // 1 − 2 / (e²ˣ + 1) is exact to a rounding of 1, which is what the callers add it to or multiply by a bound.
    private static Vector512<float> Tanh(Vector512<float> x)
    {
        var bounded = Vector512.Min(Vector512.Max(x, Vector512.Create(-20f)), Vector512.Create(20f));
        return Vector512<float>.One - Vector512.Create(2f) / (Vector512.Exp(bounded + bounded) + Vector512<float>.One);
    }
}
