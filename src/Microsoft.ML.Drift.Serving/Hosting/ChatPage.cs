using Microsoft.AspNetCore.Http;
using Microsoft.ML.Drift.Serving.Feedback;
using Microsoft.Net.Http.Headers;

namespace Microsoft.ML.Drift.Serving.Hosting;

/// <summary>The page where people talk to the model: three embedded files, and what they need to know of the server.</summary>
internal sealed class ChatPage(DriftServingOptions options, FeedbackFiles feedback)
{
    /// <summary>Nothing from elsewhere, nothing inline, no framing: even if an answer got into the page as HTML, it could do nothing.</summary>
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly RequestDelegate Index = File("chat.html", "text/html; charset=utf-8");

    /// <summary>One of the page's files.</summary>
    public static RequestDelegate File(string name, string contentType)
    {
        var content = new Lazy<byte[]>(() => Read(name));
        return async context =>
        {
            SetHeaders(context.Response);
            context.Response.ContentType = contentType;
            context.Response.ContentLength = content.Value.Length;
            if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(content.Value, context.RequestAborted);
        };
    }

    /// <summary>The page itself. Its links are relative, so its address must end with a slash.</summary>
    public static async Task Html(HttpContext context)
    {
        var request = context.Request;
        if (request.Path.Value is { Length: > 0 } path && path[^1] != '/') context.Response.Redirect($"{request.PathBase}{request.Path}/{request.QueryString}");
        else await Index(context);
    }

    /// <summary>What the page needs to know of the server; no secret is in it.</summary>
    public Task Settings(HttpContext context)
    {
        SetHeaders(context.Response);
        return context.Response.SendJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("model", options.ModelName);
            json.WriteBoolean("key", options.ApiKey is not null);
            json.WriteBoolean("feedback", feedback.TakesComplaints);
            json.WriteBoolean("pairs", feedback.TakesPairs);
            json.WriteEndObject();
        });
    }

    private static void SetHeaders(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers[HeaderNames.CacheControl] = "no-cache";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    private static byte[] Read(string name)
    {
        using var stream = typeof(ChatPage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The assembly lacks its resource {name}.");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
