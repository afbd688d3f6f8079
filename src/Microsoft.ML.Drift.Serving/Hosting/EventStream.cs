using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Microsoft.ML.Drift.Serving.Hosting;

/// <summary>Server-sent events: each a line <c>data: …</c> and an empty line.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpResponse _response;
    private readonly Utf8JsonWriter _json;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    public EventStream(HttpContext context)
    {
        _response = context.Response;
        _response.ContentType = "text/event-stream; charset=utf-8";
        _response.Headers.CacheControl = "no-cache, no-store";
        _response.Headers.XContentTypeOptions = "nosniff";
        // nginx would keep the events back otherwise.
        _response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        _json = new(_buffer, JsonResponse.Readable);
    }

    /// <summary>Sends one event, unless <paramref name="write"/> says that there is none.</summary>
    public async Task Send(Func<Utf8JsonWriter, bool> write, CancellationToken cancellation)
    {
        _json.Reset();
        _buffer.ResetWrittenCount();
        _buffer.Write("data: "u8);
        if (!write(_json)) return;
        await _json.FlushAsync(cancellation);
        _buffer.Write("\n\n"u8);
        await Flush(cancellation);
    }

    /// <summary>A comment, which clients ignore: it keeps proxies from closing a connection on which nothing happens.</summary>
    public Task SendComment(CancellationToken cancellation) => SendRaw(": waiting\n\n"u8, cancellation);

    public Task SendDone(CancellationToken cancellation) => SendRaw("data: [DONE]\n\n"u8, cancellation);

    public ValueTask DisposeAsync() => _json.DisposeAsync();

    private Task SendRaw(ReadOnlySpan<byte> text, CancellationToken cancellation)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write(text);
        return Flush(cancellation);
    }

    private async Task Flush(CancellationToken cancellation)
    {
        await _response.BodyWriter.WriteAsync(_buffer.WrittenMemory, cancellation);
        await _response.BodyWriter.FlushAsync(cancellation);
    }
}
