using System.CommandLine;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift judge</c>: a language model compares two models' answers, AlpacaEval's way; its subcommand judges WildBench's.</summary>
internal static class JudgeCommand
{
    private static readonly Option<string> Baseline = new("--baseline") { Description = "The baseline's answers to the same rows.", HelpName = "FILE", Required = true };
    private static readonly Option<string> Annotations = new("--output") { Description = "The annotations, in AlpacaEval's format.", HelpName = "FILE", Required = true };

    public static CliCommand Create()
    {
        var command = new CliCommand("judge", """
            A language model compares answers with a baseline's, AlpacaEval's way; drift evaluate alpacaeval turns its annotations into win rates.
            The subcommand wildbench scores answers, or compares them, by a checklist.
            Lines of both files: {"response" or "text", "prompt", "id"?}; rows are paired by id, else by order.

            Example: OPENAI_API_KEY=… drift judge --input after.jsonl --baseline before.jsonl --judge-url https://api.openai.com/v1 --judge-model gpt-4o --api-key-env OPENAI_API_KEY --cache judge.jsonl --output annotations.json
            """)
        {
            CommonOptions.Input, Baseline, ResponseFile.Rows, Annotations,
        };
        JudgeSettings.AddTo(command);
        command.Subcommands.Add(JudgeWildBenchCommand.Create());
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var examples = Examples(parsed.GetValue(CommonOptions.Input)!, parsed.GetValue(Baseline)!, parsed.GetValue(ResponseFile.Rows));
        var (annotations, anyJudged) = JudgeSettings.Ask(parsed, (judge, progress) =>
        {
            var questions = new AlpacaEvalJudge(judge, new() { Order = parsed.GetValue(JudgeSettings.Order) });
            var all = questions.AnnotateAsync(examples, progress("Judging"), cancellation).GetAwaiter().GetResult();
            var judged = all.Count(annotation => !double.IsNaN(annotation.Preference));
            return (all, judged, all.Count - judged);
        });
        AlpacaEvalFiles.Write(annotations, parsed.GetValue(Annotations)!);
        return anyJudged ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static List<AlpacaEvalExample> Examples(string input, string baseline, string? rows)
    {
        var (own, other) = (ResponseFile.Read(input, rows), ResponseFile.Read(baseline, rows));
        if (own.Count != other.Count) throw new InvalidInputException($"{input} has {own.Count} rows and {baseline} {other.Count}; both must answer the same rows.");
        if (own.Concat(other).All(row => row.RowId.Length > 0))
        {
            var byId = other.GroupBy(row => row.RowId).ToDictionary(group => group.Key, group => group.Count() == 1 ? group.First() : throw new InvalidInputException($"{baseline}: the id \"{group.Key}\" occurs twice."));
            other = [.. own.Select(row => byId.GetValueOrDefault(row.RowId) ?? throw new InvalidInputException($"{baseline}: there is no row \"{row.RowId}\", which {input} has."))];
        }
        if (own.FindIndex(row => row.Prompt.Length == 0) is >= 0 and var without) throw new InvalidInputException($"{input}: row {without + 1} has no \"prompt\"; a judge must see what was asked. Add it, or give --rows.");
        return [.. own.Zip(other, (mine, theirs) => new AlpacaEvalExample(mine.Prompt, theirs.Response, mine.Response))];
    }
}
