using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tool;

/// <summary>Who judges, and how it is asked: what all judging commands share.</summary>
internal static class JudgeSettings
{
    public static readonly Option<JudgeOrder> Order = new("--order") { Description = "ByQuestion shows each pair once, Both in either order and averages.", HelpName = "ByQuestion|Both", DefaultValueFactory = _ => JudgeOrder.ByQuestion };
    private static readonly Option<string?> Url = new("--judge-url") { Description = "An OpenAI-compatible endpoint, such as https://api.openai.com/v1.", HelpName = "URL" };
    private static readonly Option<string?> Name = new("--judge-model") { Description = "The model to ask there.", HelpName = "NAME" };
    private static readonly Option<string?> KeyVariable = new("--api-key-env") { Description = "The environment variable that holds its key. [default: no key is sent]", HelpName = "VARIABLE" };
    private static readonly Option<string?> Local = new("--judge") { Description = "A local model as the judge: a Hugging Face folder, a GGUF file or a zip.", HelpName = "PATH" };
    private static readonly Option<string?> Cache = new("--cache") { Description = "Keep every reply in this file; running again asks only what is missing.", HelpName = "FILE" };
    private static readonly Option<int> Concurrency = new("--concurrency") { Description = "Questions at a time.", HelpName = "N", DefaultValueFactory = _ => new JudgeOptions().MaxConcurrency };
    private static readonly Option<decimal> InputPrice = new("--input-price") { Description = "Price of a million tokens of questions.", HelpName = "X" };
    private static readonly Option<decimal> OutputPrice = new("--output-price") { Description = "Price of a million tokens of replies.", HelpName = "X" };

    public static void AddTo(CliCommand command)
    {
        foreach (var option in new Option[] { Url, Name, KeyVariable, Local, Cache, Order, Concurrency, InputPrice, OutputPrice }) command.Options.Add(option);
    }

    /// <summary>Asks the judge of the command line, with progress, and writes a table of what came of it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="ask">Asks, and gives its result with how many judgements were read and how many were not.</param>
    /// <returns>The result, and whether there is any judgement.</returns>
    public static (T Result, bool AnyJudged) Ask<T>(ParseResult parsed, Func<Judge, Func<string, IProgress<JudgeProgress>>, (T Result, int Judged, int Unread)> ask)
    {
        using var model = parsed.GetValue(Local) is { } path ? ModelOptions.OpenOther(parsed, path) : null;
        using var client = Client(parsed, model);
        using var judge = new Judge(client, new JudgeOptions
        {
            CachePath = parsed.GetValue(Cache), MaxConcurrency = parsed.GetValue(Concurrency), Price = new(parsed.GetValue(InputPrice), parsed.GetValue(OutputPrice)),
        });
        var (result, judged, unread) = ProgressDisplay.Run(progress => ask(judge, stage => new Relay<JudgeProgress>(step => progress.Report(new(stage, step.Done, step.Total, $"{step.Usage.Replies} asked, {step.Usage.CachedReplies} kept")))));
        WriteUsage(judge.Usage, judged, unread);
        return (result, judged > 0);
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

    private static void WriteUsage(JudgeUsage usage, int judged, int unread)
    {
        var table = new TextTable("", "");
        table.Add("answers judged", TextTable.Count(judged));
        table.Add("without a readable judgement", TextTable.Count(unread));
        table.Add("requests", TextTable.Count(usage.Calls));
        table.Add("replies", TextTable.Count(usage.Replies));
        table.Add("replies kept from before", TextTable.Count(usage.CachedReplies));
        table.Add("malformed replies", TextTable.Count(usage.MalformedReplies));
        table.Add("rate limits, server errors, timeouts, lost connections", $"{usage.RateLimited}, {usage.ServerErrors}, {usage.Timeouts}, {usage.ConnectionErrors}");
        table.Add("tokens of questions, replies", $"{TextTable.Count(usage.InputTokens)}, {TextTable.Count(usage.OutputTokens)}");
        table.Add("cost", usage.Cost.ToString("0.######", CultureInfo.InvariantCulture));
        table.Write(Console.Error);
    }
}
