using System.CommandLine;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift logprobs</c>: how likely given completions are under a model.</summary>
internal static class LogProbsCommand
{
    private static readonly Option<int> TopLogits = new("--top-logits") { Description = "Add the K best next-token ids and logits after the last position.", HelpName = "K" };
    private static readonly Option<bool> Logits = new("--logits") { Description = "Add every next-token logit after the last position." };

    public static CliCommand Create()
    {
        var command = new CliCommand("logprobs", """
            Log-probabilities of given completions: {"input_ids":[...], "completion_start": n}, a preference row {"prompt","chosen","rejected"} or
            {"prompt","completion"} in; {"token_log_probs":[...], "sum"} out, for a pair as chosen_... and rejected_....

            Example: drift logprobs --model models/SmolLM2-135M-Instruct --input pairs.jsonl --top-logits 5
            """)
        {
            CommonOptions.Model, CommonOptions.Adapter, CommonOptions.BaseModel, CommonOptions.Input, CommonOptions.Output, TopLogits, Logits,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (top, all) = (parsed.GetValue(TopLogits), parsed.GetValue(Logits));
        using var input = InputFile.Open(parsed.GetValue(CommonOptions.Input)!);
        using var model = ModelOptions.Open(parsed);
        if (top < 0 || top > model.Configuration.VocabularySize)
            throw new InvalidInputException($"--top-logits is {top}; it must lie between 0 and {model.Configuration.VocabularySize}, the size of the vocabulary.");

        var scorer = new SequenceScorer(model);
        var rows = HoldsIds(input) ? ScoreIds(input, scorer, all || top > 0) : scorer.ScoreRows(new MLContext().Data.LoadFromChatJsonLines(input.Path), all || top > 0);
        using var output = new JsonLinesOutput(parsed.GetValue(CommonOptions.Output)!);
        var total = JsonLinesInput.Read(input.Path).Count();
        ProgressDisplay.Run(progress =>
        {
            var done = 0;
            foreach (var row in rows)
            {
                cancellation.ThrowIfCancellationRequested();
                output.Write(json =>
                {
                    if (row.Completion is { } completion) Write(json, "", completion, top, all);
                    if (row.Chosen is { } chosen) Write(json, "chosen_", chosen, top, all);
                    if (row.Rejected is { } rejected) Write(json, "rejected_", rejected, top, all);
                });
                progress.Report(new("Scoring", ++done, total));
            }
            return done;
        });
        output.Complete();
        return ExitCodes.Done;
    }

    private static bool HoldsIds(InputFile input) => JsonLinesInput.Read(input.Path).FirstOrDefault() is { File: not null } first && first.Field("input_ids") is not null;

    private static IEnumerable<ScoredRow> ScoreIds(InputFile input, SequenceScorer scorer, bool logits) => JsonLinesInput.Read(input.Path).Select(line =>
    {
        var start = line.Integer("completion_start") ?? throw line.Error("the field \"completion_start\" is missing.");
        try
        {
            return new ScoredRow("", scorer.Score(line.Ids("input_ids"), start, logits), null, null);
        }
        catch (ArgumentException problem)
        {
            throw line.Error(problem.Message);
        }
    });

    private static void Write(Utf8JsonWriter json, string prefix, ScoredSequence score, int top, bool all)
    {
        json.WriteNumbers(prefix + "token_log_probs", score.TokenLogProbs);
        json.WriteNumber(prefix + "sum", score.Sum);
        if (score.NextTokenLogits is not { } logits) return;
        if (top > 0)
        {
            var best = Enumerable.Range(0, logits.Count).OrderByDescending(id => logits[id]).ThenBy(id => id).Take(top).ToList();
            json.WriteIds(prefix + "top_ids", best);
            json.WriteNumbers(prefix + "top_logits", best.Select(id => logits[id]));
        }
        if (all) json.WriteNumbers(prefix + "logits", logits);
    }
}
