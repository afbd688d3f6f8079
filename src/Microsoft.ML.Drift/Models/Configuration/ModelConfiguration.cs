using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A model's config.json, checked and typed. It covers the Llama family: Llama 2 and 3, SmolLM2 and 3, Qwen2, 2.5 and 3 (dense and with experts), Mistral,
/// Phi-3, Gemma 2 and 3 (text), OLMo 2 and Granite.
/// </summary>
/// <remarks>
/// A field that could change what the model computes and that no part of the library reads is an error: a model that is computed differently
/// from its publisher's looks right and answers worse.
/// </remarks>
public sealed class ModelConfiguration
{
    private ModelConfiguration(string json, ConfigurationReader config)
    {
        Json = json;
        Specification = ModelFamily.Describe(config);
        ModelType = config.OptionalText("model_type")!;
        BosTokenId = config.Integers("bos_token_id") is [var first, ..] ? first : null;
        EosTokenIds = config.Integers("eos_token_id");
        PadTokenId = config.OptionalInteger("pad_token_id");
        MaxPositionEmbeddings = config.OptionalSize("max_position_embeddings");
        InitializerRange = config.Number("initializer_range", 0.02);
        if (InitializerRange < 0) throw config.Found("initializer_range", "a number of at least 0");
    }

    /// <summary>The content of config.json, as it was read.</summary>
    public string Json { get; }

    /// <summary>The architecture, such as <c>llama</c> or <c>qwen2</c>.</summary>
    public string ModelType { get; }

    /// <summary>Number of different tokens, V.</summary>
    public int VocabularySize => Specification.VocabularySize;

    /// <summary>Width of the hidden states, C.</summary>
    public int HiddenSize => Specification.HiddenSize;

    /// <summary>Number of decoder layers.</summary>
    public int NumberOfLayers => Specification.Layers.Count;

    /// <summary>Query heads per layer, H.</summary>
    public int NumberOfAttentionHeads => Specification.Layers[0].Attention.Heads;

    /// <summary>Key and value heads per layer; a group of query heads shares one.</summary>
    public int NumberOfKeyValueHeads => Specification.Layers[0].Attention.KeyValueHeads;

    /// <summary>Width of one head, D.</summary>
    public int HeadSize => Specification.Layers[0].Attention.HeadSize;

    /// <summary>Whether the input embedding is also the output projection.</summary>
    public bool TieWordEmbeddings => Specification.TiedEmbeddings;

    /// <summary>The length the model was trained for, in tokens; null where the file does not say.</summary>
    public int? MaxPositionEmbeddings { get; }

    /// <summary>The token that begins a text, or null.</summary>
    public int? BosTokenId { get; }

    /// <summary>The tokens that end a text; may be empty.</summary>
    public IReadOnlyList<int> EosTokenIds { get; }

    /// <summary>The padding token, or null. Its row of the input embedding gets no gradient, even where it occurs as a real token.</summary>
    public int? PadTokenId { get; }

    /// <summary>Standard deviation of freshly initialised matrices; 0.02 where the file does not say.</summary>
    public double InitializerRange { get; }

    internal DecoderSpecification Specification { get; }

    /// <summary>Reads the content of a config.json.</summary>
    /// <param name="json">A JSON object.</param>
    /// <exception cref="InvalidDataException">It is not JSON, a size is missing or impossible, the architecture is not known, or a field that may
    /// change what the model computes is not implemented.</exception>
    public static ModelConfiguration Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Parse(json, "config.json");
    }

    /// <summary>Reads a config.json.</summary>
    /// <param name="path">The file, or the folder that holds it.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">As for <see cref="Parse(string)"/>.</exception>
    public static ModelConfiguration Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = Directory.Exists(path) ? Path.Combine(path, "config.json") : path;
        if (!File.Exists(file)) throw new FileNotFoundException($"{file}: there is no such file. A Hugging Face model folder holds a config.json.", file);
        return Parse(File.ReadAllText(file), file);
    }

    internal static ModelConfiguration Parse(string json, string where)
    {
        using var document = SoundJson.Parse(json, where);
        return new ModelConfiguration(json, new ConfigurationReader(document.RootElement, where));
    }
}
