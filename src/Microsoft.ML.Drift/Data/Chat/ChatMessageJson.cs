using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>A list of messages as JSON: <c>[{"role": …, "content": …}, …]</c>.</summary>
internal static class ChatMessageJson
{
    /// <summary>Message fields beside role and content that are kept, in <see cref="ChatMessage.AdditionalProperties"/>, as
    /// <see cref="JsonElement"/>: chat templates read them. Other fields (time stamps, scores …) are not the model's business.</summary>
    public static readonly string[] KeptFields = ["name", "tool_calls", "tool_call_id", "reasoning_content", "thinking"];

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a complete JSON text that holds an array of messages.</summary>
    /// <exception cref="RowProblemException">A message is malformed.</exception>
    public static IReadOnlyList<ChatMessage> ReadMessages(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        reader.Read();
        try
        {
            return ChatMessageReader.ReadList(ref reader, "messages", materialise: true, out _)!;
        }
        catch (InvalidOperationException exception) // Comparing a name or a word with a lone surrogate throws.
        {
            throw JsonValue.HalfSurrogate("messages", exception);
        }
    }

    /// <summary>
    /// True, with the text as UTF-8, if it is one JSON array of at least one object, and every object has the fields role and content
    /// (or role and tool_calls).
    /// </summary>
    public static bool LooksLikeMessages(ReadOnlySpan<char> text, out byte[] utf8)
    {
        utf8 = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, utf8);
        try
        {
            var reader = new Utf8JsonReader(utf8);
            var count = 0;
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray) return false;
            for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; count++)
                if (reader.TokenType != JsonTokenType.StartObject || !HasMessageFields(ref reader)) return false;
            return count > 0 && !reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // The latter for a key with a lone surrogate.
        {
            return false;
        }
    }

    /// <summary>The messages as UTF-8 JSON.</summary>
    public static byte[] Write(IReadOnlyList<ChatMessage> messages)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Readable)) Write(writer, messages);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes the messages as a JSON array.</summary>
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<ChatMessage> messages)
    {
        writer.WriteStartArray();
        foreach (var message in messages) Write(writer, message);
        writer.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter writer, ChatMessage message)
    {
        if (message.Contents.FirstOrDefault(content => content is not TextContent) is { } other)
            throw new NotSupportedException(
                $"A {message.Role} message holds {other.GetType().Name}; only text is written to JSON messages. Turn it into text first.");
        WriteTurn(writer, message.Role.Value, message.Text, message.AdditionalProperties);
    }

    /// <summary>Writes one message object.</summary>
    public static void WriteTurn(Utf8JsonWriter writer, string role, ReadOnlySpan<char> content, AdditionalPropertiesDictionary? more = null)
    {
        writer.WriteStartObject();
        writer.WriteString("role", role);
        if (content.IsEmpty && more is not null && more.TryGetValue("content", out var none) && none is JsonElement { ValueKind: JsonValueKind.Null })
            writer.WriteNull("content");
        else writer.WriteString("content", content);
        foreach (var field in KeptFields)
        {
            if (more is null || !more.TryGetValue(field, out var value)) continue;
            writer.WritePropertyName(field);
            JsonSerializer.Serialize(writer, value);
        }
        writer.WriteEndObject();
    }

    private static bool HasMessageFields(ref Utf8JsonReader reader)
    {
        bool role = false, content = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            role |= reader.ValueTextEquals("role"u8);
            content |= reader.ValueTextEquals("content"u8) || reader.ValueTextEquals("tool_calls"u8);
            reader.Read();
            reader.Skip();
        }
        return role && content;
    }
}
