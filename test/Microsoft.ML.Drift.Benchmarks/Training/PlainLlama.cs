using Microsoft.ML.Drift.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>
/// The forward pass as transformers writes it: one operator after the other, every projection of its own, keys and values repeated for the query heads,
/// scaled-dot-product attention with a mask, logits of all positions. For Llama shapes; the yardstick's model.
/// </summary>
internal sealed class PlainLlama : IDisposable
{
    private readonly AttentionSpecification _attention;
    private readonly double _epsilon;
    private readonly int _layers;
    private readonly Dictionary<string, Parameter> _weights = [];

    /// <param name="model">The weights, which are copied.</param>
    /// <param name="trains">Whether they get gradients.</param>
    public PlainLlama(CausalLM model, bool trains)
    {
        var specification = model.Decoder.Specification;
        (_attention, _epsilon, _layers) = (specification.Layers[0].Attention, specification.Norm.Epsilon, specification.Layers.Count);
        foreach (var slice in model.Decoder.Tensors.Values)
        {
            using var view = slice.View();
            _weights[slice.Name] = new Parameter(view.clone(), trains);
        }
    }

    public IReadOnlyList<Parameter> Parameters => [.. _weights.Values];

    /// <summary>[B, T] ids and mask → [B, T, V] float32 logits.</summary>
    public Tensor Logits(Tensor inputIds, Tensor attentionMask)
    {
        var (batch, length) = (inputIds.shape[0], inputIds.shape[1]);
        var positions = arange(length, ScalarType.Int64);
        var allowed = (positions.unsqueeze(0) <= positions.unsqueeze(1)).unsqueeze(0).logical_and(attentionMask.to(ScalarType.Bool).unsqueeze(1)).unsqueeze(1);
        var mask = zeros(allowed.shape).masked_fill_(allowed.logical_not(), float.MinValue);
        var (cos, sin) = Rotary(positions);
        var x = Weight("model.embed_tokens").index_select(0, inputIds.flatten()).view(batch, length, -1);
        for (var layer = 0; layer < _layers; layer++)
        {
            var name = $"model.layers.{layer}";
            x = x + Attend(Norm(x, $"{name}.input_layernorm"), $"{name}.self_attn", cos, sin, mask, batch, length);
            x = x + FeedForward(Norm(x, $"{name}.post_attention_layernorm"), $"{name}.mlp");
        }
        return nn.functional.linear(Norm(x, "model.norm"), _weights.GetValueOrDefault("lm_head.weight") ?? Weight("model.embed_tokens")).to(ScalarType.Float32);
    }

    public void Dispose()
    {
        foreach (var weight in _weights.Values) weight.Dispose();
    }

    private Parameter Weight(string module) => _weights[module + ".weight"];

    private Tensor Linear(Tensor x, string module) => nn.functional.linear(x, Weight(module));

    private Tensor Norm(Tensor x, string module) => Weight(module) * (x * (x.pow(2).mean([-1], keepdim: true) + _epsilon).rsqrt());

    private Tensor FeedForward(Tensor x, string module) =>
        Linear(nn.functional.silu(Linear(x, $"{module}.gate_proj")) * Linear(x, $"{module}.up_proj"), $"{module}.down_proj");

    private Tensor Attend(Tensor x, string module, Tensor cos, Tensor sin, Tensor mask, long batch, long length)
    {
        var queries = Rotate(Heads("q_proj", _attention.Heads));
        var keys = Repeat(Rotate(Heads("k_proj", _attention.KeyValueHeads)));
        var values = Repeat(Heads("v_proj", _attention.KeyValueHeads));
        var mixed = nn.functional.scaled_dot_product_attention(queries, keys, values, mask);
        return Linear(mixed.transpose(1, 2).contiguous().view(batch, length, -1), $"{module}.o_proj");

        Tensor Heads(string part, int heads) => Linear(x, $"{module}.{part}").view(batch, length, heads, _attention.HeadSize).transpose(1, 2);

        Tensor Rotate(Tensor heads)
        {
            var half = _attention.HeadSize / 2;
            return heads * cos + cat([-heads.narrow(-1, half, half), heads.narrow(-1, 0, half)], -1) * sin;
        }
    }

    private Tensor Repeat(Tensor heads)
    {
        var (shape, times) = (heads.shape, _attention.Heads / _attention.KeyValueHeads);
        return heads.unsqueeze(2).expand(shape[0], shape[1], times, shape[2], shape[3]).reshape(shape[0], shape[1] * times, shape[2], shape[3]);
    }

    private (Tensor Cos, Tensor Sin) Rotary(Tensor positions)
    {
        var rotary = _attention.Rotary!;
        var angles = positions.to(ScalarType.Float32).unsqueeze(1) * rotary.Scaling.Frequencies(rotary, 0);
        var both = cat([angles, angles], -1);
        return (both.cos(), both.sin());
    }
}
