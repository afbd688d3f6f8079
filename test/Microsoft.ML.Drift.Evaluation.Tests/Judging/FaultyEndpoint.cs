using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Microsoft.ML.Drift.Evaluation.Tests.Judging;

/// <summary>What the endpoint does with a request.</summary>
public enum Fault
{
    None,
    RateLimit,
    RateLimitWithRetryAfter,
    ServerError,
    Reset,
    TruncatedBody,
    NotJson,
    NotTheProtocol,
    Hang,
    MalformedReply,
    Unauthorized,
    BadRequest,
}

/// <summary>A real HTTP server on the loopback that speaks OpenAI's protocol, fails as it is told, and counts every request.</summary>
internal sealed class FaultyEndpoint : IAsyncDisposable
{
    public const string Key = "secret-key-0123";

    private readonly WebApplication _app;
    private readonly Func<string, int, Fault> _faultOf;
    private readonly Func<string, string> _replyOf;
    private readonly ConcurrentDictionary<string, int> _requests = new();
    private int _running;

    private FaultyEndpoint(Func<string, int, Fault> faultOf, Func<string, string> replyOf)
    {
        (_faultOf, _replyOf) = (faultOf, replyOf);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/v1/chat/completions", Answer);
    }

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/v1");

    /// <summary>Requests by the text of their first message.</summary>
    public IReadOnlyDictionary<string, int> Requests => _requests;

    public ConcurrentDictionary<Fault, int> Faults { get; } = new();

    /// <summary>Complete, billed answers, with the conversation they were given to.</summary>
    public ConcurrentBag<string> Billed { get; } = [];

    public ConcurrentBag<JsonNode> Bodies { get; } = [];

    public int MostAtOnce { get; private set; }

    /// <param name="faultOf">The fault by the first message's text and how often that was asked before.</param>
    /// <param name="replyOf">The reply by the first message's text.</param>
    public static async Task<FaultyEndpoint> StartAsync(Func<string, int, Fault>? faultOf = null, Func<string, string>? replyOf = null)
    {
        var endpoint = new FaultyEndpoint(faultOf ?? ((_, _) => Fault.None), replyOf ?? (question => $"echo {question}"));
        await endpoint._app.StartAsync();
        return endpoint;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task Answer(HttpContext context)
    {
        var now = Interlocked.Increment(ref _running);
        lock (_app) MostAtOnce = Math.Max(MostAtOnce, now);
        try
        {
            await Respond(context);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private async Task Respond(HttpContext context)
    {
        if (context.Request.Headers.Authorization != $"Bearer {Key}")
        {
            context.Response.StatusCode = 401;
            await context.Response.WriteAsync($"{{\"error\":{{\"message\":\"Incorrect API key: {context.Request.Headers.Authorization.ToString().Split(' ')[^1]}\"}}}}");
            return;
        }
        var body = (await JsonNode.ParseAsync(context.Request.Body))!;
        Bodies.Add(body);
        var question = body["messages"]![0]!["content"]!.GetValue<string>();
        var earlier = _requests.AddOrUpdate(question, 1, (_, count) => count + 1) - 1;
        var fault = _faultOf(question, earlier);
        Faults.AddOrUpdate(fault, 1, (_, count) => count + 1);
        if (body["stream"]?.GetValue<bool>() == true)
        {
            await Stream(context, fault, _replyOf(question));
            return;
        }
        await Respond(context, fault, body, question);
    }

    private async Task Respond(HttpContext context, Fault fault, JsonNode body, string question)
    {
        var response = context.Response;
        var reply = fault == Fault.MalformedReply ? "I would rather not say" : _replyOf(question);
        switch (fault)
        {
            case Fault.RateLimit or Fault.RateLimitWithRetryAfter:
                if (fault == Fault.RateLimitWithRetryAfter) response.Headers.RetryAfter = "1";
                response.StatusCode = 429;
                return;
            case Fault.ServerError:
                response.StatusCode = 503;
                return;
            case Fault.Unauthorized:
                response.StatusCode = 403;
                return;
            case Fault.BadRequest:
                response.StatusCode = 400;
                await response.WriteAsync("{\"error\":{\"message\":\"maximum context length\"}}");
                return;
            case Fault.Reset:
                context.Abort();
                return;
            case Fault.Hang:
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            case Fault.TruncatedBody:
                response.ContentLength = 5000;
                await response.WriteAsync("{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"echo");
                await response.Body.FlushAsync();
                context.Abort();
                return;
            case Fault.NotJson:
                await response.WriteAsync("<html>Bad gateway</html>");
                return;
            case Fault.NotTheProtocol:
                await response.WriteAsync("{\"choices\":[]}");
                return;
            default:
                await response.WriteAsync(Completion(reply, body["logprobs"] is not null).ToJsonString());
                Billed.Add(body["messages"]!.ToJsonString());
                return;
        }
    }

    /// <summary>Ten tokens in, two out. A reply "p=0.7" has the log-probabilities of m and M for it.</summary>
    private static JsonObject Completion(string reply, bool logProbs)
    {
        var choice = new JsonObject { ["index"] = 0, ["finish_reason"] = "stop", ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = reply } };
        if (logProbs && reply.StartsWith("p=", StringComparison.Ordinal))
        {
            var p = double.Parse(reply[2..], CultureInfo.InvariantCulture);
            var top = new JsonArray(new JsonObject { ["token"] = "m", ["logprob"] = Math.Log(p) }, new JsonObject { ["token"] = "M", ["logprob"] = Math.Log(1 - p) });
            choice["logprobs"] = new JsonObject { ["content"] = new JsonArray(new JsonObject { ["token"] = "m", ["logprob"] = Math.Log(p), ["top_logprobs"] = top }) };
        }
        return new JsonObject
        {
            ["id"] = "r1", ["model"] = "judge-2024", ["choices"] = new JsonArray(choice),
            ["usage"] = new JsonObject { ["prompt_tokens"] = 10, ["completion_tokens"] = 2, ["total_tokens"] = 12 },
        };
    }

    private static async Task Stream(HttpContext context, Fault fault, string reply)
    {
        context.Response.ContentType = "text/event-stream";
        foreach (var letter in reply)
        {
            await Chunk(new JsonObject { ["id"] = "r1", ["choices"] = new JsonArray(new JsonObject { ["delta"] = new JsonObject { ["content"] = letter.ToString() } }) });
            if (fault == Fault.TruncatedBody) return;
        }
        await Chunk(new JsonObject { ["choices"] = new JsonArray(new JsonObject { ["delta"] = new JsonObject(), ["finish_reason"] = "stop" }) });
        await Chunk(new JsonObject { ["choices"] = new JsonArray(), ["usage"] = new JsonObject { ["prompt_tokens"] = 10, ["completion_tokens"] = reply.Length } });
        await context.Response.WriteAsync("data: [DONE]\n\n");

        async Task Chunk(JsonNode chunk) => await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {chunk.ToJsonString(JsonSerializerOptions.Default)}\n\n"));
    }
}
