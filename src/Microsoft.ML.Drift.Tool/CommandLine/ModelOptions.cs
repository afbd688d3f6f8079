using System.CommandLine;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tool;

/// <summary>Opens what <c>--model</c> names, with the other options that concern the model.</summary>
internal static class ModelOptions
{
    public static CausalLM Open(ParseResult parsed) => Open(parsed, parsed.GetValue(CommonOptions.Model)!);

    /// <summary>Opens another model on the same device and with the same precision.</summary>
    public static CausalLM Open(ParseResult parsed, string path) =>
        WithAdapter(Open(parsed, path, Precision(parsed) with { BaseModel = parsed.GetValue(CommonOptions.BaseModel) }), parsed.GetValue(CommonOptions.Adapter));

    /// <summary>Opens a model to compare with: as the first, without its adapter.</summary>
    public static CausalLM OpenOther(ParseResult parsed, string path) => Open(parsed, path, Precision(parsed));

    /// <summary>Opens the model to train: its weights are float32 whatever the computation's precision.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="path">The model.</param>
    /// <param name="chatTemplate">A template in place of the model's own, or null.</param>
    public static CausalLM OpenForTraining(ParseResult parsed, string path, string? chatTemplate = null) =>
        WithAdapter(OpenReference(parsed, path, chatTemplate), parsed.GetValue(CommonOptions.Adapter));

    /// <summary>Opens a model to train against: as <see cref="OpenForTraining"/>, without the adapter.</summary>
    public static CausalLM OpenReference(ParseResult parsed, string path, string? chatTemplate = null) => Open(parsed, path, new CausalLMLoadOptions { ChatTemplate = chatTemplate });

    /// <summary>Opens a model as these options say, on the device and with the threads that the command line says.</summary>
    public static CausalLM Open(ParseResult parsed, string path, CausalLMLoadOptions options)
    {
        var threads = parsed.GetValue(CommonOptions.Threads);
        if (threads < 0) throw new InvalidInputException($"--threads is {threads}; it must be 0 (all cores) or more.");
        var model = CausalLM.Load(path, options with { Device = parsed.GetValue(CommonOptions.Device)! });
        if (threads > 0) TorchSharp.torch.set_num_threads(threads);
        return model;
    }

    /// <summary>The model with an adapter on it, if any; it is disposed of where that fails.</summary>
    public static CausalLM WithAdapter(CausalLM model, string? adapter)
    {
        try
        {
            if (adapter is not null) model.LoadAdapter(adapter);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static CausalLMLoadOptions Precision(ParseResult parsed) =>
        new() { Dtype = parsed.GetValue(CommonOptions.Dtype) == "bfloat16" ? WeightType.BFloat16 : WeightType.Float32 };

    public static PretrainedTokenizer OpenTokenizer(ParseResult parsed) => ModelText.LoadTokenizer(parsed.GetValue(CommonOptions.Model)!);

    public static ChatTemplate OpenChatTemplate(ParseResult parsed) => ModelText.LoadChatTemplate(parsed.GetValue(CommonOptions.Model)!);
}
