using Microsoft.ML.Drift.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>
/// The forward pass as transformers writes it: one operator after the other, every projection of its own, keys and values repeated for the query heads,
/// scaled-dot-product attention with a mask, logits of all positions. For Llama shapes; the yardstick's model.
/// </summary>
/// <remarks>Scopes free a layer's temporary tensors where Python's reference counts would; what the backward pass needs, libtorch's graph keeps.</remarks>
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

    /// <summary>All weights by the checkpoint's names.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => _weights;

    /// <summary>[B, T] ids and mask → [B, T, V] float32 logits.</summary>
    public Tensor Logits(Tensor inputIds, Tensor attentionMask)
    {
        var pass = new Pass(this, inputIds.shape, attentionMask);
        var x = Embed(inputIds);
        for (var layer = 0; layer < _layers; layer++) x = Layer(layer, x, pass);
        return Head(x);
    }

    /// <summary>The same with gradient checkpointing: only the layers' inputs are kept, and each layer is computed again in its backward pass.</summary>
    /// <returns>The logits, and what is to be called after the loss's own backward pass, which ends at the last layer.</returns>
    public (Tensor Logits, Action Backward) CheckpointedLogits(Tensor inputIds, Tensor attentionMask)
    {
        var pass = new Pass(this, inputIds.shape, attentionMask);
        var inputs = new List<Tensor> { Embed(inputIds) };
        using (no_grad())
        {
            for (var layer = 0; layer < _layers; layer++) inputs.Add(Layer(layer, inputs[layer], pass));
        }
        var top = inputs[_layers].detach().requires_grad_(true);
        return (Head(top), () =>
        {
            var gradient = top.grad!;
            for (var layer = _layers - 1; layer >= 0; layer--)
            {
                using var scope = NewDisposeScope();
                var input = inputs[layer].detach().requires_grad_(true);
                Layer(layer, input, pass).backward([gradient]);
                gradient = input.grad!.MoveToOuterDisposeScope();
                inputs[layer + 1].Dispose();
            }
            inputs[0].backward([gradient]);
        });
    }

    public void Dispose()
    {
        foreach (var weight in _weights.Values) weight.Dispose();
    }

    private Tensor Embed(Tensor inputIds) => Weight("model.embed_tokens").index_select(0, inputIds.flatten()).view(inputIds.shape[0], inputIds.shape[1], -1);

    private Tensor Layer(int layer, Tensor x, Pass pass)
    {
        using var scope = NewDisposeScope();
        var name = $"model.layers.{layer}";
        x = x.Plus(Attend(Norm(x, $"{name}.input_layernorm"), $"{name}.self_attn", pass));
        x = x.Plus(FeedForward(Norm(x, $"{name}.post_attention_layernorm"), $"{name}.mlp"));
        return x.MoveToOuterDisposeScope();
    }

    private Tensor Head(Tensor x)
    {
        using var scope = NewDisposeScope();
        return nn.functional.linear(Norm(x, "model.norm"), _weights.GetValueOrDefault("lm_head.weight") ?? Weight("model.embed_tokens")).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    private Parameter Weight(string module) => _weights[module + ".weight"];

    private Tensor Linear(Tensor x, string module) => nn.functional.linear(x, Weight(module));

    private Tensor Norm(Tensor x, string module)
    {
        using var scope = NewDisposeScope();
        return (Weight(module) * (x * x.Squared().mean([-1], keepdim: true).Plus(_epsilon).rsqrt())).MoveToOuterDisposeScope();
    }

    private Tensor FeedForward(Tensor x, string module)
    {
        using var scope = NewDisposeScope();
        return Linear(nn.functional.silu(Linear(x, $"{module}.gate_proj")) * Linear(x, $"{module}.up_proj"), $"{module}.down_proj").MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor x, string module, Pass pass)
    {
        using var scope = NewDisposeScope();
        var queries = Rotate(Heads("q_proj", _attention.Heads));
        var keys = Repeat(Rotate(Heads("k_proj", _attention.KeyValueHeads)));
        var values = Repeat(Heads("v_proj", _attention.KeyValueHeads));
        var mixed = nn.functional.scaled_dot_product_attention(queries, keys, values, pass.Mask);
        return Linear(mixed.transpose(1, 2).contiguous().view(x.shape[0], x.shape[1], -1), $"{module}.o_proj").MoveToOuterDisposeScope();

        Tensor Heads(string part, int heads) => Linear(x, $"{module}.{part}").view(x.shape[0], x.shape[1], heads, _attention.HeadSize).transpose(1, 2);

        Tensor Rotate(Tensor heads)
        {
            var half = _attention.HeadSize / 2;
            return (heads * pass.Cos).Plus(cat([-heads.narrow(-1, half, half), heads.narrow(-1, 0, half)], -1) * pass.Sin);
        }
    }

    private Tensor Repeat(Tensor heads)
    {
        var (shape, times) = (heads.shape, _attention.Heads / _attention.KeyValueHeads);
        return heads.unsqueeze(2).expand(shape[0], shape[1], times, shape[2], shape[3]).reshape(shape[0], shape[1] * times, shape[2], shape[3]);
    }

    /// <summary>What all layers share: rotations, and the additive mask [B, 1, T, T].</summary>
    private sealed class Pass
    {
        public Pass(PlainLlama model, long[] shape, Tensor attentionMask)
        {
            using var scope = NewDisposeScope();
            var positions = TensorArithmetic.WholeNumbers(shape[1]);
            var hidden = (positions.unsqueeze(0) > positions.unsqueeze(1)).unsqueeze(0).logical_or(attentionMask.to(ScalarType.Bool).logical_not().unsqueeze(1)).unsqueeze(1);
            Mask = zeros(hidden.shape).MaskInPlace(hidden, float.MinValue).MoveToOuterDisposeScope();
            var rotary = model._attention.Rotary!;
            var angles = positions.to(ScalarType.Float32).unsqueeze(1) * rotary.Scaling.Frequencies(rotary, 0);
            var both = cat([angles, angles], -1);
            (Cos, Sin) = (both.cos().MoveToOuterDisposeScope(), both.sin().MoveToOuterDisposeScope());
        }

        public Tensor Mask { get; }

        public Tensor Cos { get; }

        public Tensor Sin { get; }
    }
}
