using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Hosting;

/// <summary>What stands before every endpoint: who may call it and from where, how large a body may be, and how errors are told.</summary>
internal sealed class RequestGuard(DriftServingOptions options, IHostApplicationLifetime lifetime, ILogger logger)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    private readonly byte[]? _keyHash = options.ApiKey is { } key ? SHA256.HashData(Encoding.UTF8.GetBytes(key)) : null;

    /// <summary>An endpoint for callers with the key, from allowed origins.</summary>
    public RequestDelegate Guarded(RequestDelegate handle) => context => Run(context, async () =>
    {
        CheckOrigin(context);
        CheckKey(context.Request);
        await handle(context);
    });

    /// <summary>An endpoint that takes a JSON body, but none while the server shuts down.</summary>
    public RequestDelegate GuardedBody(Func<HttpContext, JsonElement, Task> handle) => Guarded(async context =>
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested) throw ApiException.ShuttingDown();
        using var body = await ReadBody(context);
        await handle(context, body.RootElement);
    });

    /// <summary>Answers a browser's question whether a page of another origin may call.</summary>
    public Task Preflight(HttpContext context) => Run(context, () =>
    {
        CheckOrigin(context);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers.AccessControlAllowMethods = "GET, POST";
        context.Response.Headers.AccessControlAllowHeaders = "authorization, content-type";
        context.Response.Headers.AccessControlMaxAge = "600";
        return Task.CompletedTask;
    });

    /// <summary>Runs a handler; what it throws becomes an error body, or the connection's end where the answer has begun.</summary>
    private async Task Run(HttpContext context, Func<Task> handle)
    {
        try
        {
            await handle();
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; there is nobody to tell.
        }
        catch (Exception error)
        {
            var told = error as ApiException ?? Unexpected(context, error);
            if (context.Response.HasStarted) context.Abort();
            else await ErrorBody.Send(context, told);
        }
    }

    private ApiException Unexpected(HttpContext context, Exception error)
    {
        if (error is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }) return ApiException.TooLarge(options.MaxRequestBytes);
        if (error is BadHttpRequestException bad) return new(bad.StatusCode, "invalid_request_error", bad.Message);
        logger.LogError(error, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
        return ApiException.Failed();
    }

    // Browsers send cross-origin requests even where they then withhold the answer from the page; without this, any web page could use a server on its reader's machine.
    private void CheckOrigin(HttpContext context)
    {
        if (context.Request.Headers.Origin is not [{ Length: > 0 } origin]) return;
        if (Uri.TryCreate(origin, UriKind.Absolute, out var uri) && string.Equals(uri.Authority, HostWithoutDefaultPort(uri.Scheme, context.Request.Host), StringComparison.OrdinalIgnoreCase)) return;
        if (!options.AllowedOrigins.Contains(origin, StringComparer.OrdinalIgnoreCase)) throw ApiException.ForeignOrigin(origin);
        context.Response.Headers.AccessControlAllowOrigin = origin;
        context.Response.Headers.AccessControlExposeHeaders = "retry-after";
        context.Response.Headers.Vary = "Origin";
    }

    private static string HostWithoutDefaultPort(string scheme, HostString host) =>
        host.Port is { } port && port == (scheme == Uri.UriSchemeHttps ? 443 : 80) ? host.Host : host.Value ?? "";

    private void CheckKey(HttpRequest request)
    {
        if (_keyHash is null) return;
        const string scheme = "Bearer ";
        var given = request.Headers.Authorization is [{ } header] && header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? header[scheme.Length..].Trim() : "";
        // Hashes have one length, and are compared in one time.
        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), _keyHash)) throw ApiException.WrongKey();
    }

    private async Task<JsonDocument> ReadBody(HttpContext context)
    {
        // A form's content types pass browsers' checks unasked; JSON does not.
        if (!context.Request.HasJsonContentType()) throw ApiException.NotJson(context.Request.ContentType);
        if (context.Request.ContentLength > options.MaxRequestBytes) throw ApiException.TooLarge(options.MaxRequestBytes);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = options.MaxRequestBytes;
        try
        {
            return await JsonDocument.ParseAsync(context.Request.Body, Strict, context.RequestAborted);
        }
        catch (JsonException error)
        {
            throw ApiException.BadRequest($"The body is not valid JSON: {error.Message}", code: "invalid_json");
        }
    }
}
