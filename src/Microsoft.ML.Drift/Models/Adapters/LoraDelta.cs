using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// The adapter of one matrix W: y = W x + s B A x, or with a magnitude m (DoRA) y = m / ‖W + s B A‖ · (W + s B A) x, the norm per output
/// row and a constant in the backward pass.
/// </summary>
internal sealed class LoraDelta : IDisposable
{
    private readonly LoraAdapter _adapter;
    private readonly int _index;
    private readonly double _scale;
    private readonly Parameter lora_A;
    private readonly Parameter lora_B;
    private readonly Parameter? lora_magnitude_vector;

    /// <param name="adapter">The adapter it belongs to, which can be switched off.</param>
    /// <param name="index">Its place among the adapter's deltas: each drops inputs of its own.</param>
    /// <param name="module">The checkpoint's name of the module.</param>
    /// <param name="weight">W, [output width, input width].</param>
    /// <param name="storage">Where parameters live.</param>
    public LoraDelta(LoraAdapter adapter, int index, string module, ParameterSlice weight, ParameterStorage storage)
    {
        (_adapter, _index, Module, Target) = (adapter, index, module, weight);
        var rank = adapter.Configuration.RankOf(module);
        _scale = adapter.Configuration.ScaleOf(module);
        lora_A = storage.Allocate(rank, weight.Shape[1]);
        lora_B = storage.Allocate(weight.Length, rank);
        if (adapter.Configuration.UseDora) lora_magnitude_vector = storage.Allocate(weight.Length);
    }

    public string Module { get; }

    /// <summary>W.</summary>
    public ParameterSlice Target { get; }

    public bool IsOn => _adapter.Enabled;

    /// <summary>s, A [rank, input width] and B [output width, rank].</summary>
    internal (double Scale, Parameter A, Parameter B) Factors => (_scale, lora_A, lora_B);

    /// <summary>m / ‖W + s B A‖ per output row, float32; null without magnitudes. The caller disposes of it.</summary>
    internal Tensor? RowFactors()
    {
        using var _ = no_grad();
        return lora_magnitude_vector is null ? null : RowScale();
    }

    public IEnumerable<ParameterSlice> Slices
    {
        get
        {
            yield return Slice("lora_A.weight", lora_A);
            yield return Slice("lora_B.weight", lora_B);
            if (lora_magnitude_vector is not null) yield return Slice("lora_magnitude_vector", lora_magnitude_vector);
        }
    }

    /// <summary>y from W x; biases are added later.</summary>
    /// <param name="x">[…, input width], in the compute type.</param>
    /// <param name="product">W x, [..., output width].</param>
    public Tensor forward(Tensor x, Tensor product)
    {
        using var scope = NewDisposeScope();
        var input = _adapter.DropoutKey is { } key ? Dropped(x, key) : x;
        var low = nn.functional.linear(nn.functional.linear(input, lora_A.to(x.dtype)), lora_B.to(x.dtype)).Times(_scale);
        if (lora_magnitude_vector is null) return product.Plus(low).MoveToOuterDisposeScope();
        var rows = RowScale().to(x.dtype);
        if (_adapter.DropoutKey is null) return (product.Plus(low) * rows).MoveToOuterDisposeScope();
        // PEFT's DoRA with dropout: W x stays whole, and what m changes of it is computed from the dropped input.
        var changed = nn.functional.linear(input, Target.View().to(x.dtype)) * rows.Minus(1);
        return product.Plus(changed).Plus(low * rows).MoveToOuterDisposeScope();
    }

    /// <summary>x with some entries 0 and the others scaled up; drawn on the CPU, so that a key means the same on every device.</summary>
    private Tensor Dropped(Tensor x, ulong key)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(GeneratorSeed(key, _index));
        var rate = _adapter.Configuration.Dropout;
        var kept = rand(x.shape, ScalarType.Float32, CPU, generator: generator).IsGreaterThan(rate).to(x.device).to(x.dtype);
        return (x * kept.Times(1 / (1 - rate))).MoveToOuterDisposeScope();
    }

    // SplitMix64's finalizer: PyTorch's generator heeds the low 32 bits of a seed only, so all bits of the key have to reach them.
    private static ulong GeneratorSeed(ulong key, int index)
    {
        var z = key + ((ulong)index + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (z ^ (z >> 31)) & uint.MaxValue;
    }

    /// <summary>What the matrix becomes when the adapter is merged into it, float32.</summary>
    public Tensor MergedWeight()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var merged = Adapted();
        return (lora_magnitude_vector is null ? merged : merged * RowScale().unsqueeze(1)).MoveToOuterDisposeScope();
    }

    /// <summary>The start of training: A uniform as PyTorch initialises linear layers, B zero, so that nothing changes; m the norms of W.</summary>
    public void Reset(Generator generator)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var bound = 1 / Math.Sqrt(lora_A.shape[1]);
        lora_A.copy_(rand(lora_A.shape, ScalarType.Float32, CPU, generator: generator).Times(2 * bound).Minus(bound));
        lora_B.zero_();
        lora_magnitude_vector?.copy_(RowNorms());
    }

    /// <summary>m / ‖W + s B A‖ per output row, [output width] float32; only m gets a gradient.</summary>
    private Tensor RowScale()
    {
        using var scope = NewDisposeScope();
        return (lora_magnitude_vector!.to(ScalarType.Float32) / RowNorms()).MoveToOuterDisposeScope();
    }

    private Tensor RowNorms()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return Adapted().Squared().sum(1).sqrt().MoveToOuterDisposeScope();
    }

    private Tensor Adapted() =>
        Target.View().to(ScalarType.Float32).Plus(matmul(lora_B.to(ScalarType.Float32), lora_A.to(ScalarType.Float32)).Times(_scale));

    public void Dispose()
    {
        foreach (var slice in Slices) slice.Parameter.Dispose();
    }

    private ParameterSlice Slice(string name, Parameter parameter) =>
        new($"{LoraAdapter.Prefix}{Module}.{name}", parameter, 0, parameter.shape[0], ParameterKind.Matrix);
}
