using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Arithmetic of tensors and numbers whose native scalars live until libtorch has read them.
/// </summary>
/// <remarks>
/// TorchSharp's own operators make a temporary <see cref="Scalar"/> (<c>tensor + tensor</c> too: its alpha). Nothing refers to it once its handle
/// was read, so a garbage collection on any thread may free it while the native call reads it: a crash, or silently another number.
/// <c>eng/BannedSymbols.txt</c> lists what must not be called for that reason. Results and types are those of the operators: a whole
/// number leaves an integer tensor an integer tensor, a <c>double</c> makes it a floating-point one.
/// </remarks>
internal static class TensorArithmetic
{
    /// <summary>The number 1, never freed: the alpha of additions.</summary>
    public static readonly Scalar One = 1.ToScalar();

    private static readonly Scalar Zero = 0.ToScalar();
    private static readonly Scalar Two = 2.ToScalar();

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.add(number, One);
    }

    /// <inheritdoc cref="Plus(Tensor, double)"/>
    public static Tensor Plus(this Tensor a, long b)
    {
        using var number = b.ToScalar();
        return a.add(number, One);
    }

    /// <summary>a + b · factor.</summary>
    public static Tensor PlusScaled(this Tensor a, Tensor b, double factor)
    {
        using var number = factor.ToScalar();
        return a.add(b, number);
    }

    /// <summary>a − b.</summary>
    public static Tensor Minus(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.sub(number);
    }

    /// <inheritdoc cref="Minus(Tensor, double)"/>
    public static Tensor Minus(this Tensor a, long b)
    {
        using var number = b.ToScalar();
        return a.sub(number);
    }

    /// <summary>b − a.</summary>
    public static Tensor SubtractedFrom(this Tensor a, double b)
    {
        using var negative = a.negative();
        return negative.Plus(b);
    }

    /// <inheritdoc cref="SubtractedFrom(Tensor, double)"/>
    public static Tensor SubtractedFrom(this Tensor a, long b)
    {
        using var negative = a.negative();
        return negative.Plus(b);
    }

    /// <summary>a · b.</summary>
    public static Tensor Times(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.mul(number);
    }

    /// <inheritdoc cref="Times(Tensor, double)"/>
    public static Tensor Times(this Tensor a, long b)
    {
        using var number = b.ToScalar();
        return a.mul(number);
    }

    /// <summary>a / b.</summary>
    public static Tensor DividedBy(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.div(number);
    }

    /// <summary>b / a, as the operator computes it: b · (1 / a).</summary>
    public static Tensor DividedInto(this Tensor a, double b)
    {
        using var reciprocal = a.reciprocal();
        return reciprocal.Times(b);
    }

    /// <summary>The remainder of a / b, of the divisor's sign.</summary>
    public static Tensor Modulo(this Tensor a, long b)
    {
        using var number = b.ToScalar();
        return a.remainder(number);
    }

    /// <summary>a².</summary>
    public static Tensor Squared(this Tensor a) => a.pow(Two);

    /// <summary>min(a, largest).</summary>
    public static Tensor AtMost(this Tensor a, double largest)
    {
        using var number = largest.ToScalar();
        return a.clamp_max(number);
    }

    /// <summary>a between 0 and 1.</summary>
    public static Tensor ClampedToUnit(this Tensor a) => a.clamp(Zero, One);

    /// <summary>a = b, bool.</summary>
    public static Tensor IsEqualTo(this Tensor a, long b)
    {
        using var number = b.ToScalar();
        return a.eq(number);
    }

    /// <summary>a &lt; b, bool.</summary>
    public static Tensor IsLessThan(this Tensor a, long b)
    {
        using var number = b.ToScalar();
        return a.lt(number);
    }

    /// <summary>a > b, bool.</summary>
    public static Tensor IsGreaterThan(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.gt(number);
    }

    /// <summary>smallest ≤ a ≤ largest, bool.</summary>
    public static Tensor IsBetween(this Tensor a, double smallest, double largest)
    {
        using var lower = smallest.ToScalar();
        using var upper = largest.ToScalar();
        using var atLeast = a.ge(lower);
        using var atMost = a.le(upper);
        return atLeast.logical_and(atMost);
    }

    /// <summary>a, with <paramref name="value"/> where the mask is true.</summary>
    public static Tensor Masked(this Tensor a, Tensor mask, long value)
    {
        using var number = value.ToScalar();
        return a.masked_fill(mask, number);
    }

    /// <summary>A tensor of a's shape and type that holds one number everywhere.</summary>
    public static Tensor FilledLike(Tensor a, double value)
    {
        using var number = value.ToScalar();
        return full_like(a, number);
    }

    /// <summary>The whole numbers 0, <paramref name="step"/>, 2 · step … below <paramref name="end"/>, int64.</summary>
    public static Tensor WholeNumbers(long end, Device? device = null, long step = 1)
    {
        using var last = end.ToScalar();
        using var increment = step.ToScalar();
        return arange(Zero, last, increment, ScalarType.Int64, device);
    }

    /// <summary>a ← value everywhere.</summary>
    public static Tensor FillInPlace(this Tensor a, double value)
    {
        using var number = value.ToScalar();
        return a.fill_(number);
    }

    /// <summary>a ← value where the mask is true.</summary>
    public static Tensor MaskInPlace(this Tensor a, Tensor mask, double value)
    {
        using var number = value.ToScalar();
        return a.masked_fill_(mask, number);
    }

    /// <summary>a ← a + b.</summary>
    public static Tensor AddInPlace(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.add_(number, One);
    }

    /// <summary>a ← a + b · factor.</summary>
    public static Tensor AddScaledInPlace(this Tensor a, Tensor b, double factor)
    {
        using var number = factor.ToScalar();
        return a.add_(b, number);
    }

    /// <summary>a ← a · b.</summary>
    public static Tensor MultiplyInPlace(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.mul_(number);
    }

    /// <summary>a ← a / b.</summary>
    public static Tensor DivideInPlace(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.div_(number);
    }

    /// <summary>a ← a + factor · b · c, elementwise.</summary>
    public static Tensor AddProductInPlace(this Tensor a, Tensor b, Tensor c, double factor)
    {
        using var number = factor.ToScalar();
        return a.addcmul_(b, c, number);
    }

    /// <summary>a ← a + factor · b / c, elementwise.</summary>
    public static Tensor AddQuotientInPlace(this Tensor a, Tensor b, Tensor c, double factor)
    {
        using var number = factor.ToScalar();
        return a.addcdiv_(b, c, number);
    }

    /// <summary>Rows of <paramref name="source"/> added to the rows of a that <paramref name="index"/> names, in a copy.</summary>
    public static Tensor PlusAt(this Tensor a, Tensor index, Tensor source) => a.index_add(0, index, source, One);

    /// <summary>Rows of <paramref name="source"/> added to the rows of a that <paramref name="index"/> names.</summary>
    public static Tensor AddAtInPlace(this Tensor a, Tensor index, Tensor source) => a.index_add_(0, index, source, One);
}
