using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>A chat client for any endpoint that speaks OpenAI's chat-completions protocol: text in, text out, streaming, log-probabilities.</summary>
/// <remarks>
/// <para>It sends one request for each call and does not retry: <see cref="Judge"/> does. It may be used by several threads at a time.</para>
/// <para>Log-probabilities are asked for as OpenAI does, with <c>logprobs</c> and <c>top_logprobs</c> in <see cref="ChatOptions.AdditionalProperties"/>; the response then has the choice's <c>logprobs</c> object as
/// <c>logprobs</c> in its additional properties. Further additional properties go into the request as they are.</para>
/// <para>Tools, and contents other than text, are refused.</para>
/// </remarks>
public sealed class OpenAICompatibleChatClient : IChatClient
{
    private readonly HttpClient _http;
    private readonly bool _ownsHttp;
    private readonly Uri _completions;
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly ChatClientMetadata _metadata;

    /// <summary>A client for an endpoint.</summary>
    /// <param name="endpoint">The address before <c>/chat/completions</c>, such as <c>https://api.openai.com/v1</c>; http or https.</param>
    /// <param name="model">The model's name; <see cref="ChatOptions.ModelId"/> of a call overrides it.</param>
    /// <param name="apiKey">The key, sent as a bearer token and never logged; null for an endpoint that wants none.</param>
    /// <param name="http">The HTTP client to use; it stays the caller's. Null: one of its own, whose calls end by their cancellation token alone.</param>
    /// <exception cref="ArgumentException">The endpoint is not an absolute http or https address, or the model has no name.</exception>
    public OpenAICompatibleChatClient(Uri endpoint, string model, string? apiKey = null, HttpClient? http = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentException.ThrowIfNullOrWhiteSpace(model);
        if (!endpoint.IsAbsoluteUri || endpoint.Scheme is not ("http" or "https")) throw new ArgumentException($"The endpoint is \"{endpoint}\"; it must be an absolute http or https address.", nameof(endpoint));
        _completions = new Uri($"{endpoint.GetLeftPart(UriPartial.Path).TrimEnd('/')}/chat/completions{endpoint.Query}");
        _authorization = string.IsNullOrEmpty(apiKey) ? null : new("Bearer", apiKey);
        _metadata = new ChatClientMetadata("openai-compatible", endpoint, model);
        (_http, _ownsHttp) = http is null ? (new HttpClient { Timeout = Timeout.InfiniteTimeSpan }, true) : (http, false);
    }

    /// <summary>A client whose key stands in an environment variable, so that it stands on no command line and in no file.</summary>
    /// <param name="endpoint">The address before <c>/chat/completions</c>.</param>
    /// <param name="model">The model's name.</param>
    /// <param name="variable">The environment variable.</param>
    /// <exception cref="ArgumentException">The variable is not set, or the endpoint or the model is bad.</exception>
    public static OpenAICompatibleChatClient FromEnvironment(Uri endpoint, string model, string variable = "OPENAI_API_KEY")
    {
        ArgumentException.ThrowIfNullOrEmpty(variable);
        var key = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(key)) throw new ArgumentException($"The environment variable {variable} is not set; it must hold the endpoint's API key.", nameof(variable));
        return new(endpoint, model, key);
    }

    /// <inheritdoc/>
    /// <exception cref="ChatEndpointException">The endpoint refused, or its answer is not the protocol.</exception>
    /// <exception cref="HttpRequestException">The endpoint could not be reached.</exception>
    /// <exception cref="NotSupportedException">The call has tools, or contents other than text.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(messages, options, streaming: false, cancellationToken).ConfigureAwait(false);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        return ChatCompletionJson.Response(Parse(body));
    }

    /// <inheritdoc/>
    /// <exception cref="ChatEndpointException">The endpoint refused, its answer is not the protocol, or the stream broke off.</exception>
    /// <exception cref="HttpRequestException">The endpoint could not be reached.</exception>
    /// <exception cref="NotSupportedException">The call has tools, or contents other than text.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(messages, options, streaming: true, cancellationToken).ConfigureAwait(false);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var complete = false;
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancellationToken).ConfigureAwait(false))
        {
            if (item.Data == "[DONE]")
            {
                complete = true;
                break;
            }
            var update = ChatCompletionJson.Update(Parse(System.Text.Encoding.UTF8.GetBytes(item.Data)));
            complete |= update.FinishReason is not null;
            yield return update;
        }
        if (!complete) throw new ChatEndpointException("The endpoint's stream ended before the answer did.", status: null);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(ChatClientMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Closes the connections, unless the HTTP client is the caller's.</summary>
    public void Dispose()
    {
        if (_ownsHttp) _http.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(IEnumerable<ChatMessage> messages, ChatOptions? options, bool streaming, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using var request = new HttpRequestMessage(HttpMethod.Post, _completions) { Content = new ByteArrayContent(ChatCompletionJson.Request([.. messages], options, _metadata.DefaultModelId!, streaming)) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Authorization = _authorization;
        var completion = streaming ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead;
        var response = await _http.SendAsync(request, completion, cancellationToken).ConfigureAwait(false);
        if (response.IsSuccessStatusCode) return response;
        using (response) throw await RefusalAsync(response, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ChatEndpointException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        // Some endpoints repeat the key they refuse.
        if (_authorization?.Parameter is { } key) body = body.Replace(key, "***", StringComparison.Ordinal);
        var retryAfter = response.Headers.RetryAfter is not { } header ? null : header.Delta ?? (header.Date is { } date ? date - DateTimeOffset.UtcNow : (TimeSpan?)null);
        var text = body.Length <= 500 ? body : body[..500] + "…";
        return new ChatEndpointException($"{_completions} answered {(int)response.StatusCode} {response.ReasonPhrase}: {text}", response.StatusCode, retryAfter > TimeSpan.Zero ? retryAfter : null);
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new ChatEndpointException($"The endpoint's answer is not JSON: {error.Message}", HttpStatusCode.BadGateway, inner: error);
        }
    }
}
