using System.Text;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>
/// A model as parts of a model file: the files of its Hugging Face folder under their own names. Unzipped, they are such a folder.
/// </summary>
internal static class CausalLMParts
{
    /// <summary>Parts whose names begin like this are not the model's own files.</summary>
    public const string SettingsPrefix = "drift.";

    private const string WeightsName = "model.safetensors";

    /// <summary>Which weights an adapter belongs to, where the weights themselves are not in the file.</summary>
    private const string BaseName = SettingsPrefix + "base.json";

    /// <summary>
    /// Adds configuration, tokenizer, template and weights; of a model with an adapter, the adapter as PEFT writes it and the identity of the base weights,
    /// or, if <paramref name="mergeAdapter"/> says so, the merged weights. Tensors are written one by one; no second copy of the model is made in memory.
    /// </summary>
    /// <exception cref="InvalidOperationException">The adapter is to be merged, and cannot be.</exception>
    public static void Add(ModelPartsWriter parts, CausalLM model, bool mergeAdapter)
    {
        foreach (var (name, content) in model.ConfigurationFiles) parts.Add(name, content);
        foreach (var (name, content) in model.Tokenizer?.Files ?? new Dictionary<string, byte[]>()) parts.Add(name, content);
        if (model.Decoder.Adapter is { } adapter && !mergeAdapter)
        {
            parts.Add(LoraConfiguration.FileName, Encoding.UTF8.GetBytes(adapter.Configuration.Json));
            parts.Add(LoraAdapter.WeightsName, stream => SafetensorsWriter.Write(stream, adapter.TensorsToWrite));
            parts.AddJson(BaseName, BaseModelIdentity.Of(model));
            return;
        }
        var tensors = model.Decoder.Adapter?.MergedTensors(model.Decoder)
            ?? model.Decoder.Tensors.Values.Select(slice => new TensorToWrite(slice.Name, slice.Shape, model.Decoder.StorageDtype, slice.View));
        parts.AddStored(WeightsName, stream => SafetensorsWriter.Write(stream, tensors));
    }

    /// <summary>Configuration, tokenizer and template, by file name.</summary>
    /// <exception cref="InvalidDataException">A part is missing or damaged.</exception>
    public static IReadOnlyDictionary<string, byte[]> ReadFiles(ModelPartsReader parts) =>
        parts.Names.Where(name => name is not (WeightsName or LoraAdapter.WeightsName or LoraConfiguration.FileName) && !name.StartsWith(SettingsPrefix, StringComparison.Ordinal))
            .ToDictionary(name => name, parts.ReadBytes);

    /// <summary>Makes the model of its parts. The weights' file is mapped, and read tensor by tensor; the base weights of an adapter are looked for.</summary>
    /// <exception cref="InvalidDataException">A part is missing or damaged, the model is not one this version reads, or the base weights are not found.</exception>
    /// <exception cref="ArgumentException">The options name a base model, and the parts need none.</exception>
    public static CausalLM Read(ModelPartsReader parts, CausalLMLoadOptions options)
    {
        var files = ReadFiles(parts);
        if (parts.Names.Contains(BaseName)) return ReadAdapted(parts, files, options);
        options.RefuseBaseModel("the model file");
        return parts.Read(WeightsName, unpacked =>
        {
            using var weights = SafetensorsFile.Open(unpacked.Name);
            return CausalLM.FromParts(files, weights, options);
        });
    }

    private static CausalLM ReadAdapted(ModelPartsReader parts, IReadOnlyDictionary<string, byte[]> files, CausalLMLoadOptions options)
    {
        var configuration = LoraConfiguration.Parse(Encoding.UTF8.GetString(parts.ReadBytes(LoraConfiguration.FileName)), LoraConfiguration.FileName);
        var model = parts.ReadJson<BaseModelIdentity>(BaseName).Load(files, options);
        try
        {
            return parts.Read(LoraAdapter.WeightsName, unpacked =>
            {
                using var weights = SafetensorsFile.Open(unpacked.Name);
                LoraAdapter.Load(model.Decoder, configuration, weights);
                return model;
            });
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
