using System.Text;
using Microsoft.ML.Drift.Data;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A PEFT adapter attached to a decoder. The base weights get no gradient; switched off, the decoder is exactly the base model, which
/// preference training uses as its reference.
/// </summary>
internal sealed class LoraAdapter
{
    /// <summary>How PEFT's checkpoints begin their names.</summary>
    public const string Prefix = "base_model.model.";

    public const string WeightsName = "adapter_model.safetensors";

    private readonly List<LoraDelta> _deltas = [];
    private readonly List<(string Module, Parameter Copy, Parameter Original)> _saved = [];

    private LoraAdapter(Decoder decoder, LoraConfiguration configuration)
    {
        Configuration = configuration;
        if (decoder.Adapter is not null) throw new InvalidOperationException("The model already has an adapter; merge or remove it first.");
        var storage = new ParameterStorage(decoder.Device, ScalarType.Float32);
        var targets = decoder.Projections.SelectMany(projection => projection.Modules, (projection, module) => (Projection: projection, Module: module))
            .Where(place => configuration.Targets(place.Module)).ToList();
        if (targets.Count == 0) throw new InvalidDataException($"{LoraConfiguration.FileName}: target_modules matches no linear layer of the model.");
        using var scope = NewDisposeScope();
        foreach (var (projection, module) in targets)
        {
            var delta = new LoraDelta(this, _deltas.Count, module, decoder.Tensors[$"{module}.weight"], storage);
            projection.Attach(delta);
            _deltas.Add(delta);
        }
        foreach (var module in configuration.ModulesToSave) _saved.Add(decoder.AttachCopy(module, storage));
        foreach (var slice in Tensors) slice.Parameter.DetachFromDisposeScope();
        decoder.FreezeBase(true);
        decoder.Adapter = this;
    }

    public LoraConfiguration Configuration { get; }

    public IEnumerable<TensorToWrite> TensorsToWrite => Tensors.Select(slice => new TensorToWrite(slice.Name, slice.Shape, ScalarType.Float32, slice.View));

    /// <summary>Whether the adapter takes part in the forward pass.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Decides which inputs are dropped while gradients are computed; null at other times, when nothing is dropped.</summary>
    public ulong? DropoutKey { get; private set; }

    /// <summary>Whether training drops inputs of the output projection's adapter, which is computed outside the training pass.</summary>
    public bool DropsBeforeLogits => Configuration.Dropout > 0 && _deltas.Any(delta => delta.Module == "lm_head");

    /// <summary>Drops inputs until the result is disposed of; the same key drops the same ones again.</summary>
    public IDisposable? WithDropout(ulong? key)
    {
        if (key is null || Configuration.Dropout == 0) return null;
        DropoutKey = key;
        return new DropoutEnd(this);
    }

    private sealed class DropoutEnd(LoraAdapter adapter) : IDisposable
    {
        public void Dispose() => adapter.DropoutKey = null;
    }

    /// <summary>The adapter's tensors by PEFT's names.</summary>
    public IEnumerable<ParameterSlice> Tensors => _deltas.SelectMany(delta => delta.Slices).Concat(_saved.Select(saved =>
        new ParameterSlice($"{Prefix}{saved.Module}.weight", saved.Copy, 0, saved.Copy.shape[0], ParameterKind.Matrix)));

    /// <summary>A fresh adapter, which changes nothing until it is trained.</summary>
    public static LoraAdapter Create(Decoder decoder, LoraConfiguration configuration, int seed)
    {
        var adapter = new LoraAdapter(decoder, configuration);
        using var generator = new Generator((ulong)(uint)seed);
        foreach (var delta in adapter._deltas) delta.Reset(generator);
        return adapter;
    }

    /// <summary>Whether a folder holds an adapter and no model.</summary>
    public static bool IsFolder(string path) =>
        File.Exists(Path.Combine(path, LoraConfiguration.FileName)) && !File.Exists(Path.Combine(path, "config.json"));

    /// <summary>
    /// The folder of the model that an adapter's folder names, relative to that folder or to the current one, else the places of <see cref="BaseModelPlaces"/>.
    /// </summary>
    public static string BaseFolder(string folder, CausalLMLoadOptions options)
    {
        var name = ReadConfiguration(folder).BaseModel;
        // A name with a NUL is no path, and one with two slashes is another machine's.
        var isLocal = name is not null && !name.Contains('\0') && !name.StartsWith("//", StringComparison.Ordinal) && !name.StartsWith(@"\\", StringComparison.Ordinal);
        var named = !isLocal || options.BaseModel is not null ? [] : new[] { Path.GetFullPath(Path.Combine(folder, name!)), Path.GetFullPath(name!) };
        var leaf = !isLocal ? null : Path.GetFileName(Path.TrimEndingDirectorySeparator(name!));
        return named.Concat(BaseModelPlaces.For(leaf, location: null, options)).FirstOrDefault(Path.Exists) ?? throw new DirectoryNotFoundException(
            $"{folder}: the adapter's base model, \"{options.BaseModel ?? name}\", is not a folder or file here. {BaseModelPlaces.Remedy} Or correct \"base_model_name_or_path\" in {LoraConfiguration.FileName}.");
    }

