using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Microsoft.ML.Drift.Serving.Hosting;

/// <summary>Responses in JSON.</summary>
internal static class JsonResponse
{
    /// <summary>Text is written as it is; only what would end a line or a string is escaped. No answer is ever put into HTML unescaped.</summary>
    public static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task SendJson(this HttpResponse response, Action<Utf8JsonWriter> write)
    {
        var buffer = new MemoryStream();
        await using (var json = new Utf8JsonWriter(buffer, Readable)) write(json);
        response.ContentType = "application/json; charset=utf-8";
        response.Headers.XContentTypeOptions = "nosniff";
        response.ContentLength = buffer.Length;
        await response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), response.HttpContext.RequestAborted);
    }
}
