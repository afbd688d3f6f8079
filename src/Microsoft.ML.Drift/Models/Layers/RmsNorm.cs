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

    public IEnumerable<ParameterSlice> Slices => [new($"{_name}.weight", _weight, 0, _weight.shape[0], ParameterKind.Norm)];

    /// <summary>The weight with which the layer only normalises.</summary>
    public void Reset()
    {
        using var _ = no_grad();
        _weight.FillInPlace(_specification.WeightIsOffset ? 0 : 1);
    }
}
