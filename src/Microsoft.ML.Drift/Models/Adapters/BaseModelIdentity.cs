using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>Which weights an adapter belongs to: what a file says that holds the adapter and not the weights.</summary>
/// <param name="Name">The base model's folder or file name, or null if it was made in memory.</param>
/// <param name="Location">The full path it was loaded from where the file was written, or null.</param>
/// <param name="Weights">The <see cref="WeightsFingerprint"/> of the base weights, kept as <paramref name="Type"/>.</param>
/// <param name="Type">The type in which they were kept.</param>
/// <param name="Parameters">How many weights the base model has.</param>
internal sealed record BaseModelIdentity(string? Name, string? Location, string Weights, WeightType Type, long Parameters)
{
    public static BaseModelIdentity Of(CausalLM model) => new(
        model.Location is { } location ? NameOf(location) : null, model.Location, WeightsFingerprint.Of(model.Decoder), TypeOf(model), model.ParameterCount);

    public static WeightType TypeOf(CausalLM model) => model.Decoder.StorageDtype == torch.ScalarType.BFloat16 ? WeightType.BFloat16 : WeightType.Float32;

    /// <summary>
    /// Finds the base weights (<see cref="BaseModelPlaces"/>) and makes the base model of them and of files that were saved with the adapter.
    /// </summary>
    /// <param name="files">Configuration, tokenizer and template, by file name.</param>
    /// <param name="options">Device and type; a base model named there is the only place looked at.</param>
    /// <exception cref="InvalidDataException">No place holds these weights; the message names what is expected, each place, and how to name another.</exception>
    public CausalLM Load(IReadOnlyDictionary<string, byte[]> files, CausalLMLoadOptions options)
    {
        var looked = new List<string>();
        foreach (var place in BaseModelPlaces.For(Name, Location, options))
        {
            if (!Path.Exists(place))
            {
                looked.Add($"{place}: there is nothing");
                continue;
            }
            try
            {
                return LoadFrom(place, files, options);
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                looked.Add(e.Message.StartsWith(place, StringComparison.Ordinal) ? e.Message : $"{place}: {e.Message}");
            }
        }
        throw new InvalidDataException(
            $"The model is an adapter on the base model {(Name is null ? "that was made in memory" : $"\"{Name}\"")} ({Parameters:N0} weights, fingerprint {Weights}), which was not found. "
            + (looked.Count == 0 ? "No place for it is known. " : $"Looked at: {string.Join("; ", looked)}. ") + BaseModelPlaces.Remedy);
    }

    private CausalLM LoadFrom(string place, IReadOnlyDictionary<string, byte[]> files, CausalLMLoadOptions options)
    {
        var (_, source) = ModelFiles.Open(place);
        using (source)
        {
            var model = CausalLM.FromParts(files, source, options with { Dtype = Type }, Location);
            try
            {
                var found = WeightsFingerprint.Of(model.Decoder);
                if (found != Weights) throw new InvalidDataException($"{place}: other weights, fingerprint {found}");
            }
            catch
            {
                model.Dispose();
                throw;
            }
            if (options.Dtype == Type) return model;
            model.Dispose();
            return CausalLM.FromParts(files, source, options, Location);
        }
    }

    private static string NameOf(string location) => Path.GetFileName(Path.TrimEndingDirectorySeparator(location));
}

/// <summary>Where base models are looked for.</summary>
internal static class BaseModelPlaces
{
    /// <summary>An environment variable: models, or folders of models, separated as in <c>PATH</c>.</summary>
    public const string Variable = "DRIFT_BASE_MODELS";

    public const string Remedy = $"Name the base model's folder or GGUF file with {nameof(CausalLMLoadOptions)}.{nameof(CausalLMLoadOptions.BaseModel)} (--base-model), or set the environment variable {Variable} to it or to the folder it lies in.";

    /// <summary>The place named in the options alone; else those of the variable, each itself and with the name below it, then where the model lay when the adapter was saved.</summary>
    public static IEnumerable<string> For(string? name, string? location, CausalLMLoadOptions options)
    {
        if (options.BaseModel is { } named) return [named];
        var folders = (Environment.GetEnvironmentVariable(Variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var places = folders.SelectMany(folder => name is null || IsModel(folder) ? [folder] : new[] { Path.Combine(folder, name) });
        return (location is null ? places : places.Append(location)).Distinct();
    }

    private static bool IsModel(string path) => File.Exists(path) || File.Exists(Path.Combine(path, "config.json")) || (Directory.Exists(path) && Directory.GetFiles(path, "*.gguf").Length > 0);
}
