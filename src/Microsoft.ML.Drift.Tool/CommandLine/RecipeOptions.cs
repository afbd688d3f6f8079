using System.CommandLine;
using Microsoft.ML.Drift.Tool.Recipes;

namespace Microsoft.ML.Drift.Tool;

/// <summary>The options of commands that follow a recipe.</summary>
internal static class RecipeOptions
{
    private static readonly Option<string?> File = new("--recipe")
    {
        Description = "A YAML or JSON file with the keys of TRL and the Alignment Handbook; ours stand in its section drift.",
        HelpName = "FILE",
    };

    private static readonly Option<string[]> Set = new("--set")
    {
        Description = "Override a key of the recipe, for example --set beta=0.2 or --set drift.iterations=1; may be repeated.",
        HelpName = "KEY=VALUE",
    };

    public static readonly Option<string?> Model = new("--model")
    {
        Description = CommonOptions.Model.Description + " Default: the recipe's model_name_or_path.",
        HelpName = "PATH",
    };

    public static readonly Option<string?> OutputFolder = new("--output")
    {
        Description = "The folder for results. Default: the recipe's output_dir.",
        HelpName = "DIR",
    };

    public static readonly Option<bool> Restart = new("--restart") { Description = "Begin anew; what the output folder holds is kept under another name." };

    public static void AddTo(CliCommand command)
    {
        Option[] options = [File, Set, Model, CommonOptions.Adapter, OutputFolder, Restart];
        foreach (var option in options) command.Options.Add(option);
    }

    public static string? RecipePath(ParseResult parsed) => parsed.GetValue(File);

    /// <summary>The recipe with what the command line overrides: <c>--set</c>, <c>--seed</c> and <c>--dtype</c>.</summary>
    public static Recipe Read(ParseResult parsed)
    {
        var overrides = new List<string>();
        if (parsed.GetResult(CommonOptions.Seed) is { Implicit: false }) overrides.Add($"seed={parsed.GetValue(CommonOptions.Seed)}");
        if (parsed.GetResult(CommonOptions.Dtype) is { Implicit: false }) overrides.Add($"bf16={(parsed.GetValue(CommonOptions.Dtype) == "bfloat16" ? "true" : "false")}");
        return Recipe.Load(parsed.GetValue(File), [.. overrides, .. parsed.GetValue(Set) ?? []]);
    }

    /// <summary>What the command line names, else what the recipe does.</summary>
    public static string Required(ParseResult parsed, Option<string?> option, Recipe recipe, string key) =>
        parsed.GetValue(option) ?? recipe.Text(key) ?? throw new InvalidInputException($"{option.Name} is missing; give it, or {key} in the recipe.");

    /// <summary>Tells which keys of the recipe had no effect; once, after everything was read.</summary>
    public static void ReportUnused(Recipe recipe)
    {
        var unused = recipe.WithoutEffect();
        if (unused.Count == 0) return;
        Console.Error.WriteLine("Keys of the recipe without effect here:");
        foreach (var (key, reason) in unused) Console.Error.WriteLine($"  {key}: {reason}");
    }
}
