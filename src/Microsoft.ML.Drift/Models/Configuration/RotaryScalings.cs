using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>RoFormer (2104.09864): no scaling.</summary>
internal sealed record UnscaledRotary : RotaryScaling
{
    public override torch.Tensor Frequencies(RotarySpecification rotary, long longest) => Wavelengths(rotary.Base, rotary.Dimensions).reciprocal();
}

/// <summary>Position interpolation (2306.15595): every frequency divided by the factor.</summary>
internal sealed record LinearRotary(double Factor) : RotaryScaling
{
    public override torch.Tensor Frequencies(RotarySpecification rotary, long longest) =>
        Wavelengths(rotary.Base, rotary.Dimensions).reciprocal().DividedBy((float)Factor);
}

/// <summary>Dynamic NTK: the base grows with the longest sequence of the batch once that exceeds <paramref name="OriginalLength"/>.</summary>
internal sealed record DynamicRotary(double Factor, int OriginalLength) : RotaryScaling
{
    public override int? DynamicBeyond => OriginalLength;

    public override torch.Tensor Frequencies(RotarySpecification rotary, long longest)
    {
        var stretch = Factor * Math.Max(longest, OriginalLength) / OriginalLength - (Factor - 1);
        var grown = rotary.Base * Math.Pow(stretch, rotary.Dimensions / (rotary.Dimensions - 2.0));
        return Wavelengths(grown, rotary.Dimensions).reciprocal();
    }
}

/// <summary>YaRN (2309.00071): fast frequencies stay, slow ones are interpolated, a ramp lies between; cos and sin are scaled.</summary>
internal sealed record YarnRotary(double Factor, int OriginalLength, double BetaFast, double BetaSlow, double Attention) : RotaryScaling
{
    public override double AttentionFactor => Attention;

    public override torch.Tensor Frequencies(RotarySpecification rotary, long longest)
    {
        var (low, high) = (Math.Max(Math.Floor(Dimension(BetaFast)), 0), Math.Min(Math.Ceiling(Dimension(BetaSlow)), rotary.Dimensions - 1));
        if (low == high) high += 0.001;
        var ramp = TensorArithmetic.WholeNumbers(rotary.Dimensions / 2).to(torch.float32).Minus((float)low).DividedBy((float)(high - low)).ClampedToUnit();
        var wavelengths = Wavelengths(rotary.Base, rotary.Dimensions);
        var kept = ramp.SubtractedFrom(1);
        return (wavelengths.Times((float)Factor).reciprocal() * kept.SubtractedFrom(1)).Plus(wavelengths.reciprocal() * kept);

        // The (fractional) pair that turns this often within the original length.
        double Dimension(double rotations) =>
            rotary.Dimensions * Math.Log(OriginalLength / (rotations * 2 * Math.PI)) / (2 * Math.Log(rotary.Base));
    }
}

/// <summary>Llama 3.1: long wavelengths divided by the factor, short ones kept, smooth in between.</summary>
internal sealed record Llama3Rotary(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalLength) : RotaryScaling
{
    public override torch.Tensor Frequencies(RotarySpecification rotary, long longest)
    {
        var frequencies = Wavelengths(rotary.Base, rotary.Dimensions).reciprocal();
        var wavelengths = frequencies.DividedInto(2 * Math.PI);
        var (longWave, shortWave) = (OriginalLength / LowFrequencyFactor, OriginalLength / HighFrequencyFactor);
        var slowed = torch.where(wavelengths.IsGreaterThan(longWave), frequencies.DividedBy(Factor), frequencies);
        var smooth = wavelengths.DividedInto(OriginalLength).Minus(LowFrequencyFactor).DividedBy(HighFrequencyFactor - LowFrequencyFactor);
        var between = (smooth.SubtractedFrom(1) * slowed).DividedBy(Factor).Plus(smooth * slowed);
        return torch.where(wavelengths.IsBetween(shortWave, longWave), between, slowed);
    }
}

/// <summary>LongRoPE (2402.13753), Phi-3 and Phi-4: one divisor per frequency, another set once a sequence exceeds the original length.</summary>
internal sealed record LongRotary(IReadOnlyList<double> Short, IReadOnlyList<double> Long, int OriginalLength, double Attention) : RotaryScaling
{
    public override double AttentionFactor => Attention;
    public override int? DynamicBeyond => OriginalLength;

    public override torch.Tensor Frequencies(RotarySpecification rotary, long longest)
    {
        var divisors = torch.tensor((longest > OriginalLength ? Long : Short).Select(value => (float)value).ToArray());
        return (divisors * Wavelengths(rotary.Base, rotary.Dimensions)).reciprocal();
    }
}
