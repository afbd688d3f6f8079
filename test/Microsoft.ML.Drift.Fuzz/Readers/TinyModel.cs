using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Models of a few hundred weights, and sound files of every kind that need no recording.</summary>
internal static class TinyModel
{
    public const string Llama = """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":8,"intermediate_size":12,"num_hidden_layers":1,"num_attention_heads":2,"num_key_value_heads":1,"vocab_size":300,
         "max_position_embeddings":64,"rms_norm_eps":1e-05,"rope_theta":10000.0,"rope_scaling":null,"tie_word_embeddings":true,"initializer_range":0.02,"bos_token_id":0,"eos_token_id":[256,1],"torch_dtype":"float32","hidden_act":"silu"}
        """;

    /// <summary>One configuration of every family and every kind of rotary scaling.</summary>
    public static readonly string[] Configurations =
    [
        Llama,
        With(Llama, ("rope_scaling", """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":32}""")),
        With(Llama, ("rope_scaling", """{"type":"yarn","factor":4.0,"original_max_position_embeddings":16,"beta_fast":32,"beta_slow":1,"mscale":1.0,"mscale_all_dim":1.0}""")),
        With(Llama, ("rope_scaling", """{"rope_type":"dynamic","factor":2.0}""")),
        With(Llama, ("rope_scaling", """{"rope_type":"longrope","short_factor":[1.0,1.1],"long_factor":[2.0,3.0],"original_max_position_embeddings":16}"""), ("rope_theta", "5e4")),
        With(Llama, ("model_type", "\"qwen2\""), ("architectures", "[\"Qwen2ForCausalLM\"]"), ("use_sliding_window", "true"), ("sliding_window", "8"), ("max_window_layers", "0")),
        With(Llama, ("model_type", "\"qwen3\""), ("architectures", "[\"Qwen3ForCausalLM\"]"), ("head_dim", "4"), ("attention_bias", "false"), ("layer_types", "[\"full_attention\"]")),
        With(Llama, ("model_type", "\"qwen3_moe\""), ("architectures", "[\"Qwen3MoeForCausalLM\"]"), ("head_dim", "4"), ("num_experts", "2"), ("num_experts_per_tok", "1"), ("moe_intermediate_size", "4"), ("norm_topk_prob", "true"),
            ("decoder_sparse_step", "1"), ("mlp_only_layers", "[]")),
        With(Llama, ("model_type", "\"mistral\""), ("architectures", "[\"MistralForCausalLM\"]"), ("sliding_window", "8"), ("head_dim", "4")),
        With(Llama, ("model_type", "\"phi3\""), ("architectures", "[\"Phi3ForCausalLM\"]"), ("pad_token_id", "2"), ("partial_rotary_factor", "1.0"), ("original_max_position_embeddings", "64")),
        With(Llama, ("model_type", "\"gemma2\""), ("architectures", "[\"Gemma2ForCausalLM\"]"), ("head_dim", "4"), ("query_pre_attn_scalar", "4"), ("sliding_window", "8"), ("final_logit_softcapping", "30.0"), ("attn_logit_softcapping", "50.0"),
            ("hidden_activation", "\"gelu_pytorch_tanh\""), ("hidden_act", null)),
        With(Llama, ("model_type", "\"gemma3_text\""), ("architectures", "[\"Gemma3ForCausalLM\"]"), ("head_dim", "4"), ("query_pre_attn_scalar", "4"), ("sliding_window", "8"), ("layer_types", "[\"sliding_attention\"]"),
            ("rope_local_base_freq", "10000.0"), ("hidden_activation", "\"gelu_pytorch_tanh\""), ("hidden_act", null)),
        With(Llama, ("model_type", "\"olmo2\""), ("architectures", "[\"Olmo2ForCausalLM\"]")),
        With(Llama, ("model_type", "\"granite\""), ("architectures", "[\"GraniteForCausalLM\"]"), ("embedding_multiplier", "12.0"), ("logits_scaling", "8.0"), ("residual_multiplier", "0.22"), ("attention_multiplier", "0.5")),
        With(Llama, ("model_type", "\"smollm3\""), ("architectures", "[\"SmolLM3ForCausalLM\"]"), ("no_rope_layers", "[0]"), ("no_rope_layer_interval", "4"), ("pad_token_id", "3")),
    ];

    public const string Generation = """
        {"bos_token_id":0,"eos_token_id":[256,1],"pad_token_id":1,"do_sample":true,"temperature":0.7,"top_p":0.9,"top_k":40,"min_p":0.05,"typical_p":1.0,"repetition_penalty":1.1,"no_repeat_ngram_size":3,"min_new_tokens":1,"max_new_tokens":8,"transformers_version":"4.53.3"}
        """;

    public const string Template =
        "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] | trim }}{% if not loop.last %}\n{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

    public static CausalLM Create() => CausalLM.Create(ModelConfiguration.Parse(Llama), Tokenizer(), seed: 1);

    public static PretrainedTokenizer Tokenizer() => PretrainedTokenizer.CreateByteLevel(["<|end|>", "<s>"], eosToken: "<|end|>", bosToken: "<s>", chatTemplate: Template);

    public static string With(string json, params (string Field, string? Json)[] changes)
    {
        var fields = JsonNode.Parse(json)!.AsObject();
        foreach (var (field, value) in changes)
        {
            if (value is null) fields.Remove(field);
            else fields[field] = JsonNode.Parse(value);
        }
        return fields.ToJsonString();
    }

    /// <summary>A tokenizer.json of a few tokens from its parts, each a JSON text.</summary>
    public static string TokenizerJson(string vocabulary, string merges = "[]", string model = "", string normalizer = "null", string preTokenizer = "null", string postProcessor = "null", string decoder = "null", string addedTokens = "[]")
    {
        var tokens = string.Join(',', vocabulary.Split(' ').Select((token, id) => $"{JsonSerializer.Serialize(token)}:{id}"));
        return $$"""{"version":"1.0","truncation":null,"padding":null,"added_tokens":{{addedTokens}},"normalizer":{{normalizer}},"pre_tokenizer":{{preTokenizer}},"post_processor":{{postProcessor}},"decoder":{{decoder}},"model":{"type":"BPE",{{model}}"vocab":{ {{tokens}} },"merges":{{merges}} } }""";
    }

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
