using System.CommandLine;
using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Evaluation.WildBench;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift judge wildbench</c>: a language model scores answers by a checklist, or compares them with baselines'.</summary>
internal static class JudgeWildBenchCommand
{
    private static readonly Option<string?> Sessions = new("--sessions")
    {
        Description = "What was asked: WildBench's data, or rows with \"prompt\", \"id\", \"checklist\", \"primary_tag\". Default: --input has it.",
        HelpName = "FILE",
    };

    private static readonly Option<string[]> Baselines = new("--baseline")
    {
        Description = "A baseline's answers to the same sessions; may be repeated. With it answers are compared, without it scored.",
        HelpName = "NAME=FILE",
    };

    private static readonly Option<string?> Template = new("--template") { Description = "The judge's prompt, such as WildBench's own. Default: one written for this library, whose figures cannot be compared with the leaderboard's.", HelpName = "FILE" };
    private static readonly Option<ReplyParsing> Parsing = new("--parsing") { Description = "Strict takes JSON replies only, as all published figures; Lenient looks for the verdict in others too.", HelpName = "Lenient|Strict", DefaultValueFactory = _ => new WildBenchJudgeOptions().Parsing };
    private static readonly Option<int?> MaxWords = new("--max-words") { Description = "Cut every text that is shown to this many words. [default: off]", HelpName = "N" };
    private static readonly Option<int> MaxReplyTokens = new("--max-reply-tokens") { Description = "The longest reply.", HelpName = "N", DefaultValueFactory = _ => new WildBenchJudgeOptions().MaxOutputTokens };
    private static readonly Option<bool> SkipEmpty = new("--skip-empty") { Description = "Do not ask about empty answers: they score 1, and lose clearly." };
    private static readonly Option<string> Judged = new("--output") { Description = "The judged answers, a .json file.", HelpName = "FILE", Required = true };

