using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Persistence;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A causal language model: weights, tokenizer, chat template and generation defaults. One object serves sampling, training, evaluation and export.
/// </summary>
/// <remarks>Its memory is native: dispose of it. It may be used by one thread at a time.</remarks>
public sealed class CausalLM : IDisposable
{
    private readonly ModelFiles _files;
    private readonly Lazy<ChatTemplate?> _template;

    internal CausalLM(ModelFiles files, Decoder decoder)
    {
        (_files, Decoder) = (files, decoder);
        _template = new(() => Tokenizer?.ChatTemplateSource is { } source ? Data.ChatTemplate.Parse(source, Tokenizer.SpecialTokens) : null);
    }

    /// <summary>The checked content of config.json.</summary>
    public ModelConfiguration Configuration => _files.Configuration;

    /// <summary>The tokenizer; null for a folder without a tokenizer.json, whose model takes token ids only.</summary>
    public PretrainedTokenizer? Tokenizer => _files.Tokenizer;

    /// <summary>The chat template of the model's own files; null where they have none. It is parsed when first asked for.</summary>
    /// <exception cref="ChatTemplateException">The template is malformed.</exception>
    public ChatTemplate? ChatTemplate => _template.Value;

    /// <summary>The tokens at which sampling stops: generation_config.json's, else config.json's, else the tokenizer's; may be empty.</summary>
    public IReadOnlyList<int> EndOfSequenceIds =>
        GenerationDefaults.EosTokenIds is { Count: > 0 } recommended ? recommended
        : Configuration.EosTokenIds is { Count: > 0 } configured ? configured
        : Tokenizer?.EosTokenId is { } own ? [own] : [];

    /// <summary>What generation_config.json recommends.</summary>
    public GenerationDefaults GenerationDefaults => _files.GenerationDefaults;

    /// <summary>Where the weights are.</summary>
    public Device Device => Decoder.Device;

