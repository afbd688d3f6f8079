using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>What is known of a list of messages without building them.</summary>
/// <param name="Count">Number of messages.</param>
/// <param name="FirstRole">Role of the first message.</param>
/// <param name="IsOneAnswer">One assistant message with nothing but text: it can stand as plain text.</param>
internal readonly record struct MessageListShape(int Count, string FirstRole, bool IsOneAnswer);

/// <summary>Reads message lists from a <see cref="Utf8JsonReader"/>, checking everything and building only what is asked for.</summary>
internal static class ChatMessageReader
{
    public const string AllowedRoles = "system, developer, user, assistant, tool, function";

    private static readonly (byte[] Utf8, ChatRole Role)[] Roles =
        [.. AllowedRoles.Split(", ").Select(role => (System.Text.Encoding.UTF8.GetBytes(role), new ChatRole(role)))];

    private static readonly JsonElement JsonNull = JsonDocument.Parse("null").RootElement;

    /// <summary>Reads the array on whose first bracket the reader stands, to its last bracket.</summary>
    /// <returns>The messages, or null if <paramref name="materialise"/> is false.</returns>
    /// <exception cref="RowProblemException">A message is malformed.</exception>
    public static List<ChatMessage>? ReadList(ref Utf8JsonReader reader, string field, bool materialise, out MessageListShape shape)
    {
        var messages = materialise ? new List<ChatMessage>(4) : null;
        shape = default;
        for (var count = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray;)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
                throw new RowProblemException(Path(field, count, ""), JsonValue.Describe(ref reader), "a message object {\"role\", \"content\"}");
            var message = ReadMessage(ref reader, field, count, materialise, out var role, out var onlyText);
            messages?.Add(message!);
            var isAnswer = count == 0 && onlyText && role == ChatRole.Assistant;
            count++;
            shape = new(count, count == 1 ? role.Value : shape.FirstRole, isAnswer);
        }
        return messages;
    }

    /// <summary>Reads the message object on whose first brace the reader stands, to its last brace.</summary>
    public static ChatMessage? ReadMessage(
        ref Utf8JsonReader reader, string field, int index, bool materialise, out ChatRole role, out bool onlyText)
    {
        ChatRole? seenRole = null;
        bool seenContent = false, nullContent = false;
        var contents = materialise ? new List<AIContent>(1) : null;
        AdditionalPropertiesDictionary? more = null;
        onlyText = true;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("role"u8))
            {
                if (seenRole is not null) throw Twice(Path(field, index, "role"));
                reader.Read();
                seenRole = ReadRole(ref reader, field, index);
            }
            else if (reader.ValueTextEquals("content"u8))
            {
                if (seenContent) throw Twice(Path(field, index, "content"));
                seenContent = true;
                reader.Read();
                nullContent = reader.TokenType == JsonTokenType.Null;
                ReadContent(ref reader, field, index, contents);
            }
            else if (KeptField(ref reader) is { } kept) onlyText &= !Keep(ref reader, Path(field, index, kept), materialise, ref more);
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
        role = seenRole ?? throw new RowProblemException(Path(field, index, "role"), "nothing", AllowedRoles);
        if (onlyText && (!seenContent || nullContent))
            throw new RowProblemException(Path(field, index, "content"), nullContent ? "null" : "nothing", "text, or an array of text parts");
        // Templates tell a content of null from an empty one.
        if (nullContent && materialise) (more ??= [])["content"] = JsonNull;
        return materialise ? new ChatMessage(role, contents!) { AdditionalProperties = more } : null;
    }

    public static RowProblemException Twice(FieldPath field) =>
        new(field, "the field twice in one object", "each field once, so that it is clear which is meant");

    private static ChatRole ReadRole(ref Utf8JsonReader reader, string field, int index)
    {
        if (reader.TokenType == JsonTokenType.String)
            foreach (var (utf8, known) in Roles)
                if (reader.ValueTextEquals(utf8)) return known;
        throw new RowProblemException(Path(field, index, "role"), JsonValue.Describe(ref reader), AllowedRoles);
    }

    private static void ReadContent(ref Utf8JsonReader reader, string field, int index, List<AIContent>? contents)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                var text = JsonValue.ReadText(ref reader, Path(field, index, "content"), contents is not null);
                contents?.Add(new TextContent(text));
                break;
            case JsonTokenType.Null:
                contents?.Add(new TextContent(""));
                break;
            case JsonTokenType.StartArray:
                for (var part = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; part++)
                    ReadPart(ref reader, field, index, part, contents);
                break;
            default:
                throw new RowProblemException(
                    Path(field, index, "content"), JsonValue.Describe(ref reader), "text, or an array of text parts");
        }
    }

    private static void ReadPart(ref Utf8JsonReader reader, string field, int index, int part, List<AIContent>? contents)
    {
        const string allowed = "a text part {\"type\": \"text\", \"text\": …}; models here read text only";
        var path = $"content[{part}]";
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new RowProblemException(Path(field, index, path), JsonValue.Describe(ref reader), allowed);
        string? text = null;
        var seen = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isText = reader.ValueTextEquals("text"u8);
            reader.Read();
            if (isType && (reader.TokenType != JsonTokenType.String || !reader.ValueTextEquals("text"u8)))
                throw new RowProblemException(Path(field, index, path + ".type"), JsonValue.Describe(ref reader), allowed);
            if (isText && reader.TokenType == JsonTokenType.String)
            {
                seen = true;
                text = JsonValue.ReadText(ref reader, Path(field, index, path + ".text"), contents is not null);
            }
            else reader.Skip();
        }
        if (!seen) throw new RowProblemException(Path(field, index, path + ".text"), "no text", allowed);
        contents?.Add(new TextContent(text));
    }

    private static string? KeptField(ref Utf8JsonReader reader)
    {
        foreach (var field in ChatMessageJson.KeptFields)
            if (reader.ValueTextEquals(field)) return field;
        return null;
    }

    /// <summary>Keeps a field a template may read; false for null, which says nothing.</summary>
    private static bool Keep(ref Utf8JsonReader reader, FieldPath field, bool materialise, ref AdditionalPropertiesDictionary? more)
    {
        reader.Read();
        JsonValue.CheckTexts(reader, field);
        var says = reader.TokenType != JsonTokenType.Null;
        if (!says || !materialise) reader.Skip();
        else (more ??= [])[field.Member] = JsonElement.ParseValue(ref reader);
        return says;
    }

    private static FieldPath Path(string field, int index, string member) => new(field, index, member);
}
