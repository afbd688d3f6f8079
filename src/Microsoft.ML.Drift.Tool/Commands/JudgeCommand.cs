using System.CommandLine;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift judge</c>: a language model compares two models' answers.</summary>
internal static class JudgeCommand
{
    private static readonly Option<string> Baseline = new("--baseline") { Description = "The baseline's answers to the same rows.", HelpName = "FILE", Required = true };
    private static readonly Option<string?> Url = new("--judge-url") { Description = "An OpenAI-compatible endpoint, such as https://api.openai.com/v1.", HelpName = "URL" };
    private static readonly Option<string?> Name = new("--judge-model") { Description = "The model to ask there.", HelpName = "NAME" };
    private static readonly Option<string?> KeyVariable = new("--api-key-env") { Description = "The environment variable that holds its key. [default: no key is sent]", HelpName = "VARIABLE" };
    private static readonly Option<string?> Local = new("--judge") { Description = "A local model as the judge: a Hugging Face folder, a GGUF file or a zip.", HelpName = "PATH" };
    private static readonly Option<string?> Cache = new("--cache") { Description = "Keep every reply in this file; running again asks only what is missing.", HelpName = "FILE" };
    private static readonly Option<JudgeOrder> Order = new("--order") { Description = "ByQuestion shows each pair once, Both in either order and averages.", HelpName = "ByQuestion|Both", DefaultValueFactory = _ => JudgeOrder.ByQuestion };
    private static readonly Option<int> Concurrency = new("--concurrency") { Description = "Questions at a time.", HelpName = "N", DefaultValueFactory = _ => new JudgeOptions().MaxConcurrency };
    private static readonly Option<decimal> InputPrice = new("--input-price") { Description = "Price of a million tokens of questions.", HelpName = "X" };
    private static readonly Option<decimal> OutputPrice = new("--output-price") { Description = "Price of a million tokens of replies.", HelpName = "X" };
    private static readonly Option<string> Annotations = new("--output") { Description = "The annotations, in AlpacaEval's format.", HelpName = "FILE", Required = true };

    public static CliCommand Create()
    {
        var command = new CliCommand("judge", """
            A language model compares answers with a baseline's, AlpacaEval's way; drift evaluate alpacaeval turns its annotations into win rates.
            Lines of both files: {"response" or "text", "prompt", "id"?}; rows are paired by id, else by order.

            Example: OPENAI_API_KEY=… drift judge --input after.jsonl --baseline before.jsonl --judge-url https://api.openai.com/v1 --judge-model gpt-4o --api-key-env OPENAI_API_KEY --cache judge.jsonl --output annotations.json
            """)
        {
            CommonOptions.Input, Baseline, ResponseFile.Rows, Url, Name, KeyVariable, Local, Cache, Order, Concurrency, InputPrice, OutputPrice, Annotations,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var examples = Examples(parsed.GetValue(CommonOptions.Input)!, parsed.GetValue(Baseline)!, parsed.GetValue(ResponseFile.Rows));
        var options = new JudgeOptions
        {
            CachePath = parsed.GetValue(Cache), MaxConcurrency = parsed.GetValue(Concurrency), Price = new(parsed.GetValue(InputPrice), parsed.GetValue(OutputPrice)),
        };
        using var model = parsed.GetValue(Local) is { } path ? ModelOptions.OpenOther(parsed, path) : null;
        using var client = Client(parsed, model);
        using var judge = new Judge(client, options);
        var questions = new AlpacaEvalJudge(judge, new() { Order = parsed.GetValue(Order) });
        var annotations = ProgressDisplay.Run(progress => questions
            .AnnotateAsync(examples, new Relay<JudgeProgress>(step => progress.Report(new("Judging", step.Done, step.Total, $"{step.Usage.Replies} asked, {step.Usage.CachedReplies} kept"))), cancellation)
            .GetAwaiter().GetResult());
        AlpacaEvalFiles.Write(annotations, parsed.GetValue(Annotations)!);
        WriteUsage(judge.Usage, annotations);
        return annotations.Any(annotation => !double.IsNaN(annotation.Preference)) ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static IChatClient Client(ParseResult parsed, Models.CausalLM? model)
    {
        var (url, name, variable) = (parsed.GetValue(Url), parsed.GetValue(Name), parsed.GetValue(KeyVariable));
        if (model is not null)
        {
            if (url is not null || name is not null || variable is not null) throw new InvalidInputException("--judge is a local model; leave out --judge-url, --judge-model and --api-key-env.");
            var context = new MLContext();
            var rows = context.Data.LoadFromEnumerable<ResponseLine>([]);
            return context.Transforms.AnswerPrompts(model, generation: GenerationOptions.Greedy).Fit(rows).AsChatClient();
        }
        if (url is null || name is null) throw new InvalidInputException("Give a judge: --judge-url and --judge-model, or --judge for a local model.");
        if (!Uri.TryCreate(url, UriKind.Absolute, out var endpoint)) throw new InvalidInputException($"--judge-url is \"{url}\"; it must be an absolute http or https address.");
        return variable is null ? new OpenAICompatibleChatClient(endpoint, name) : OpenAICompatibleChatClient.FromEnvironment(endpoint, name, variable);
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

    private static void WriteUsage(JudgeUsage usage, IReadOnlyList<AlpacaEvalAnnotation> annotations)
    {
        var table = new TextTable("", "");
        table.Add("answers judged", TextTable.Count(annotations.Count(annotation => !double.IsNaN(annotation.Preference))));
        table.Add("without a readable judgement", TextTable.Count(annotations.Count(annotation => double.IsNaN(annotation.Preference))));
        table.Add("requests", TextTable.Count(usage.Calls));
        table.Add("replies", TextTable.Count(usage.Replies));
        table.Add("replies kept from before", TextTable.Count(usage.CachedReplies));
        table.Add("malformed replies", TextTable.Count(usage.MalformedReplies));
        table.Add("rate limits, server errors, timeouts, lost connections", $"{usage.RateLimited}, {usage.ServerErrors}, {usage.Timeouts}, {usage.ConnectionErrors}");
        table.Add("tokens of questions, replies", $"{TextTable.Count(usage.InputTokens)}, {TextTable.Count(usage.OutputTokens)}");
        table.Add("cost", usage.Cost.ToString("0.######", System.Globalization.CultureInfo.InvariantCulture));
        table.Write(Console.Error);
    }
}
