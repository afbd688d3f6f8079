using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Root-mean-square normalisation (1910.07467) over the last dimension, computed in float32.</summary>
internal sealed class RmsNorm : nn.Module, IParameterSource
{
    private readonly NormSpecification _specification;
    private readonly string _name;
    private readonly Parameter _weight;

    /// <param name="name">The checkpoint's name of the layer, without <c>.weight</c>.</param>
    /// <param name="width">Length of the last dimension.</param>
    /// <param name="specification">Epsilon, and whether the weight is an offset from 1.</param>
    /// <param name="storage">Where parameters live.</param>
    public RmsNorm(string name, int width, NormSpecification specification, ParameterStorage storage) : base(nameof(RmsNorm))
    {
        (_name, _specification) = (name, specification);
        _weight = storage.Allocate(width);
        register_parameter("weight", _weight);
    }

    public Parameter Weight => _weight;

    public Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var wide = x.to(ScalarType.Float32);
        var normalized = wide * wide.Squared().mean([-1], keepdim: true).Plus(_specification.Epsilon).rsqrt();
        var weight = _specification.WeightIsOffset ? _weight.to(ScalarType.Float32).Plus(1) : _weight;
        // Llama rounds before it multiplies by the weight, Gemma after: the difference shows in bfloat16 only.
        var result = _specification.WeightIsOffset ? (normalized * weight).to(x.dtype) : normalized.to(x.dtype) * weight;
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>The same with a way back, which keeps x and one number per row.</summary>
    /// <param name="x">[…, width], without graph.</param>
    /// <param name="pass">The pass.</param>
    /// <returns>The value, and how to compute it again.</returns>
    public (Traced Normalized, Func<Tensor> Again) Trace(Tensor x, TrainingPass pass)
    {
        if (FusedRows.CanUse(x))
        {
            var normalized = FusedRows.Normalize(x, _weight, _specification, out var scales);
            pass.Keep(scales);
            return (new(normalized, gradient => FusedBack(x, scales, gradient)), () => FusedRows.ApplyNorm(x, _weight, _specification, scales));
        }
        var scale = pass.Keep(Scale(x));
        return (new(Apply(x, scale), gradient => Back(x, scale, gradient)), () => Apply(x, scale));
    }

    private Tensor FusedBack(Tensor x, Tensor scale, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var (forInput, forWeight) = FusedRows.NormGradients(x, _weight, _specification, scale, gradient.to(ScalarType.Float32).contiguous());
        if (_weight.requires_grad) Traced.Accumulate(_weight, forWeight);
        return forInput.MoveToOuterDisposeScope();
    }

    private Tensor Scale(Tensor x)
    {
        using var scope = NewDisposeScope();
        return x.to(ScalarType.Float32).Squared().mean([-1], keepdim: true).AddInPlace(_specification.Epsilon).rsqrt_().MoveToOuterDisposeScope();
    }

    private Tensor Apply(Tensor x, Tensor scale)
    {
        using var scope = NewDisposeScope();
        var normalized = x.to(ScalarType.Float32) * scale;
        if (_specification.WeightIsOffset) return normalized.mul_(WideWeight()).to(x.dtype).MoveToOuterDisposeScope();
        return (x.dtype == ScalarType.Float32 ? normalized.mul_(_weight.detach()) : normalized.to(x.dtype) * _weight.detach()).MoveToOuterDisposeScope();
    }

    // With n = x · scale and h = dy · weight: dweight = Σ dy · n, dx = (h − n · mean(h · n)) · scale.
    private Tensor Back(Tensor x, Tensor scale, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var wide = gradient.to(ScalarType.Float32);
        var normalized = x.to(ScalarType.Float32) * scale;
        if (_weight.requires_grad) Traced.Accumulate(_weight, (wide * normalized).flatten(0, -2).sum([0]));
        var weighted = wide * WideWeight();
        var along = (weighted * normalized).mean([-1], keepdim: true);
        return weighted.AddProductInPlace(normalized, along, -1).mul_(scale).to(x.dtype).MoveToOuterDisposeScope();
    }

    private Tensor WideWeight()
    {
        var weight = _weight.detach().to(ScalarType.Float32);
        return _specification.WeightIsOffset ? weight.Plus(1) : weight;
    }

    public IEnumerable<ParameterSlice> Slices => [new($"{_name}.weight", _weight, 0, _weight.shape[0], ParameterKind.Norm)];

    /// <summary>The weight with which the layer only normalises.</summary>
    public void Reset()
    {
        using var _ = no_grad();
        _weight.FillInPlace(_specification.WeightIsOffset ? 0 : 1);
    }
}
