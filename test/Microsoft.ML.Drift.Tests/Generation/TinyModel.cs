using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Generation;

/// <summary>An untrained model of a few thousand weights whose next-token distributions are far from uniform.</summary>
internal static class TinyModel
{
    public const int VocabularySize = 97;

    public static CausalLM Create(int seed = 3) => CausalLM.Create(
        ModelConfiguration.Parse("""
            {
              "model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
              "vocab_size": 97, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false, "initializer_range": 0.25,
              "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false
            }
            """), seed);

    public static GenerationEngine Engine(CausalLM model, GenerationOptions options, GenerationBatching? batching = null, IReadOnlyList<int>? endIds = null, bool alwaysTorch = false) =>
        new(model.Decoder, null, endIds ?? [2], options, batching ?? new()) { AlwaysTorch = alwaysTorch };

    /// <summary>Prompts of lengths 1 to 16, some of them equal.</summary>
    public static GenerationRequest[] Requests(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(row => new GenerationRequest($"row-{row}", [.. Enumerable.Range(0, 1 + row * 7 % 16).Select(_ => random.Next(3, VocabularySize))]))];
    }
}
