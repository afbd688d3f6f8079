using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Serving;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift serve</c>: a model behind OpenAI's chat protocol, and a page where people talk to it and say what is wrong.</summary>
internal static class ServeCommand
{
    private static readonly DriftServingOptions Defaults = new();

    private static readonly Option<string> Host = new("--host") { Description = "The address to listen on. Other machines reach the server on 0.0.0.0, or on this machine's own address.", HelpName = "ADDRESS", DefaultValueFactory = _ => "127.0.0.1" };
    private static readonly Option<int> Port = new("--port") { Description = "The port; 0 takes a free one.", HelpName = "N", DefaultValueFactory = _ => 8080 };
    private static readonly Option<string?> ModelName = new("--model-name") { Description = "The model's name in requests. [default: the name of its folder or file]", HelpName = "NAME" };
    private static readonly Option<string?> Feedback = new("--feedback") { Description = "Append the complaints made on the page to this file: rows for drift run.", HelpName = "FILE" };
    private static readonly Option<string?> SeedPairs = new("--seed-pairs") { Description = "Append pairs of a bad answer and the better one that followed to this file.", HelpName = "FILE" };
    private static readonly Option<string?> ApiKeyEnvironment = new("--api-key-env") { Description = "The environment variable that holds the API key requests must bring. [default: none is asked for]", HelpName = "NAME" };
    private static readonly Option<string[]> Origins = new("--allow-origin") { Description = "A web origin whose pages may call the server, such as https://example.com; may be repeated.", HelpName = "ORIGIN" };
    private static readonly Option<int> Queue = new("--max-queue") { Description = "Answers that may wait beside those that run (--batch-size); more are refused with status 429.", HelpName = "N", DefaultValueFactory = _ => Defaults.MaxQueueLength };
    private static readonly Option<int?> MaxPrompt = new("--max-prompt-tokens") { Description = "The longest prompt. [default: what the model's context holds]", HelpName = "N" };
    private static readonly Option<int> MaxAnswer = new("--max-answer-tokens") { Description = "The longest answer a request may ask for; --max-new-tokens is that of one which does not say.", HelpName = "N", DefaultValueFactory = _ => Defaults.MaxAnswerTokens };
    private static readonly Option<long> MaxBody = new("--max-request-bytes") { Description = "The largest body of a request.", HelpName = "N", DefaultValueFactory = _ => Defaults.MaxRequestBytes };
    private static readonly Option<double> Timeout = new("--timeout") { Description = "The longest that an answer may take, in seconds.", HelpName = "S", DefaultValueFactory = _ => Defaults.RequestTimeout.TotalSeconds };
    private static readonly Option<double> ShutdownTimeout = new("--shutdown-timeout") { Description = "How long running answers may go on after Ctrl+C, in seconds.", HelpName = "S", DefaultValueFactory = _ => 30 };

    public static CliCommand Create()
    {
        var command = new CliCommand("serve", """
            Serves a model with OpenAI's protocol (/v1/chat/completions, /v1/completions, /v1/models) and a chat page where people mark bad answers and write
            what is wrong; --feedback collects that as rows for drift run. Requests share one running batch. The generation settings apply where a request says nothing.

            Example: drift serve --model models/SmolLM2-135M-Instruct --feedback dsat.jsonl
            """)
        {
            CommonOptions.Model, CommonOptions.Adapter,
            Host, Port, ModelName, Feedback, SeedPairs, ApiKeyEnvironment, Origins,
            Queue, MaxPrompt, MaxAnswer, MaxBody, Timeout, ShutdownTimeout,
        };
        GenerationSettings.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        // Ctrl+C is listened to once the first task is given back.
        await Task.Yield();
        var options = Read(parsed);
        var address = Address(parsed.GetValue(Host)!);
        var port = parsed.GetValue(Port);
        if (port is < 0 or > ushort.MaxValue) throw new InvalidInputException($"--port is {port}; it must lie between 0 and 65535.");
        using var model = ModelOptions.Open(parsed);
        await using var server = await DriftServer.StartAsync(
            model, options, address, port, Seconds(parsed, ShutdownTimeout), logging => logging.AddProvider(new StandardErrorLog()), cancellation);
        Console.Error.WriteLine($"{options.ModelName} on {server.Address} (chat page) and {server.Address}v1 (OpenAI's protocol). Ctrl+C stops.");
        if (!IPAddress.IsLoopback(address) && options.ApiKey is null) Console.Error.WriteLine("Whoever reaches this address can use the model: no API key is asked for (--api-key-env).");
        await server.WaitAsync(cancellation);
        return ExitCodes.Done;
    }

    private static DriftServingOptions Read(ParseResult parsed) => new()
    {
        ModelName = parsed.GetValue(ModelName) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetValue(CommonOptions.Model)!))),
        Generation = GenerationSettings.Read(parsed),
        Batching = GenerationSettings.ReadBatching(parsed),
        MaxQueueLength = parsed.GetValue(Queue),
        MaxPromptTokens = parsed.GetValue(MaxPrompt),
        MaxAnswerTokens = parsed.GetValue(MaxAnswer),
        MaxRequestBytes = parsed.GetValue(MaxBody),
        RequestTimeout = Seconds(parsed, Timeout),
        ApiKey = parsed.GetValue(ApiKeyEnvironment) is { } name ? Key(name) : null,
        AllowedOrigins = parsed.GetValue(Origins) ?? [],
        FeedbackPath = parsed.GetValue(Feedback),
        SeedPairsPath = parsed.GetValue(SeedPairs),
    };

    private static string Key(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } key
        ? key
        : throw new InvalidInputException($"--api-key-env names {name}, but there is no such environment variable, or it is empty. Set it to the key.");

    private static IPAddress Address(string host) =>
        host == "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(host, out var address) ? address
        : throw new InvalidInputException($"--host is {host}; it must be an IP address (127.0.0.1, 0.0.0.0, ::1) or localhost.");

    private static TimeSpan Seconds(ParseResult parsed, Option<double> option)
    {
        var seconds = parsed.GetValue(option);
        return seconds is > 0 and <= 2_000_000 ? TimeSpan.FromSeconds(seconds) : throw new InvalidInputException(FormattableString.Invariant($"{option.Name} is {seconds}; it must be greater than 0 and at most 2000000 seconds."));
    }
}
