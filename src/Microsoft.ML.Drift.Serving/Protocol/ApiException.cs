using Microsoft.AspNetCore.Http;

namespace Microsoft.ML.Drift.Serving.Protocol;

/// <summary>A request that cannot be answered, in the words of OpenAI's error bodies.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="type">The kind of error: invalid_request_error, authentication_error, …</param>
/// <param name="message">What was found and what is allowed.</param>
/// <param name="code">A short name for programs.</param>
/// <param name="parameter">The field that is wrong.</param>
internal sealed class ApiException(int status, string type, string message, string? code = null, string? parameter = null) : Exception(message)
{
    public int Status => status;

    public string Type => type;

    public string? Code => code;

    public string? Parameter => parameter;

    /// <summary>Seconds after which to try again.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>A field of the request is wrong.</summary>
    public static ApiException BadRequest(string message, string? parameter = null, string? code = null) =>
        new(StatusCodes.Status400BadRequest, "invalid_request_error", message, code, parameter);

    public static ApiException PromptTooLong(int tokens, int allowed, string parameter) => BadRequest(
        $"The prompt has {tokens} tokens; at most {allowed} are allowed. Shorten it.", parameter, "context_length_exceeded");

    public static ApiException UnknownModel(string name, string served) =>
        new(StatusCodes.Status404NotFound, "invalid_request_error", $"The model '{name}' does not exist here; this server has '{served}'.", "model_not_found", "model");

    public static ApiException WrongKey() =>
        new(StatusCodes.Status401Unauthorized, "authentication_error", "The API key is missing or wrong; send it as 'Authorization: Bearer KEY'.", "invalid_api_key");

    public static ApiException ForeignOrigin(string origin) =>
        new(StatusCodes.Status403Forbidden, "permission_error", $"Pages of the origin '{origin}' may not call this server; its owner can allow them.", "origin_not_allowed");

    public static ApiException TooLarge(long bytes) =>
        new(StatusCodes.Status413PayloadTooLarge, "invalid_request_error", $"The request's body is larger than the {bytes} bytes that are allowed.", "request_too_large");

    public static ApiException NotJson(string? contentType) => new(
        StatusCodes.Status415UnsupportedMediaType, "invalid_request_error", $"The content type is '{contentType}'; send the body as application/json.", "unsupported_media_type");

    public static ApiException Busy(int retryAfter) =>
        new(StatusCodes.Status429TooManyRequests, "rate_limit_error", $"Too many requests are waiting; try again in {retryAfter} s.", "queue_full") { RetryAfter = retryAfter };

    public static ApiException ShuttingDown() =>
        new(StatusCodes.Status503ServiceUnavailable, "server_error", "The server is shutting down; it only finishes the answers it began.", "shutting_down") { RetryAfter = 5 };

    public static ApiException Timeout(TimeSpan limit) =>
        new(StatusCodes.Status504GatewayTimeout, "timeout_error", $"The answer took longer than the {limit.TotalSeconds:0.###} s that are allowed.", "timeout");

    public static ApiException Failed() =>
        new(StatusCodes.Status500InternalServerError, "server_error", "The server could not answer; its log says why.", "internal_error");
}
