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
    public static ModelSource Source(BenchmarkOptions options) => (options.Model ?? Find()) is { } path
        ? new(Path.GetFileNameWithoutExtension(path.TrimEnd('/')), path, null)
        : new("SmolLM2-135M's shape, random weights", null, SmolLM2);

    /// <inheritdoc cref="Source"/>
    public static (string Name, CausalLM Model) Load(BenchmarkOptions options) => (Source(options).Name, Source(options).Load());

    /// <summary>Random weights, σ = 0.02, of a configuration's shape.</summary>
    public static CausalLM Random(string configuration) => CausalLM.Create(ModelConfiguration.Parse(configuration), tokenizer: null, seed: 1);

    /// <summary>Sizes of vocabulary, from a toy's to Qwen's.</summary>
    public static IReadOnlyList<int> Vocabularies { get; } = [1000, 4096, 16_384, 49_152, 150_000];

    /// <summary>A Llama whose layers have four million weights: some five million with a small vocabulary.</summary>
    public static string Small(int vocabulary = 4096) => $$"""
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": {{vocabulary}}, "hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 6,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
         "tie_word_embeddings": true, "initializer_range": 0.02, "bos_token_id": 1, "eos_token_id": 2}
        """;

    /// <summary>The small model, untrained.</summary>
    public static ModelSource SmallSource(int vocabulary = 4096) => new(vocabulary == 4096 ? "5M parameters" : $"5M body, {vocabulary:N0} tokens", null, Small(vocabulary));

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

/// <summary>A model that another process can make, too.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Path">Its file or folder; null for random weights.</param>
/// <param name="Configuration">The shape of random weights; null for a file.</param>
internal sealed record ModelSource(string Name, string? Path, string? Configuration)
{
    /// <summary>The model; the caller disposes of it.</summary>
    public CausalLM Load() => Path is null ? BenchmarkModel.Random(Configuration!) : CausalLM.Load(Path);
}
