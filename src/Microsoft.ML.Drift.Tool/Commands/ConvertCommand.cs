using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tool.Training;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift convert</c>: one form of a model to another.</summary>
internal static class ConvertCommand
{
    private static readonly Option<string> Output = new("--output") { Description = "The folder (hf) or file (gguf, zip) to write.", HelpName = "PATH", Required = true };

    private static readonly Option<string> Format = new Option<string>("--format")
    {
        Description = "A Hugging Face folder, a GGUF file for llama.cpp, or an ML.NET model file.",
        Required = true,
    }.AcceptOnlyFromAmong("hf", "gguf", "zip");

    private static readonly Option<string?> Dtype = new("--dtype")
    {
        Description = "How weights are stored: float32 or bfloat16 (hf, zip; default float32); f32, f16, bf16, q8_0 or q4_0 (gguf; default f16).",
        HelpName = "TYPE",
    };

    private static readonly Option<bool> MergeAdapter = new("--merge-adapter") { Description = "Make the adapter part of the weights; without it a zip holds the adapter alone, and the other formats refuse." };
    private static readonly Option<bool> Overwrite = new("--overwrite") { Description = "Replace what is there." };

    public static CliCommand Create()
    {
        var command = new CliCommand("convert", """
            One form of a model to another, with its tokenizer and chat template.

            Example: drift convert --model trained --output trained.gguf --format gguf --dtype q8_0
            """)
        {
            CommonOptions.Model, CommonOptions.Adapter, CommonOptions.BaseModel, Output, Format, Dtype, MergeAdapter, Overwrite,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (format, output) = (parsed.GetValue(Format)!, Path.GetFullPath(parsed.GetValue(Output)!));
        var dtype = parsed.GetValue(Dtype)?.ToLowerInvariant();
        var (weights, gguf) = (WeightsType(format, dtype), GgufType(format, dtype));
        var taken = format == "hf" ? File.Exists(output) || (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any()) : Path.Exists(output);
        if (Path.GetFullPath(parsed.GetValue(CommonOptions.Model)!) == output) throw new InvalidInputException($"--output {output}: this is the model to convert; name another place.");
        if (taken && !parsed.GetValue(Overwrite)) throw new InvalidInputException($"--output {output}: there is something already. Name another place, or say --overwrite.");
        if (format == "hf" ? File.Exists(output) : Directory.Exists(output)) throw new InvalidInputException($"--output {output}: {(format == "hf" ? "this is a file; name a folder" : "this is a folder; name a file")}.");

        using var model = ModelOptions.WithAdapter(
            ModelOptions.Open(parsed, parsed.GetValue(CommonOptions.Model)!, new CausalLMLoadOptions { Dtype = format == "zip" ? weights : WeightType.Float32, BaseModel = parsed.GetValue(CommonOptions.BaseModel) }), parsed.GetValue(CommonOptions.Adapter));
        if (model.HasAdapter && !parsed.GetValue(MergeAdapter) && format != "zip") throw new InvalidInputException("The model has an adapter: say --merge-adapter to make it part of the weights.");
        if (!model.HasAdapter && parsed.GetValue(MergeAdapter)) throw new InvalidInputException("--merge-adapter: the model has no adapter; name it with --adapter.");
        if (model.HasAdapter && parsed.GetValue(MergeAdapter)) Console.Error.WriteLine($"The adapter is merged; the largest change of a logit on a probe is {TextTable.Number(model.MergeAdapter(), "0.0e+0")}.");
        cancellation.ThrowIfCancellationRequested();

        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        Write(model, format, output, weights, gguf);
        Console.Error.WriteLine($"{output}: {TextTable.Count(model.ParameterCount)} parameters as {dtype ?? (format == "gguf" ? "f16" : "float32")}.");
        return ExitCodes.Done;
    }

    private static void Write(CausalLM model, string format, string output, WeightType weights, GgufWeightType gguf)
    {
        switch (format)
        {
            case "hf":
                model.Save(output, weights);
                break;
            case "gguf":
                model.SaveAsGguf(output, gguf);
                break;
            default:
                if (model.Tokenizer is null) throw new InvalidInputException("--format zip: the model has no tokenizer, and an ML.NET model answers texts; add tokenizer.json to its folder.");
                var context = new MLContext();
                ModelZipFile.Write(context, context.Transforms.AnswerPrompts(model).Fit(context.Data.LoadFromEnumerable<ModelZipFile.PromptRow>([])), output);
                break;
        }
    }

    private static WeightType WeightsType(string format, string? dtype) => format == "gguf" ? WeightType.Float32 : dtype switch
    {
        null or "float32" or "f32" => WeightType.Float32,
        "bfloat16" or "bf16" => WeightType.BFloat16,
        _ => throw new InvalidInputException($"--dtype is {dtype}; with --format {format} it must be float32 or bfloat16."),
    };

    private static GgufWeightType GgufType(string format, string? dtype) => format != "gguf" ? GgufWeightType.F16 : dtype switch
    {
        "f32" or "float32" => GgufWeightType.F32,
        null or "f16" or "float16" => GgufWeightType.F16,
        "bf16" or "bfloat16" => GgufWeightType.BF16,
        "q8_0" => GgufWeightType.Q8_0,
        "q4_0" => GgufWeightType.Q4_0,
        _ => throw new InvalidInputException($"--dtype is {dtype}; with --format gguf it must be f32, f16, bf16, q8_0 or q4_0."),
    };
}
