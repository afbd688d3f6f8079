using System.Text;
using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>An untrained model of some thousand weights with a tokenizer of letters and a chat template.</summary>
internal static class TinyModel
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz<>";

    private const string Configuration = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 32, "max_position_embeddings": 512, "rms_norm_eps": 1e-05,
         "rope_theta": 10000.0, "tie_word_embeddings": false, "initializer_range": 0.3, "bos_token_id": 0, "eos_token_id": 1}
        """;

    private const string Template = "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}</s>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

    public static CausalLM Create() => CausalLM.Create(ModelConfiguration.Parse(Configuration), PretrainedTokenizer.FromFiles(TokenizerFiles()), seed: 1);

    private static Dictionary<string, byte[]> TokenizerFiles()
    {
        string[] special = ["<s>", "</s>"];
        var vocabulary = special.Concat(["Ġ", "Ċ"]).Concat(Letters.Select(letter => letter.ToString())).Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
        var tokenizer = JsonSerializer.Serialize(new
        {
            version = "1.0",
            added_tokens = special.Select((content, id) => new { id, content, single_word = false, lstrip = false, rstrip = false, normalized = false, special = true }),
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
            decoder = new { type = "ByteLevel", add_prefix_space = true, trim_offsets = true, use_regex = true },
            model = new { type = "BPE", vocab = vocabulary, merges = Array.Empty<string>() },
        });
        var configuration = JsonSerializer.Serialize(new { tokenizer_class = "PreTrainedTokenizerFast", bos_token = special[0], eos_token = special[1], chat_template = Template });
        return new() { ["tokenizer.json"] = Encoding.UTF8.GetBytes(tokenizer), ["tokenizer_config.json"] = Encoding.UTF8.GetBytes(configuration) };
    }
}
