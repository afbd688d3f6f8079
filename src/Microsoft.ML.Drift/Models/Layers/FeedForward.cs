using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Gated feed-forward network (2002.05202): down(act(gate x) · up x).</summary>
internal sealed class FeedForward : nn.Module
{
    private readonly FeedForwardSpecification _specification;
    private readonly Projection gate_up_proj;
    private readonly Projection down_proj;

    public FeedForward(string name, int width, FeedForwardSpecification specification, ParameterStorage storage) : base(nameof(FeedForward))
    {
        _specification = specification;
        var inner = specification.IntermediateSize;
        (string, int)[] parts = specification.FusedOnDisk ? [($"{name}.gate_up_proj", 2 * inner)] : [($"{name}.gate_proj", inner), ($"{name}.up_proj", inner)];
        gate_up_proj = new(parts, width, specification.Bias, storage);
        down_proj = new([($"{name}.down_proj", width)], inner, specification.Bias, storage);
        RegisterComponents();
    }

    internal Projection GateUp => gate_up_proj;
    internal Projection Down => down_proj;

    /// <param name="x">[…, C], in the compute type.</param>
    public Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var fused = gate_up_proj.forward(x);
        var (gate, up) = (fused.narrow(-1, 0, _specification.IntermediateSize), fused.narrow(-1, _specification.IntermediateSize, _specification.IntermediateSize));
        var activated = _specification.Activation switch
        {
            Activation.Silu => nn.functional.silu(gate),
            Activation.GeluTanh => nn.functional.gelu(gate, TorchSharp.Modules.GELU.Approximate.tanh),
            _ => nn.functional.gelu(gate),
        };
        return down_proj.forward(activated * up).MoveToOuterDisposeScope();
    }
}
