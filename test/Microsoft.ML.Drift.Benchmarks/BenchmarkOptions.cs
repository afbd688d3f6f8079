using System.Globalization;
using Microsoft.ML.Drift.Benchmarks.Training;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>What the command line says. A benchmark reads what concerns it; null means its own choice of shapes.</summary>
internal sealed record BenchmarkOptions
{
    public string Mode { get; private init; } = "";

    /// <summary>A model file or folder; null: SmolLM2-135M-Instruct where it is found, else random weights of its shape.</summary>
    public string? Model { get; private init; }

    /// <summary>Pairs, or sequences that are sampled together.</summary>
    public int? Batch { get; private init; }

    /// <summary>Tokens of a prompt.</summary>
    public int? Prompt { get; private init; }

    /// <summary>Tokens of an answer.</summary>
    public int? Completion { get; private init; }

    /// <summary>The shape of a training step, where the command line says anything of it; what it leaves out is 4, 192 and 64.</summary>
    public TrainingShape? Shape => this is { Batch: null, Prompt: null, Completion: null } ? null : TrainingShape.Even(Batch ?? 4, Prompt ?? 192, Completion ?? 64);

    /// <summary>How often everything is measured, in turns.</summary>
    public int Rounds { get; private init; } = 5;

    /// <summary>Repetitions where many cases are measured.</summary>
    public int FewRounds => Math.Min(Rounds, 2);

    /// <summary>Threads of libtorch.</summary>
    public int Threads { get; private init; } = Environment.ProcessorCount;

    /// <summary>Where the machine's page is.</summary>
    public string OutputFolder { get; private init; } = Path.Combine("docs", "benchmarks");

    /// <summary>Part of a mode: the cases whose name contains it; null: all.</summary>
    public string? Only { get; private init; }

    /// <summary>Whether a case belongs to the part that was asked for.</summary>
    public bool Wants(string name) => Only is null || name.Contains(Only, StringComparison.OrdinalIgnoreCase);

    public static string Usage(IReadOnlyList<string> modes) => $"""
        dotnet run -c Release --project test/Microsoft.ML.Drift.Benchmarks -- {string.Join("|", modes)}|all [options]
          --model <path>        model file or folder; default: SmolLM2-135M-Instruct, or random weights of its shape
          --batch <n> --prompt <n> --completion <n>   one shape instead of the mode's own
          --only <text>         the mode's cases whose name contains the text
          --rounds <n>          repetitions, in turns; default 5
          --threads <n>         threads of libtorch; default: all processors
          --output <folder>     where the machine's page is written; default docs/benchmarks
        """;

    public static bool TryParse(string[] args, IReadOnlyList<string> modes, out BenchmarkOptions options, out string problem)
    {
        (options, problem) = (new() { Mode = args.FirstOrDefault() ?? "" }, "");
        if (options.Mode != "all" && !modes.Contains(options.Mode)) problem = $"The mode is '{options.Mode}'; allowed are {string.Join(", ", modes)} and all.";
        for (var i = 1; i < args.Length && problem == ""; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            var number = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) && parsed > 0 ? parsed : 0;
            if (value == "" || (number == 0 && args[i] is not ("--model" or "--only" or "--output"))) problem = $"'{args[i]} {value}': a value is missing or not a positive number.";
            options = args[i] switch
            {
                "--model" => options with { Model = value },
                "--only" => options with { Only = value },
                "--output" => options with { OutputFolder = value },
                "--batch" => options with { Batch = number },
                "--prompt" => options with { Prompt = number },
                "--completion" => options with { Completion = number },
                "--rounds" => options with { Rounds = number },
                "--threads" => options with { Threads = number },
                _ => options with { Mode = "?" },
            };
            if (options.Mode == "?") problem = $"'{args[i]}' is not an option.";
        }
        return problem == "";
    }
}
