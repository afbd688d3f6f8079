using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Evaluation.Tests;

/// <summary>Untrained models of some thousand weights with a tokenizer of bytes and a chat template: they answer gibberish, always the same.</summary>
internal static class TinyModels
{
    private const string Configuration = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 260, "max_position_embeddings": 2048, "rms_norm_eps": 1e-05,
         "rope_theta": 10000.0, "tie_word_embeddings": false, "initializer_range": 0.3, "bos_token_id": 0, "eos_token_id": 1}
        """;

    private const string Template = "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

    public static CausalLM Create(int seed = 1) =>
        CausalLM.Create(ModelConfiguration.Parse(Configuration), PretrainedTokenizer.CreateByteLevel(["<s>", "</s>"], eosToken: "</s>", bosToken: "<s>", chatTemplate: Template), seed);
}
