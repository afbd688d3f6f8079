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
        var (gate, up) = Halves(gate_up_proj.forward(x));
        return down_proj.forward(Activate(gate) * up).MoveToOuterDisposeScope();
    }

    /// <summary>The same with a way back, which keeps gate x and up x.</summary>
    /// <param name="x">[T, C] without graph.</param>
    /// <param name="again">Computes x again.</param>
    /// <param name="pass">The pass.</param>
    public Traced Trace(Tensor x, Func<Tensor>? again, TrainingPass pass)
    {
        var fused = gate_up_proj.Trace(x, again, pass, pass.NewKept);
        var both = pass.Keep(fused.Value);
        var down = down_proj.Trace(Gated(both), () => Gated(both), pass);
        return new(down.Value, gradient => fused.Back(Back(both, down.Back(gradient))));
    }

    private bool IsFused(Tensor both) => FusedRows.CanUse(both) && _specification.Activation is Activation.Silu or Activation.GeluTanh;

    private Tensor Gated(Tensor both)
    {
        if (IsFused(both)) return FusedRows.Gate(both, _specification.Activation);
        using var scope = NewDisposeScope();
        var (gate, up) = Halves(both);
        return Activate(gate).mul_(up).MoveToOuterDisposeScope();
    }

    private Tensor Back(Tensor both, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        if (IsFused(both))
        {
            FusedRows.GateGradientInPlace(both, gradient.contiguous(), _specification.Activation);
            return both.alias().MoveToOuterDisposeScope();
        }
        var (gate, up) = Halves(both);
        var result = empty_like(both);
        var (forGate, forUp) = Halves(result);
        forUp.copy_(Activate(gate).mul_(gradient));
        var forActivated = gradient.mul_(up);
        var packed = gate.contiguous();     // the kernels are several times slower on rows with gaps
        forGate.copy_(_specification.Activation == Activation.Silu
            ? NativeKernels.SiluGradient(forActivated, packed)
            : NativeKernels.GeluGradient(forActivated, packed, tanh: _specification.Activation == Activation.GeluTanh));
        return result.MoveToOuterDisposeScope();
    }

    private (Tensor Gate, Tensor Up) Halves(Tensor both) =>
        (both.narrow(-1, 0, _specification.IntermediateSize), both.narrow(-1, _specification.IntermediateSize, _specification.IntermediateSize));

    private Tensor Activate(Tensor gate) => _specification.Activation switch
    {
        Activation.Silu => nn.functional.silu(gate),
        Activation.GeluTanh => nn.functional.gelu(gate, TorchSharp.Modules.GELU.Approximate.tanh),
        _ => nn.functional.gelu(gate),
    };
}
