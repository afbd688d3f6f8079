using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Grouped-query self-attention (2305.13245) with rotary positions.</summary>
internal sealed class Attention : nn.Module
{
    private readonly AttentionSpecification _specification;
    private readonly int _layer;
    private readonly Projection qkv_proj;
    private readonly Projection o_proj;
    private readonly RmsNorm? q_norm;
    private readonly RmsNorm? k_norm;

    public Attention(string name, int layer, DecoderSpecification decoder, ParameterStorage storage) : base(nameof(Attention))
    {
        (_specification, _layer) = (decoder.Layers[layer].Attention, layer);
        var (queries, keys) = (_specification.Heads * _specification.HeadSize, _specification.KeyValueHeads * _specification.HeadSize);
        (string, int)[] parts = _specification.FusedOnDisk
            ? [($"{name}.qkv_proj", queries + 2 * keys)]
            : [($"{name}.q_proj", queries), ($"{name}.k_proj", keys), ($"{name}.v_proj", keys)];
        qkv_proj = new(parts, decoder.HiddenSize, _specification.QueryKeyValueBias, storage);
        o_proj = new([($"{name}.o_proj", decoder.HiddenSize)], queries, _specification.OutputBias, storage);
        if (_specification.QueryKeyNorm != QueryKeyNorm.None)
        {
            var whole = _specification.QueryKeyNorm == QueryKeyNorm.WholeWidth;
            q_norm = new($"{name}.q_norm", whole ? queries : _specification.HeadSize, decoder.Norm, storage);
            k_norm = new($"{name}.k_norm", whole ? keys : _specification.HeadSize, decoder.Norm, storage);
        }
        RegisterComponents();
    }

    internal Projection QueryKeyValue => qkv_proj;
    internal Projection Output => o_proj;
    internal RmsNorm? QueryNorm => q_norm;
    internal RmsNorm? KeyNorm => k_norm;

    /// <param name="x">[B, T, C].</param>
    /// <param name="pass">What the layers share.</param>
    /// <returns>[B, T, C].</returns>
    public Tensor forward(Tensor x, ForwardPass pass)
    {
        using var scope = NewDisposeScope();
        var (queries, keys, values) = Heads(qkv_proj.forward(x.to(pass.ComputeDtype)), pass);
        if (pass.Cache is not null) (keys, values) = pass.Cache.Write(_layer, keys, values, pass.Mask);
        var mixed = AttentionKernel.Mix(queries, keys, values, pass.AdditiveMask(_specification.SlidingWindow), _specification);
        return o_proj.forward(mixed).MoveToOuterDisposeScope();
    }

    /// <summary>The same for packed sequences, with a way back.</summary>
    /// <param name="x">[T, C] without graph.</param>
    /// <param name="again">Computes x again; null: it is kept.</param>
    /// <param name="pass">The pass.</param>
    public Traced Trace(Tensor x, Func<Tensor>? again, TrainingPass pass)
    {
        var fused = qkv_proj.Trace(x, again, pass, q_norm is null ? pass.NewKept : null);
        var normalized = TraceNorms(fused.Value, pass);
        var heads = pass.Keep(Turn(normalized.Value, pass, inverse: false).to(pass.ComputeDtype));
        var mixed = pass.Attention.Mix(heads, _specification, pass);
        var output = o_proj.Trace(mixed.Value, null, pass);
        return new(output.Value, gradient => fused.Back(normalized.Back(Turn(mixed.Back(output.Back(gradient)), pass, inverse: true))));
    }

    // Queries and keys with their norms, values as they are, side by side as before.
    private Traced TraceNorms(Tensor fused, TrainingPass pass)
    {
        if (q_norm is null || k_norm is null) return new(fused, gradient => gradient);
        var (queries, keys, dtype) = (_specification.Heads * _specification.HeadSize, _specification.KeyValueHeads * _specification.HeadSize, fused.dtype);
        var (forQueries, forKeys) = (q_norm.Trace(pass.Keep(Part(fused, 0, queries)), pass).Normalized, k_norm.Trace(pass.Keep(Part(fused, queries, keys)), pass).Normalized);
        var value = cat([forQueries.Value.flatten(1), forKeys.Value.flatten(1), fused.narrow(1, queries + keys, keys).to(forQueries.Value.dtype)], 1);
        return new(value, gradient => cat(
            [forQueries.Back(Part(gradient, 0, queries)).flatten(1), forKeys.Back(Part(gradient, queries, keys)).flatten(1), gradient.narrow(1, queries + keys, keys).to(dtype)], 1));

        Tensor Part(Tensor wide, int start, int width)
        {
            var part = wide.narrow(1, start, width);
            return _specification.QueryKeyNorm == QueryKeyNorm.PerHead ? part.unflatten(1, [-1, _specification.HeadSize]) : part;
        }
    }

    // Rotates queries and keys where they are, in float32: nothing else needs what was there.
    private Tensor Turn(Tensor heads, TrainingPass pass, bool inverse)
    {
        if (_specification.Rotary is not { } rotary) return heads;
        var wide = heads.to(ScalarType.Float32);
        var (number, size) = (_specification.Heads + _specification.KeyValueHeads, _specification.HeadSize);
        pass.Rotary.RotateInPlace(wide, number, size, rotary, inverse);
        return wide;
    }

    /// <summary>[B, T, (H + 2 Hkv) D] → queries [B, H, T, D], keys and values [B, Hkv, T, D], normalised and rotated.</summary>
    private (Tensor Queries, Tensor Keys, Tensor Values) Heads(Tensor fused, ForwardPass pass)
    {
        var (heads, keyValueHeads, size) = (_specification.Heads, _specification.KeyValueHeads, _specification.HeadSize);
        var values = Split(fused, heads + keyValueHeads, keyValueHeads);
        if (q_norm is null || k_norm is null)
        {
            var both = Rotate(Split(fused, 0, heads + keyValueHeads));
            return (both.narrow(1, 0, heads), both.narrow(1, heads, keyValueHeads), values);
        }
        var (queries, keys) = _specification.QueryKeyNorm == QueryKeyNorm.PerHead
            ? (q_norm.forward(Split(fused, 0, heads)), k_norm.forward(Split(fused, heads, keyValueHeads)))
            : (Split(q_norm.forward(fused.narrow(-1, 0, heads * size)), 0, heads),
               Split(k_norm.forward(fused.narrow(-1, heads * size, keyValueHeads * size)), 0, keyValueHeads));
        return (Rotate(queries), Rotate(keys), values);

        Tensor Split(Tensor wide, int start, int count) =>
            wide.narrow(-1, start * size, count * size).unflatten(2, [count, size]).transpose(1, 2);

        Tensor Rotate(Tensor x) => _specification.Rotary is { } rotary ? pass.Rotary.Rotate(x, rotary).to(pass.ComputeDtype) : x.to(pass.ComputeDtype);
    }
}
