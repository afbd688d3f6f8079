using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.ML.Drift.Serving.Answering;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Hosting;

/// <summary>What is served and how it is: <c>/v1/models</c> and <c>/health</c>.</summary>
internal sealed class StatusEndpoints(AnswerService answers, DriftServingOptions options, IHostApplicationLifetime lifetime)
{
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public Task Models(HttpContext context) => context.Response.SendJson(json =>
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        WriteModel(json);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    public Task Model(HttpContext context)
    {
        // Clients escape the slash of a name like org/model, and routing leaves it escaped.
        var name = Uri.UnescapeDataString((string)context.Request.RouteValues["model"]!);
        return name == options.ModelName ? context.Response.SendJson(WriteModel) : throw ApiException.UnknownModel(name, options.ModelName);
    }

    /// <summary>The process runs.</summary>
    public Task Live(HttpContext context) => SendHealth(context, isReady: true);

    /// <summary>The process takes requests.</summary>
    public Task Ready(HttpContext context)
    {
        var isReady = !lifetime.ApplicationStopping.IsCancellationRequested;
        if (!isReady) context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return SendHealth(context, isReady);
    }

    private Task SendHealth(HttpContext context, bool isReady)
    {
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.SendJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("status", isReady ? "ok" : "stopping");
            json.WriteNumber("running", answers.Running);
            json.WriteNumber("waiting", answers.Waiting);
            json.WriteNumber("generated_tokens", answers.GeneratedTokens);
            json.WriteEndObject();
        });
    }

    private void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", options.ModelName);
        json.WriteString("object", "model");
        json.WriteNumber("created", _created);
        json.WriteString("owned_by", "microsoft.ml.drift");
        json.WriteEndObject();
    }
}