    /// <summary>Number of weights; a tied output projection counts once.</summary>
    public long ParameterCount => Decoder.Tensors.Values.Sum(slice => slice.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Whether the model has an adapter: <see cref="SaveAdapter"/> saves it, <see cref="MergeAdapter"/> makes it part of the weights.</summary>
    public bool HasAdapter => Decoder.Adapter is not null;

    internal Decoder Decoder { get; }

    /// <summary>The full path the model was loaded from; null for one made in memory.</summary>
    internal string? Location => _files.Location;

    /// <summary>config.json and generation_config.json as they would be saved.</summary>
    internal IReadOnlyDictionary<string, byte[]> ConfigurationFiles => _files.ConfigurationFiles(Decoder.StorageDtype);

    /// <summary>
    /// Reads a model: a Hugging Face folder (config.json, safetensors weights in one file or in shards, tokenizer files), a folder whose only weights are
    /// one GGUF file, a GGUF file alone, a PEFT adapter's folder, whose base model is then loaded from the place the adapter names, or an ML.NET model
    /// file (zip) whose last language model is meant.
    /// </summary>
    /// <param name="path">The folder, the GGUF file or the zip.</param>
    /// <param name="options">Device and type; float32 on the CPU by default.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder or file.</exception>
    /// <exception cref="InvalidDataException">The configuration or the weights are malformed, do not belong together, or need something this library does not implement.</exception>
    /// <exception cref="ArgumentException">An option is bad, or a chat template is given for a model without tokenizer.</exception>
    public static CausalLM Load(string path, CausalLMLoadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path) && PickledWeights.IsName(path)) throw PickledWeights.Refusal(path);
        if (ModelZip.IsZip(path)) return ModelZip.Load(path, options ?? new());
        if (LoraAdapter.IsFolder(path)) return LoadAdapted(path, options ?? new());
        options?.RefuseBaseModel(path);
        var storage = (options ?? new()).Storage();
        var (files, source) = ModelFiles.Open(path);
        using (source) return Build(files.WithChatTemplate(options?.ChatTemplate), storage, source);
    }

    /// <summary>Makes an untrained model: matrices and embeddings normally distributed with the configuration's initializer range, biases zero, norms neutral.</summary>
    /// <param name="configuration">Its architecture and sizes.</param>
    /// <param name="tokenizer">Its tokenizer, which also holds the chat template; null for a model that takes token ids only.</param>
    /// <param name="seed">Decides the weights; the same seed gives the same weights on every device.</param>
    /// <param name="options">Device and type; float32 on the CPU by default.</param>
    /// <exception cref="ArgumentException">The tokenizer has more tokens than the configuration's vocabulary.</exception>
    public static CausalLM Create(ModelConfiguration configuration, PretrainedTokenizer? tokenizer, int seed, CausalLMLoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (tokenizer?.VocabularySize > configuration.VocabularySize)
            throw new ArgumentException($"The tokenizer has {tokenizer.VocabularySize} tokens, vocab_size is {configuration.VocabularySize}; it must not be less.", nameof(tokenizer));
        return Build(new ModelFiles(configuration) { Tokenizer = tokenizer }, (options ?? new()).Storage(), decoder => DecoderWeights.Randomize(decoder, configuration.InitializerRange, seed));
    }

    /// <summary>An untrained model without tokenizer.</summary>
    internal static CausalLM Create(ModelConfiguration configuration, int seed) => Create(configuration, tokenizer: null, seed);

    /// <summary>Makes a model of parts: the files that <see cref="ConfigurationFiles"/> and the tokenizer give, by name, and weights.</summary>
    /// <param name="files">The files.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="options">Device and type.</param>
    /// <param name="location">Where the model comes from, or null.</param>
    internal static CausalLM FromParts(IReadOnlyDictionary<string, byte[]> files, ITensorSource weights, CausalLMLoadOptions? options = null, string? location = null) =>
        Build(ModelFiles.FromFiles(files, weights.Location).WithChatTemplate(options?.ChatTemplate) with { Location = location }, (options ?? new()).Storage(), weights);

    /// <summary>Attaches a fresh LoRA adapter, which changes nothing until it is trained; from then on training moves it alone.</summary>
    /// <param name="options">Its rank, scale and places.</param>
    /// <param name="seed">Decides its initial weights.</param>
    /// <exception cref="ArgumentException">An option is out of range, or no module of the model is named.</exception>
    /// <exception cref="InvalidOperationException">There is an adapter already.</exception>
    public void AddAdapter(LoraOptions options, int seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate(nameof(options));
        var configuration = LoraConfiguration.From(options, _files.Location);
        if (!Decoder.Projections.SelectMany(projection => projection.Modules).Any(configuration.Targets))
            throw new ArgumentException($"TargetModules names no linear layer of the model: {string.Join(", ", options.TargetModules)}.", nameof(options));
        LoraAdapter.Create(Decoder, configuration, seed);
    }

    /// <summary>Attaches an adapter from a folder as PEFT saves it: LoRA, rsLoRA or DoRA, with or without modules trained as a whole.</summary>
    /// <param name="folder">It holds adapter_config.json and adapter_model.safetensors.</param>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is malformed, does not fit the model, or asks for something that is not implemented.</exception>
    /// <exception cref="InvalidOperationException">There is an adapter already.</exception>
    public void LoadAdapter(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        LoraAdapter.Load(Decoder, folder);
    }

    /// <summary>Writes the adapter as PEFT does, so that PEFT loads it.</summary>
    /// <param name="folder">The folder; it is created if needed.</param>
    /// <exception cref="InvalidOperationException">There is no adapter.</exception>
    public void SaveAdapter(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        AdapterOrThrow().Save(folder);
    }

    /// <summary>Writes the adapter into the weights, computed in float32, and checks that the model still gives the same logits.</summary>
    /// <returns>The largest difference of a logit on a short probe.</returns>
    /// <exception cref="InvalidOperationException">There is no adapter, it cannot be merged, or the logits moved by more than rounding explains.</exception>
    public double MergeAdapter()
    {
        using var scope = NewDisposeScope();
        var adapter = AdapterOrThrow();
        adapter.Enabled = true;
        var before = ProbeLogits();
        adapter.Merge(Decoder);
        var (moved, size) = ((ProbeLogits() - before).abs().max().item<float>(), before.abs().max().item<float>());
        // Rounding of float32 moves a logit by some 1e-5 of its size, of bfloat16 by some 1e-2.
        var allowed = Math.Max(1, size) * (Decoder.StorageDtype == ScalarType.Float32 && Decoder.ComputeDtype == ScalarType.Float32 ? 1e-3 : 0.1);
        return moved <= allowed ? moved
            : throw new InvalidOperationException($"Merging the adapter moved a logit by {moved:G3}, where at most {allowed:G3} is explained by rounding; the merged model is not the adapted one.");
    }

    /// <summary>Takes the adapter away; the model is the base model again.</summary>
    /// <exception cref="InvalidOperationException">There is no adapter.</exception>
    public void RemoveAdapter() => AdapterOrThrow().Detach(Decoder);

    /// <summary>An independent copy of the weights; configuration, tokenizer and template are shared.</summary>
    public CausalLM Clone() => Build(_files, new(Device, Decoder.StorageDtype), decoder => DecoderWeights.Copy(Decoder, decoder), Decoder.ComputeDtype);

    /// <summary>Writes a Hugging Face folder that transformers, vLLM and llama.cpp's converter load. Files appear complete or not at all.</summary>
    /// <param name="folder">The folder; it is created if needed, and files of the same names are replaced.</param>
    /// <param name="dtype">The type to store weights in; by default the one they are kept in.</param>
    /// <exception cref="InvalidOperationException">The model has an adapter.</exception>
    public void Save(string folder, WeightType? dtype = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Decoder.Adapter is not null) throw new InvalidOperationException("The model has an adapter: save it with SaveAdapter, or merge it first with MergeAdapter.");
        var stored = dtype switch
        {
            null => Decoder.StorageDtype,
            WeightType.Float32 => ScalarType.Float32,
            _ => ScalarType.BFloat16,
        };
        var tensors = Decoder.Tensors.Values.Select(slice => new TensorToWrite(slice.Name, slice.Shape, Decoder.StorageDtype, slice.View));
        _files.Save(folder, tensors, stored);
    }

    /// <summary>Writes model, tokenizer and chat template as one GGUF file that llama.cpp loads. The file appears complete or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">How matrices are stored; norms and biases stay F32, and a matrix whose rows are no whole blocks becomes F16.</param>
    /// <exception cref="NotSupportedException">llama.cpp would compute something else, or cannot express the tokenizer; the message says what.</exception>
    /// <exception cref="InvalidOperationException">The model has an adapter.</exception>
    public void SaveAsGguf(string path, GgufWeightType type = GgufWeightType.F16)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Decoder.Adapter is not null) throw new InvalidOperationException("The model has an adapter: merge it first with MergeAdapter.");
        var stored = type switch
        {
            GgufWeightType.F32 => GgufType.F32,
            GgufWeightType.F16 => GgufType.F16,
            GgufWeightType.BF16 => GgufType.BF16,
            GgufWeightType.Q8_0 => GgufType.Q8_0,
            GgufWeightType.Q4_0 => GgufType.Q4_0,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"Allowed are {string.Join(", ", Enum.GetNames<GgufWeightType>())}."),
        };
        var tensors = Decoder.Tensors.Values.Select(slice => new TensorToWrite(slice.Name, slice.Shape, Decoder.StorageDtype, slice.View));
        var name = _files.Location is { } location ? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(location)) : null;
        GgufExport.Write(path, Configuration, tensors, Tokenizer, stored, name);
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => Decoder.Dispose();

    private static CausalLM LoadAdapted(string adapterFolder, CausalLMLoadOptions options)
    {
        var place = LoraAdapter.BaseFolder(adapterFolder, options);
        if (LoraAdapter.IsFolder(place))
            throw new InvalidDataException($"{adapterFolder}: its base model is said to be {place}, which is an adapter too. Name the model itself in \"base_model_name_or_path\" of {LoraConfiguration.FileName}.");
        var model = Load(place, options with { BaseModel = null });
        try
        {
            model.LoadAdapter(adapterFolder);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private LoraAdapter AdapterOrThrow() => Decoder.Adapter ?? throw new InvalidOperationException("The model has no adapter.");

    /// <summary>[V] logits after a few tokens spread over the vocabulary.</summary>
    private Tensor ProbeLogits()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        const int Length = 16;
        var ids = TensorArithmetic.WholeNumbers(Length, Device).Times(7919).Modulo(Configuration.VocabularySize).unsqueeze(0);
        var mask = AttentionMask.Causal(ones(1, Length, ScalarType.Int64, Device));
        return Decoder.Logits(Decoder.forward(ids, mask.Positions, mask)).MoveToOuterDisposeScope();
    }

    private static CausalLM Build(ModelFiles files, ParameterStorage storage, ITensorSource weights)
    {
        DecoderWeights.Check(files.Configuration.Specification, weights);
        return Build(files, storage, decoder => DecoderWeights.Load(decoder, weights));
    }

    private static CausalLM Build(ModelFiles files, ParameterStorage storage, Action<Decoder> fill, ScalarType? compute = null)
    {
        using var scope = NewDisposeScope();
        var decoder = new Decoder(files.Configuration.Specification, storage) { ComputeDtype = compute ?? storage.Dtype };
        try
        {
            fill(decoder);
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
        foreach (var parameter in decoder.parameters()) parameter.DetachFromDisposeScope();
        return new CausalLM(files, decoder);
    }
}