    /// <summary>An adapter from a folder as PEFT saves it.</summary>
    public static LoraAdapter Load(Decoder decoder, string folder)
    {
        var configuration = ReadConfiguration(folder);
        var weights = Path.Combine(folder, WeightsName);
        if (!File.Exists(weights) && PickledWeights.In(folder) is { } pickle) throw PickledWeights.Refusal(pickle);
        using var source = SafetensorsFile.Open(weights);
        return Load(decoder, configuration, source);
    }

    /// <summary>An adapter from its configuration and its tensors under PEFT's names.</summary>
    public static LoraAdapter Load(Decoder decoder, LoraConfiguration configuration, ITensorSource source)
    {
        CheckRanks(decoder, configuration, source);
        var adapter = new LoraAdapter(decoder, configuration);
        try
        {
            DecoderWeights.Load([.. adapter.Tensors], source, LoraConfiguration.FileName, _ => false);
            return adapter;
        }
        catch
        {
            adapter.Detach(decoder);
            throw;
        }
    }

    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, WeightsName), TensorsToWrite);
        AtomicFile.Write(Path.Combine(folder, LoraConfiguration.FileName), stream => stream.Write(Encoding.UTF8.GetBytes(Configuration.Json)));
    }

    /// <summary>Writes the adapter into the base weights, computed in float32, and detaches it.</summary>
    public void Merge(Decoder decoder)
    {
        using (no_grad())
        {
            Check(decoder);
            foreach (var delta in _deltas)
            {
                using var scope = NewDisposeScope();
                delta.Target.View().copy_(delta.MergedWeight());
            }
            foreach (var (_, copy, original) in _saved) original.copy_(copy);
        }
        Detach(decoder);
    }

    /// <summary>The decoder's tensors as they would be after <see cref="Merge"/>, computed one by one; the decoder stays as it is.</summary>
    /// <exception cref="InvalidOperationException">The adapter cannot be merged.</exception>
    public IEnumerable<TensorToWrite> MergedTensors(Decoder decoder)
    {
        Check(decoder);
        var deltas = _deltas.ToDictionary(delta => delta.Target.Name);
        var copies = _saved.ToDictionary(saved => $"{saved.Module}.weight", saved => saved.Copy);
        return decoder.Tensors.Values.Select(slice => new TensorToWrite(slice.Name, slice.Shape, decoder.StorageDtype,
            deltas.TryGetValue(slice.Name, out var delta) ? delta.MergedWeight : copies.TryGetValue(slice.Name, out var copy) ? copy.alias : slice.View));
    }

    // Before memory is reserved: adapter_config.json can name any rank.
    private static void CheckRanks(Decoder decoder, LoraConfiguration configuration, ITensorSource source)
    {
        foreach (var module in decoder.Projections.SelectMany(projection => projection.Modules).Where(configuration.Targets))
        {
            var (name, rank) = ($"{Prefix}{module}.lora_A.weight", configuration.RankOf(module));
            if (!source.Contains(name)) throw new InvalidDataException($"{source.Location}: one tensor that {LoraConfiguration.FileName} asks for is not there: {name}.");
            if (source.Shape(name) is not [var rows, _] || rows != rank)
                throw new InvalidDataException($"{source.Location}: {name} is [{string.Join(", ", source.Shape(name))}]; by {LoraConfiguration.FileName} it must have {rank} rows.");
        }
    }

    private static LoraConfiguration ReadConfiguration(string folder)
    {
        var path = Path.Combine(folder, LoraConfiguration.FileName);
        if (!File.Exists(path)) throw new FileNotFoundException($"{path}: there is no such file; an adapter's folder holds {LoraConfiguration.FileName} and {WeightsName}.", path);
        return LoraConfiguration.Parse(File.ReadAllText(path), path);
    }

    // Before anything is written: what would be written is finite, and there is a place for each copy.
    private void Check(Decoder decoder)
    {
        if (_saved.Count > 0 && decoder.Specification.TiedEmbeddings)
            throw new InvalidOperationException("The adapter trained a copy of the embedding or of the output projection, which the base model shares; it cannot be merged without untying them. Keep the adapter beside the model.");
        foreach (var delta in _deltas)
        {
            using var scope = NewDisposeScope();
            if (!delta.MergedWeight().isfinite().all().item<bool>()) throw new InvalidOperationException($"Merging would make {delta.Module} infinite or not a number; nothing was changed.");
        }
    }

    /// <summary>Gives the decoder back as it was.</summary>
    public void Detach(Decoder decoder)
    {
        foreach (var projection in decoder.Projections) projection.Detach();
        foreach (var (_, copy, _) in _saved) copy.Dispose();
        decoder.DetachCopies();
        foreach (var delta in _deltas) delta.Dispose();
        decoder.FreezeBase(false);
        decoder.Adapter = null;
    }
}