    public static CliCommand Create()
    {
        var command = new CliCommand("wildbench", """
            WildBench's way: without --baseline each answer gets a score by its checklist (WB-Score), with --baseline it is compared (WB-Reward).
            drift evaluate wildbench makes the figures of the output, with --scores or with --comparisons.
            Answers: {"response" or "text", "id"?} on each line; they belong to sessions by id, else by order.

            Example: drift judge wildbench --input after.jsonl --sessions wildbench-v2.jsonl --judge-url https://api.openai.com/v1 --judge-model gpt-4o --api-key-env OPENAI_API_KEY --cache judge.jsonl --output scores.json
            Example: drift judge wildbench --input after.jsonl --sessions dsat.jsonl --baseline before=before.jsonl --judge models/judge --order Both --output comparisons.json
            """)
        {
            CommonOptions.Input, Sessions, Baselines, Template, Parsing, MaxWords, MaxReplyTokens, SkipEmpty, Judged,
        };
        JudgeSettings.AddTo(command);
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var output = parsed.GetValue(Judged)!;
        if (!output.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) throw new InvalidInputException($"--output is {output}; its name must end in .json, by which drift evaluate wildbench knows the format.");
        var input = parsed.GetValue(CommonOptions.Input)!;
        var sessions = WildBenchSessions.Read(parsed.GetValue(Sessions) ?? input);
        if (sessions.Count == 0) throw new InvalidInputException($"{parsed.GetValue(Sessions) ?? input}: there is no session.");
        var examples = sessions.Zip(Answers(input, sessions), (session, answer) => session with { Output = answer }).ToList();
        var baselines = ReadBaselines(parsed.GetValue(Baselines) ?? [], sessions);
        var isScore = baselines.Count == 0;
        if (isScore && parsed.GetValue(JudgeSettings.Order) != JudgeOrder.ByQuestion) throw new InvalidInputException("--order has no effect without --baseline: a score looks at one answer.");
        var options = Options(parsed, isScore);
        var anyJudged = isScore ? Score(parsed, examples, options, output, cancellation) : Compare(parsed, examples, baselines, options, output, cancellation);
        return anyJudged ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static bool Score(ParseResult parsed, IReadOnlyList<WildBenchExample> examples, WildBenchJudgeOptions options, string output, CancellationToken cancellation)
    {
        var (rows, anyJudged) = JudgeSettings.Ask(parsed, (judge, progress) =>
        {
            var scored = new WildBenchJudge(judge, options).ScoreAsync(examples, progress("Scoring"), cancellation).GetAwaiter().GetResult();
            return (scored, scored.Count, examples.Count - scored.Count);
        });
        WildBenchFiles.WriteScores(rows, output);
        return anyJudged;
    }

    private static bool Compare(
        ParseResult parsed, IReadOnlyList<WildBenchExample> examples, IReadOnlyDictionary<string, IReadOnlyList<string>> baselines, WildBenchJudgeOptions options, string output, CancellationToken cancellation)
    {
        var (comparisons, anyJudged) = JudgeSettings.Ask(parsed, (judge, progress) =>
        {
            var questions = new WildBenchJudge(judge, options);
            var rows = new Dictionary<string, IReadOnlyList<WildBenchComparison>>();
            foreach (var (name, answers) in baselines)
                rows[name] = questions.CompareAsync([.. examples.Zip(answers, (example, answer) => example with { BaselineOutput = answer })], progress($"Comparing with {name}"), cancellation).GetAwaiter().GetResult();
            var (judged, asked) = (rows.Values.Sum(each => each.Count), examples.Count * baselines.Count * (options.Order == JudgeOrder.Both ? 2 : 1));
            return (rows, judged, asked - judged);
        });
        WildBenchFiles.WriteComparisons(comparisons, output);
        return anyJudged;
    }

    private static WildBenchJudgeOptions Options(ParseResult parsed, bool isScore)
    {
        var options = new WildBenchJudgeOptions
        {
            Parsing = parsed.GetValue(Parsing), JudgesEmptyOutputs = !parsed.GetValue(SkipEmpty), MaxWords = parsed.GetValue(MaxWords), Order = parsed.GetValue(JudgeSettings.Order), MaxOutputTokens = parsed.GetValue(MaxReplyTokens),
        };
        if (options.MaxOutputTokens < 1) throw new InvalidInputException($"--max-reply-tokens is {options.MaxOutputTokens}; it must be at least 1.");
        if (parsed.GetValue(Template) is not { } path) return options;
        if (!File.Exists(path)) throw new InvalidInputException($"--template {path}: there is no such file.");
        var template = new JudgeTemplate(Path.GetFileNameWithoutExtension(path), null, File.ReadAllText(path));
        return isScore ? options with { ScoreTemplate = template } : options with { ComparisonTemplate = template };
    }

    private static Dictionary<string, IReadOnlyList<string>> ReadBaselines(IReadOnlyList<string> named, IReadOnlyList<WildBenchExample> sessions)
    {
        var baselines = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var each in named)
        {
            var (name, path) = File.Exists(each) || each.IndexOf('=') is not (> 0 and var sign) ? (Path.GetFileNameWithoutExtension(each), each) : (each[..sign], each[(sign + 1)..]);
            if (!baselines.TryAdd(name, Answers(path, sessions))) throw new InvalidInputException($"--baseline {each}: there are two baselines \"{name}\"; give them names: NAME=FILE.");
        }
        return baselines;
    }

    /// <summary>The answers to the sessions, in their order.</summary>
    private static List<string> Answers(string path, IReadOnlyList<WildBenchExample> sessions)
    {
        var rows = ResponseFile.Read(path, null);
        if (rows.All(row => row.RowId.Length > 0))
        {
            var byId = rows.GroupBy(row => row.RowId).ToDictionary(group => group.Key, group => group.Count() == 1 ? group.First().Response : throw new InvalidInputException($"{path}: the id \"{group.Key}\" occurs twice."));
            return [.. sessions.Select(session => byId.GetValueOrDefault(session.SessionId) ?? throw new InvalidInputException($"{path}: there is no answer to the session \"{session.SessionId}\"."))];
        }
        if (rows.Count != sessions.Count) throw new InvalidInputException($"{path} has {rows.Count} answers to {sessions.Count} sessions; each session must have its answer, or answers an \"id\".");
        return rows.ConvertAll(row => row.Response);
    }
}
