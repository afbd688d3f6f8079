using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>The models that are measured.</summary>
internal static class BenchmarkModel
{
    private const string Folder = "SmolLM2-135M-Instruct";

    /// <summary>SmolLM2-135M's shape.</summary>
    public const string SmolLM2 = """
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
         "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0,
         "tie_word_embeddings": true, "initializer_range": 0.02, "bos_token_id": 1, "eos_token_id": 2}
        """;

    /// <summary>The model of the command line, SmolLM2-135M-Instruct where it lies, or random weights (σ = 0.02) of its shape.</summary>
    public static (string Name, CausalLM Model) Load(BenchmarkOptions options)
    {
        var path = options.Model ?? Find();
        return path is null ? ("SmolLM2-135M's shape, random weights", Random(SmolLM2)) : (Path.GetFileNameWithoutExtension(path.TrimEnd('/')), CausalLM.Load(path));
    }

    /// <summary>Random weights, σ = 0.02, of a configuration's shape.</summary>
    public static CausalLM Random(string configuration) => CausalLM.Create(ModelConfiguration.Parse(configuration), tokenizer: null, seed: 1);

    /// <summary>A Llama of some five million weights.</summary>
    public static string Small(int vocabulary = 4096) => $$"""
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": {{vocabulary}}, "hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 6,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
         "tie_word_embeddings": true, "initializer_range": 0.02, "bos_token_id": 1, "eos_token_id": 2}
        """;

    /// <summary>The folder of the model's tokenizer; null where there is none.</summary>
    public static string? TokenizerFolder(BenchmarkOptions options)
    {
        var path = options.Model ?? Find();
        var folder = File.Exists(path) ? Path.GetDirectoryName(path) : path;
        return folder is not null && File.Exists(Path.Combine(folder, "tokenizer.json")) ? folder : null;
    }

    /// <summary>The file in a folder <c>models</c> beside this checkout or one of its parents, or beside their folder <c>shared</c>.</summary>
    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            foreach (var place in new[] { "models", "shared/models" })
            {
                var model = Path.Combine(folder.FullName, place, Folder);
                if (!Directory.Exists(model)) continue;
                return Directory.EnumerateFiles(model, "*.safetensors").Any() ? model : Directory.EnumerateFiles(model, "*.gguf").FirstOrDefault();
            }
        }
        return null;
    }
}
