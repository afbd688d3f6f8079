using Microsoft.ML;
using Microsoft.ML.Drift;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Persistence;
using Microsoft.ML.Runtime;
using TorchSharp;

[assembly: LoadableClass(typeof(CausalLMTransformer), typeof(CausalLMTransformerLoader), null, typeof(SignatureLoadModel),
    "Causal language model", CausalLMTransformerLoader.Signature)]

namespace Microsoft.ML.Drift.Persistence;

/// <summary>Writes and reads a <see cref="CausalLMTransformer"/>: the files of a Hugging Face model folder, and how it answers.</summary>
internal static class CausalLMTransformerLoader
{
    public const string Signature = "DriftCausalLM";

    public static readonly ModelComponent Component = new(Signature, "DRIFT LM", Version: 0x00010001, OldestReader: 0x00010001, OldestReadable: 0x00010001);

    private const string SettingsName = CausalLMParts.SettingsPrefix + "transformer.json";

    private sealed record Settings(string OutputColumnName, string InputColumnName, WeightType Weights, GenerationOptions Generation, GenerationBatching Batching);

    public static void Save(ModelSaveContext context, CausalLMTransformer transformer) => ModelPartsWriter.Save(context, Component, parts =>
    {
        CausalLMParts.Add(parts, transformer.Model, transformer.SavesMerged);
        parts.AddJson(SettingsName, new Settings(
            transformer.OutputColumnName, transformer.InputColumnName, BaseModelIdentity.TypeOf(transformer.Model), transformer.Generation, transformer.Batching));
    });

    // ML.NET calls this by its name.
    private static CausalLMTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => ModelPartsReader.Load(ctx, Component, parts =>
    {
        var settings = parts.ReadJson<Settings>(SettingsName);
        var model = CausalLMParts.Read(parts, new() { Device = DeviceOf(env), Dtype = settings.Weights });
        try
        {
            return new CausalLMTransformer(model, settings.Generation, settings.OutputColumnName, settings.InputColumnName, settings.Batching);
        }
        catch (ArgumentException e)
        {
            model.Dispose();
            throw new InvalidDataException($"Model file, part '{SettingsName}': {e.Message}", e);
        }
    });

    private static string DeviceOf(IHostEnvironment env)
    {
        if (env is not IHostEnvironmentInternal { GpuDeviceId: { } gpu } host) return "cpu";
        TorchRuntime.EnsureLoaded();
        return host.FallbackToCpu && !torch.cuda.is_available() ? "cpu" : $"cuda:{gpu}";
    }
}
