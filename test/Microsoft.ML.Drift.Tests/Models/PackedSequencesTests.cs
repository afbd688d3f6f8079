using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>Packing with shared prompts is another order of the same sums: hidden states and gradients are those of one padded row per sequence.</summary>
public class PackedSequencesTests
{
    /// <summary>What a layer can have, on a model of a few thousand weights.</summary>
    public static TheoryData<string, string> Kinds => new()
    {
        { "llama", "" },
        { "llama, multi-head", """ "num_key_value_heads": 4 """ },
        { "dynamic rotary beyond its length", """ "max_position_embeddings": 12, "rope_scaling": {"type": "dynamic", "factor": 2.0} """ },
        { "LongRoPE beyond its length", """ "model_type": "phi3", "architectures": ["Phi3ForCausalLM"], "max_position_embeddings": 64, "original_max_position_embeddings": 12, "pad_token_id": 0, "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 4.0]} """ },
        { "sliding window", """ "model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 5 """ },
        { "query and key norms", """ "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "head_dim": 8 """ },
        { "biases", """ "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"] """ },
        { "norms of whole width, after", """ "model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"] """ },
        { "experts", """ "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 12, "norm_topk_prob": true, "decoder_sparse_step": 1, "mlp_only_layers": [], "head_dim": 8 """ },
        { "capped scores and logits, windows", """ "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"], "hidden_activation": "gelu_pytorch_tanh", "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0, "query_pre_attn_scalar": 8, "head_dim": 4, "sliding_window": 6 """ },
        { "multipliers", """ "model_type": "granite", "architectures": ["GraniteForCausalLM"], "embedding_multiplier": 2.0, "residual_multiplier": 0.7, "attention_multiplier": 0.4, "logits_scaling": 3.0 """ },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void TrainingForward_RaggedTrees_EqualsPaddedRows(string kind, string fields)
    {
        foreach (var (trees, lengths) in new[] { (RandomTrees(1, 3, shortest: 1), "short"), (RandomTrees(2, 2, shortest: 30), "long"), (RandomTrees(3, 5, shortest: 4), "more") })
            AssertEqualsPadded($"{kind}, {lengths}", fields, trees, checkpoint: false);
        AssertEqualsPadded($"{kind}, checkpointed", fields, RandomTrees(4, 2, shortest: 3), checkpoint: true);
    }

    [Fact]
    public void Compute_IsBitForBitTheTrainingPass()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        var packed = new PackedSequences(RandomTrees(5, 3, shortest: 20), CPU);
        Assert.Equal(model.Decoder.TrainingForward(packed).Hidden.data<float>().ToArray(), TrainingForward.Compute(model.Decoder, packed).data<float>().ToArray());
    }

    [Fact]
    public void Positions_OfBranches_GoOnWhereTheTrunkEnds()
    {
        using var scope = NewDisposeScope();
        var packed = new PackedSequences([new(new[] { 3, 4 }, [new[] { 5 }, new[] { 6, 7 }]), new(new[] { 8 })], CPU);
        Assert.Equal([3L, 4, 5, 6, 7, 8], packed.InputIds.data<long>().ToArray());
        Assert.Equal([0L, 1, 2, 2, 3, 0], packed.Positions.data<long>().ToArray());
        Assert.Equal(4, packed.Depth);
    }

    private static void AssertEqualsPadded(string because, string fields, TokenTree[] trees, bool checkpoint)
    {
        using var scope = NewDisposeScope();
        using var model = CausalLM.Create(ModelConfiguration.Parse(TinyModels.With(TinyModels.Llama, [.. Fields(fields)])), tokenizer: null, seed: 1);
        int[][] rows = [.. trees.SelectMany(Sequences)];
        var longest = rows.Max(row => row.Length);
        var (ids, real) = (zeros(rows.Length, longest, ScalarType.Int64), zeros(rows.Length, longest, ScalarType.Int64));
        for (var row = 0; row < rows.Length; row++)
        {
            ids[row, ..rows[row].Length] = tensor(rows[row].Select(id => (long)id).ToArray());
            real[row, ..rows[row].Length] = ones(rows[row].Length, ScalarType.Int64);
        }

        // Every token of every sequence counts, by a weight of its own.
        var weights = randn(rows.Length, longest, 1, generator: new Generator(9)) * real.unsqueeze(-1);
        var mask = AttentionMask.Causal(real);
        var logits = model.Decoder.Logits(model.Decoder.forward(ids, mask.Positions, mask));
        (logits.square() * weights).sum().backward();
        var expected = model.Decoder.parameters().Select(Take).ToArray();

        var pass = model.Decoder.TrainingForward(new PackedSequences(trees, CPU), checkpoint);
        var unpacked = stack([.. Unpack(trees).Select((indices, row) =>
            nn.functional.pad(pass.Hidden.index_select(0, tensor(indices)), [0, 0, 0, longest - rows[row].Length]))]);
        var packedLogits = model.Decoder.Logits(unpacked);
        (packedLogits.square() * weights).sum().backward();
        pass.Backward();

        Assert.True(Relative(logits * real.unsqueeze(-1), packedLogits * real.unsqueeze(-1)) < 1e-5, $"{because}: logits");
        foreach (var (name, gradient, parameter) in model.Decoder.named_parameters().Zip(expected, (named, gradient) => (named.name, gradient, named.parameter)))
        {
            if (gradient is null && parameter.grad is null) continue;
            Assert.True(Relative(gradient!, parameter.grad!) < 1e-5, $"{because}: {name} differs by {Relative(gradient!, parameter.grad!):G2}");
        }
    }

    private static Tensor? Take(TorchSharp.Modules.Parameter parameter)
    {
        var gradient = parameter.grad?.clone();
        parameter.grad = null;
        return gradient;
    }

    private static double Relative(Tensor expected, Tensor actual) => ((expected - actual).norm() / expected.norm().clamp_min(1e-12)).item<float>();

    private static IEnumerable<int[]> Sequences(TokenTree tree) =>
        tree.Branches.Count == 0 ? [tree.Trunk.ToArray()] : tree.Branches.Select(branch => (int[])[.. tree.Trunk.Span, .. branch.Span]);

    // The packed indices of each sequence's tokens.
    private static IEnumerable<long[]> Unpack(TokenTree[] trees)
    {
        var start = 0;
        foreach (var tree in trees)
        {
            long[] trunk = [.. Enumerable.Range(start, tree.Trunk.Length).Select(index => (long)index)];
            if (tree.Branches.Count == 0) yield return trunk;
            var next = start + tree.Trunk.Length;
            foreach (var branch in tree.Branches)
            {
                yield return [.. trunk, .. Enumerable.Range(next, branch.Length).Select(index => (long)index)];
                next += branch.Length;
            }
            start = next;
        }
    }

    /// <summary>Trees of a prompt with two answers, a plain sequence, and a prompt without one of its answers.</summary>
    private static TokenTree[] RandomTrees(int seed, int count, int shortest)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i => i % 3 == 1 ? new TokenTree(Ids()) : new TokenTree(Ids(), [Ids(), i % 3 == 2 ? default : Ids()]))];

        int[] Ids() => [.. Enumerable.Range(0, shortest + random.Next(7)).Select(_ => random.Next(3, 32))];
    }

    private static IEnumerable<(string, string?)> Fields(string json) => json.Trim() == "" ? [] :
        System.Text.Json.Nodes.JsonNode.Parse("{" + json + "}")!.AsObject().Select(field => (field.Key, (string?)field.Value!.ToJsonString()));
}
