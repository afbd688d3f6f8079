using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>cos and sin of one forward pass, [B, 1, T, Dimensions / 2], for each distinct rotation among the layers.</summary>
internal sealed class RotaryTables
{
    private readonly Dictionary<RotarySpecification, (Tensor Cos, Tensor Sin)> _tables = [];

    /// <param name="positions">[B, T] int64.</param>
    /// <param name="longest">The longest sequence so far, for rules that depend on it.</param>
    /// <param name="frequencies">The frequencies of the layers' rotations, on the positions' device.</param>
    /// <param name="dtype">Type of the tables.</param>
    public RotaryTables(Tensor positions, long longest, RotaryFrequencies frequencies, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var wide = positions.to(ScalarType.Float32).unsqueeze(1).unsqueeze(-1);
        foreach (var rotary in frequencies.Rotations)
        {
            var (angles, factor) = (wide * frequencies.Of(rotary, longest), rotary.Scaling.AttentionFactor);
            _tables[rotary] = (Table(angles.cos()), Table(angles.sin()));

            Tensor Table(Tensor values) => (factor == 1 ? values : values.Times(factor)).to(dtype).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Rotates the first dimensions of every head: (a, b) → (a cos − b sin, b cos + a sin) for the halves a and b.</summary>
    /// <param name="heads">[B, heads, T, D].</param>
    /// <param name="rotary">The layer's rotation.</param>
    public Tensor Rotate(Tensor heads, RotarySpecification rotary)
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = _tables[rotary];
        var (half, width) = (rotary.Dimensions / 2, heads.shape[^1]);
        var (a, b) = (heads.narrow(-1, 0, half), heads.narrow(-1, half, half));
        var (turnedA, turnedB) = (a * cos - b * sin, (b * cos).Plus(a * sin));
        var parts = width == rotary.Dimensions ? [turnedA, turnedB] : new[] { turnedA, turnedB, heads.narrow(-1, rotary.Dimensions, width - rotary.Dimensions).to(turnedA.dtype) };
        return cat(parts, -1).MoveToOuterDisposeScope();
    }

    /// <summary><see cref="Rotate"/>, or its inverse, in the heads' own memory; for tables of one row.</summary>
    /// <param name="rows">[T, …]: the heads side by side, then whatever stays as it is; in the tables' type.</param>
    /// <param name="number">How many heads there are to turn.</param>
    /// <param name="size">D.</param>
    /// <param name="rotary">The layer's rotation.</param>
    /// <param name="inverse">Turn back; the factor on cos and sin stays, as a gradient wants it.</param>
    public void RotateInPlace(Tensor rows, int number, int size, RotarySpecification rotary, bool inverse)
    {
        if (FusedRows.CanUse(rows) && FusedRows.CanUse(_tables[rotary].Cos))
        {
            FusedRows.Rotate(rows, number, size, _tables[rotary].Cos, _tables[rotary].Sin, inverse);
            return;
        }
        using var scope = NewDisposeScope();
        var heads = rows.narrow(1, 0, number * size).unflatten(1, [number, size]);
        var (cos, sin) = (_tables[rotary].Cos.view(heads.shape[0], 1, -1), _tables[rotary].Sin.view(heads.shape[0], 1, -1));
        var half = rotary.Dimensions / 2;
        var (a, b) = (heads.narrow(-1, 0, half), heads.narrow(-1, half, half));
        var turned = a * sin;
        a.mul_(cos).AddProductInPlace(b, sin, inverse ? 1 : -1);
        b.mul_(cos);
        b.AddScaledInPlace(turned, inverse ? -1 : 1);
    }
}

/// <summary>The frequencies of each rotation; those that depend on the longest sequence are computed when asked for.</summary>
internal sealed class RotaryFrequencies : IDisposable
{
    private readonly Dictionary<RotarySpecification, Tensor> _standing = [];
    private readonly Device _device;

    public RotaryFrequencies(IEnumerable<RotarySpecification> rotations, Device device)
    {
        _device = device;
        foreach (var rotary in rotations.Distinct()) _standing[rotary] = Compute(rotary, 0).DetachFromDisposeScope();
    }

    public IEnumerable<RotarySpecification> Rotations => _standing.Keys;

    /// <summary>[Dimensions / 2] float32.</summary>
    public Tensor Of(RotarySpecification rotary, long longest) =>
        rotary.Scaling.DynamicBeyond is { } original && longest > original ? Compute(rotary, longest) : _standing[rotary].alias();

    public void Dispose()
    {
        foreach (var frequencies in _standing.Values) frequencies.Dispose();
        _standing.Clear();
    }

    private Tensor Compute(RotarySpecification rotary, long longest)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return rotary.Scaling.Frequencies(rotary, longest).to(_device).MoveToOuterDisposeScope();
    }
}
