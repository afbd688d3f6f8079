using System.CommandLine;
using System.Text.Json;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.WildBench;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift evaluate alpacaeval</c>: judged answers → AlpacaEval 2's figures.</summary>
internal static class EvaluateAlpacaEvalCommand
{
    private static readonly Option<string> Annotations = new("--input") { Description = "Annotations: AlpacaEval's JSON, or JSON Lines, CSV or Parquet with its fields.", HelpName = "FILE", Required = true };

    private static readonly Option<string?> LengthControlFolder = new("--length-control")
    {
        Description = "A folder with instruction_difficulty.csv and gamed_baseline.csv (the authors' df_gamed.csv): also compute the length-controlled win rate.",
        HelpName = "DIR",
    };

    private static readonly Option<LengthControlFormula?> Formula = new("--formula")
    {
        Description = "Which model of length control; Minimal needs no folder. [default: Full, with --length-control]",
        HelpName = "Full|WithoutRegularizingRows|Minimal",
    };

    private static readonly Option<double?> Strength = new("--strength") { Description = "Its regularization strength C. [default: by cross-validation]", HelpName = "C" };

    public static CliCommand Create()
    {
        var command = new CliCommand("alpacaeval", """
            AlpacaEval 2: win rate, discrete win rate, standard error, length-controlled win rate from judged answers.

            Example: drift evaluate alpacaeval --input annotations.json --length-control alpaca-eval-data
            """)
        {
            Annotations, LengthControlFolder, Formula, Strength, CommonOptions.Output,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (folder, formula, strength) = (parsed.GetValue(LengthControlFolder), parsed.GetValue(Formula), parsed.GetValue(Strength));
        var wanted = folder is not null || formula is not null;
        if (!wanted && strength is not null) throw new InvalidInputException("--strength has no effect without --length-control or --formula; leave it out, or add one of them.");
        var control = wanted
            ? new LengthControl { Data = folder is null ? null : LengthControlData.Load(folder), Formula = formula ?? LengthControlFormula.Full, RegularizationStrength = strength }
            : null;
        var metrics = AlpacaEvalMetrics.Compute(AlpacaEvalFiles.Read(parsed.GetValue(Annotations)!), control);
        var figures = Figures(metrics).ToList();
        BenchmarkOutput.Write(parsed, figures);
        return ExitCodes.Done;
    }

    private static IEnumerable<(string Name, double Value)> Figures(AlpacaEvalMetrics metrics)
    {
        yield return ("win_rate", metrics.WinRate);
        yield return ("standard_error", metrics.StandardError);
        yield return ("discrete_win_rate", metrics.DiscreteWinRate);
        yield return ("n_wins", metrics.Wins);
        yield return ("n_wins_base", metrics.BaselineWins);
        yield return ("n_draws", metrics.Draws);
        yield return ("n_total", metrics.Total);
        yield return ("n_missing", metrics.Missing);
        yield return ("avg_length", metrics.AverageLength);
        if (metrics.LengthControlled is not { } controlled) yield break;
        yield return ("length_controlled_winrate", controlled.WinRate);
        yield return ("lc_standard_error", controlled.StandardError);
        yield return ("weight_length", controlled.Weights.Length);
        yield return ("weight_difficulty", controlled.Weights.Difficulty);
        yield return ("weight_model", controlled.Weights.Model);
        yield return ("regularization_strength", controlled.RegularizationStrength);
    }
}

/// <summary><c>drift evaluate wildbench</c>: judged answers → WB-Score or WB-Reward.</summary>
internal static class EvaluateWildBenchCommand
{
    private static readonly Option<string?> Scores = new("--scores") { Description = "Scored answers: WildBench's JSON, or JSON Lines, CSV or Parquet with its fields.", HelpName = "FILE" };
    private static readonly Option<string?> Comparisons = new("--comparisons") { Description = "Answers compared with baselines', in the same kinds of files.", HelpName = "FILE" };
    private static readonly Option<string?> ModelName = new("--model-name") { Description = "The tested model, where a file has several.", HelpName = "NAME" };
    private static readonly Option<string?> TaskGroups = new("--task-groups") { Description = "The task groups or tags of each session, where the rows lack them.", HelpName = "FILE" };
    private static readonly Option<int?> LengthMargin = new("--length-margin") { Description = "K: a slight preference for an answer longer by more characters is a tie. [default: off]", HelpName = "K" };
    private static readonly Option<WildBenchEdition> Edition = new("--edition") { Description = "Which tables' weights.", HelpName = "Current|BeforeJune2024", DefaultValueFactory = _ => WildBenchEdition.Current };

