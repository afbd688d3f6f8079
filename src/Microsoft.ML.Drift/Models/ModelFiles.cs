using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML.Drift.Data;
using static TorchSharp.torch;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Microsoft.ML.Drift.Models;

/// <summary>What belongs to a model besides its weights.</summary>
/// <param name="Configuration">config.json.</param>
internal sealed record ModelFiles(ModelConfiguration Configuration)
{
    private const string ConfigName = "config.json";
    private const string GenerationName = "generation_config.json";
    private const string TokenizerName = "tokenizer.json";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Where the model comes from, for notes in files saved later; null for a model made in memory.</summary>
    public string? Location { get; init; }

    /// <summary>generation_config.json as it was read, or null.</summary>
    public string? GenerationJson { get; init; }

    public GenerationDefaults GenerationDefaults { get; init; } = new();

    /// <summary>Null for a folder without tokenizer files.</summary>
    public PretrainedTokenizer? Tokenizer { get; init; }

    /// <summary>The files of a model by name, as <see cref="ToSave"/> gives them.</summary>
    public static ModelFiles FromFiles(IReadOnlyDictionary<string, byte[]> files, string where)
    {
        if (!files.TryGetValue(ConfigName, out var config)) throw new InvalidDataException($"{where}: there is no {ConfigName}.");
        var model = new ModelFiles(ModelConfiguration.Parse(Encoding.UTF8.GetString(config), $"{where}, {ConfigName}"));
        if (files.TryGetValue(GenerationName, out var generation)) model = model.WithGeneration(Encoding.UTF8.GetString(generation), $"{where}, {GenerationName}");
        return files.ContainsKey(TokenizerName) ? model with { Tokenizer = PretrainedTokenizer.FromFiles(files) } : model;
    }

    /// <summary>Opens a model folder or a GGUF file; the caller disposes of the source.</summary>
    public static (ModelFiles Files, ITensorSource Source) Open(string path)
    {
        if (File.Exists(path)) return OpenGguf(path, folder: null);
        if (!Directory.Exists(path)) throw new DirectoryNotFoundException($"{path}: there is no such model folder or GGUF file.");
        if (ShardedSafetensors.Exists(path)) return (FromFolder(path, ModelConfiguration.Load(path)), ShardedSafetensors.Open(path));
        return Directory.GetFiles(path, "*.gguf") switch
        {
            [var gguf] => OpenGguf(gguf, path),
            [] when PickledWeights.In(path) is { } pickle => throw PickledWeights.Refusal(pickle),
            [] => throw new FileNotFoundException($"{path}: there are no weights; a model folder holds {ShardedSafetensors.SingleFileName}, shards with {SafetensorsIndex.FileName}, or one GGUF file.", path),
            var several => throw new InvalidDataException($"{path}: there are {several.Length} GGUF files; name the one to read: {string.Join(", ", several.Select(Path.GetFileName).Order())}."),
        };
    }

    // The folder's own files win; what is missing comes from the GGUF file's metadata.
    private static (ModelFiles Files, ITensorSource Source) OpenGguf(string path, string? folder)
    {
        var gguf = GgufFile.Open(path);
        try
        {
            var configuration = folder is not null && File.Exists(Path.Combine(folder, ConfigName))
                ? ModelConfiguration.Load(folder)
                : ModelConfiguration.Parse(GgufModel.ToConfigJson(gguf).ToJsonString(Indented) + "\n", $"{path}, as config.json");
            var files = folder is null ? new ModelFiles(configuration) { Location = Path.GetFullPath(path) } : FromFolder(folder, configuration);
            if (files.Tokenizer is null && gguf.Metadata.ContainsKey("tokenizer.ggml.tokens"))
                files = files with { Tokenizer = PretrainedTokenizer.FromGgufMetadata(gguf.Metadata) };
            return (files, GgufModel.AsHuggingFaceTensors(gguf));
        }
        catch
        {
            gguf.Dispose();
            throw;
        }
    }

    private static ModelFiles FromFolder(string folder, ModelConfiguration configuration)
    {
        var files = new ModelFiles(configuration) { Location = Path.GetFullPath(folder) };
        var generation = Path.Combine(folder, GenerationName);
        if (File.Exists(generation)) files = files.WithGeneration(File.ReadAllText(generation), generation);
        return File.Exists(Path.Combine(folder, TokenizerName)) ? files with { Tokenizer = PretrainedTokenizer.Load(folder) } : files;
    }

    /// <summary>The configuration files by name, for weights of this type.</summary>
    public IReadOnlyDictionary<string, byte[]> ConfigurationFiles(ScalarType dtype)
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal) { [ConfigName] = Encoding.UTF8.GetBytes(WithDtype(Configuration.Json, dtype)) };
        if (GenerationJson is not null) files[GenerationName] = Encoding.UTF8.GetBytes(GenerationJson);
        return files;
    }

    /// <summary>All files but the weights, by name, for weights of this type.</summary>
    public IEnumerable<KeyValuePair<string, byte[]>> ToSave(ScalarType dtype) =>
        ConfigurationFiles(dtype).Concat(Tokenizer?.Files ?? new Dictionary<string, byte[]>());

    /// <summary>Writes everything: into a new folder as a whole, into an existing one file by file.</summary>
    public void Save(string folder, IEnumerable<TensorToWrite> tensors, ScalarType dtype)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Directory.Exists(target))
        {
            WriteInto(target);
            return;
        }
        DurableFolder.Create(target, WriteInto);

        void WriteInto(string place)
        {
            ShardedSafetensorsWriter.Write(place, tensors, dtype);
            foreach (var (name, content) in ToSave(dtype)) AtomicFile.Write(Path.Combine(place, name), stream => stream.Write(content));
        }
    }

    /// <summary>With another chat template; null changes nothing.</summary>
    /// <exception cref="ArgumentException">There is no tokenizer, which the template belongs to.</exception>
    public ModelFiles WithChatTemplate(string? source)
    {
        if (source is null) return this;
        if (Tokenizer is null) throw new ArgumentException("ChatTemplate is set, but the model has no tokenizer; a template needs its special tokens.");
        var files = new Dictionary<string, byte[]>(Tokenizer.Files) { [TokenizerConfiguration.ChatTemplateName] = Encoding.UTF8.GetBytes(source) };
        return this with { Tokenizer = PretrainedTokenizer.FromFiles(files) };
    }

    private ModelFiles WithGeneration(string json, string where) =>
        this with { GenerationJson = json, GenerationDefaults = GenerationDefaults.Parse(json, where) };

    // Only the weights' type may differ from what was read; an unchanged file stays byte for byte.
    private static string WithDtype(string json, ScalarType dtype)
    {
        var config = JsonNode.Parse(json)!.AsObject();
        var name = dtype == ScalarType.BFloat16 ? "bfloat16" : "float32";
        var field = config.ContainsKey("dtype") && !config.ContainsKey("torch_dtype") ? "dtype" : "torch_dtype";
        if ((string?)config[field] == name) return json;
        config[field] = name;
        return config.ToJsonString(Indented) + "\n";
    }
}
