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