    public static CliCommand Create()
    {
        var command = new CliCommand("wildbench", """
            WildBench: WB-Score from scored answers, WB-Reward from answers compared with baselines', task by task and as weighted means.

            Example: drift evaluate wildbench --scores scores.json --task-groups wildbench-v2.jsonl
            """)
        {
            Scores, Comparisons, ModelName, TaskGroups, LengthMargin, Edition, CommonOptions.Output,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var groups = parsed.GetValue(TaskGroups) is { } path ? WildBenchFiles.ReadTaskGroups(path) : null;
        var figures = (parsed.GetValue(Scores), parsed.GetValue(Comparisons)) switch
        {
            ({ } scores, null) => ScoreFigures(WildBenchScoreMetrics.Compute(WildBenchFiles.ReadScores(scores, groups), parsed.GetValue(Edition))).ToList(),
            (null, { } comparisons) => RewardFigures(WildBenchFiles.ReadComparisons(comparisons, parsed.GetValue(ModelName), groups), parsed.GetValue(LengthMargin)).ToList(),
            _ => throw new InvalidInputException("Give either --scores or --comparisons."),
        };
        BenchmarkOutput.Write(parsed, figures);
        return ExitCodes.Done;
    }

    private static IEnumerable<(string Name, double Value)> ScoreFigures(WildBenchScoreMetrics metrics)
    {
        yield return ("score", metrics.Score);
        yield return ("WB_score", metrics.WBScore);
        yield return ("WB_score.task_macro", metrics.WBScoreTaskMacro);
        yield return ("total", metrics.Total);
        yield return ("avg_len", metrics.AverageLength);
        foreach (var (task, value) in metrics.TaskScores) yield return ($"task/{task}", value * 10);
    }

    private static IEnumerable<(string Name, double Value)> RewardFigures(IReadOnlyDictionary<string, IReadOnlyList<WildBenchComparison>> comparisons, int? lengthMargin)
    {
        var metrics = comparisons.ToDictionary(each => each.Key, each => (WildBenchRewardMetrics?)WildBenchRewardMetrics.Compute(each.Value, lengthMargin));
        var summary = WildBenchRewardSummary.Combine(metrics);
        foreach (var (baseline, each) in metrics)
        {
            yield return ($"reward/{baseline}", each!.Reward * 100);
            yield return ($"task_macro_reward/{baseline}", each.TaskMacroReward * 100);
            yield return ($"total/{baseline}", each.Total);
        }
        yield return ("mixture_of_rewards", summary.MixtureOfRewards);
        yield return ("task_macro_reward", summary.TaskMacroReward);
        foreach (var (task, value) in summary.MixtureOfRewardsByTask) yield return ($"task/{task}", value);
    }
}

/// <summary>A benchmark's figures: a table for people, an object for programs.</summary>
internal static class BenchmarkOutput
{
    public static void Write(ParseResult parsed, IReadOnlyList<(string Name, double Value)> figures)
    {
        var table = new TextTable("", "value");
        foreach (var (name, value) in figures) table.Add(name, double.IsNaN(value) ? "–" : TextTable.Number(value));
        table.Write(Console.Error);
        using var output = new JsonLinesOutput(parsed.GetValue(CommonOptions.Output)!);
        output.Write(json =>
        {
            foreach (var (name, value) in figures) json.WriteFigure(name, value);
        });
        output.Complete();
    }

    /// <summary>A number, or null where JSON has none for it.</summary>
    public static void WriteFigure(this Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }
}
