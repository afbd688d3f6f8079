using System.CommandLine;
using Microsoft.ML.Drift.Tool.Inspection;
using Microsoft.ML.Drift.Tool.Recipes;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift inspect</c>: what a model, a run folder or a data file is.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string?> Target = new("path")
    {
        Description = "A model, a run folder, a training's output, or a file of rows (JSON Lines). Without it, the model that --model names.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Input = new("--input") { Description = "A file of rows; the same as the path.", HelpName = "FILE" };
    private static readonly Option<string?> Model = new("--model") { Description = "The model whose tokens are counted in a file of rows.", HelpName = "PATH" };
    private static readonly Option<string?> RecipePath = new("--recipe") { Description = "Tell what a training by this recipe would cut of the rows.", HelpName = "FILE" };
    private static readonly Option<string[]> Set = new("--set") { Description = "Override a key of the recipe.", HelpName = "KEY=VALUE" };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object instead of a text for people." };

    public static CliCommand Create()
    {
        var command = new CliCommand("inspect", """
            What a model, a run folder or a data file is: architecture, parameters, memory needed; stages and figures; rows, lengths in tokens, what a recipe would cut.

            Example: drift inspect pairs.jsonl --model models/SmolLM2-135M-Instruct --recipe samples/recipes/iteration.yaml
            """)
        {
            Target, Input, Model, CommonOptions.Adapter, CommonOptions.BaseModel, RecipePath, Set, Json,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (target, input, modelPath) = (parsed.GetValue(Target), parsed.GetValue(Input), parsed.GetValue(Model));
        if (target is not null && input is not null) throw new InvalidInputException("Both a path and --input are given; give one.");
        var path = target ?? input ?? modelPath ?? throw new InvalidInputException("There is nothing to inspect: give a path, --input or --model.");
        if (!Path.Exists(path)) throw new InvalidInputException($"{path}: there is no such file or folder.");

        var report = new InspectionReport();
        var isRows = File.Exists(path) && !IsModelFile(path);
        if (!isRows && (parsed.GetValue(RecipePath) is not null || parsed.GetValue(Set) is { Length: > 0 })) throw new InvalidInputException($"--recipe and --set concern a file of rows; {path} is none.");
        if (isRows) Rows(report, parsed, path, modelPath, cancellation);
        else if (RunInspection.IsRun(path)) RunInspection.Report(report, path);
        else
        {
            if (RunInspection.IsUnfinishedTraining(path)) RunInspection.ReportUnfinishedTraining(report, path);
            else
            {
                using var model = ModelOptions.Open(parsed, path);
                ModelInspection.Report(report, model);
            }
            var metrics = Path.Combine(path, "metrics.jsonl");
            if (File.Exists(metrics)) RunInspection.ReportMetrics(report, metrics);
        }
        report.Write(Console.Out, parsed.GetValue(Json));
        return ExitCodes.Done;
    }

    private static void Rows(InspectionReport report, ParseResult parsed, string path, string? modelPath, CancellationToken cancellation)
    {
        var byRecipe = parsed.GetValue(RecipePath) is not null || parsed.GetValue(Set) is { Length: > 0 };
        if (byRecipe && modelPath is null) throw new InvalidInputException("--recipe needs --model: what is cut depends on the model's tokens.");
        using var model = modelPath is null ? null : ModelOptions.Open(parsed, modelPath);
        if (model is { Tokenizer: null }) throw new InvalidInputException($"--model {modelPath}: the model has no tokenizer, so that tokens cannot be counted.");
        DataInspection.Report(report, path, model, cancellation);
        if (byRecipe) DataInspection.ReportCuts(report, path, model!, Recipe.Load(parsed.GetValue(RecipePath), parsed.GetValue(Set) ?? []));
    }

    private static bool IsModelFile(string path)
    {
        using var stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[4];
        return stream.ReadAtLeast(start, 4, throwOnEndOfStream: false) == 4 && (start.SequenceEqual("GGUF"u8) || start.SequenceEqual("PK\u0003\u0004"u8));
    }
}
