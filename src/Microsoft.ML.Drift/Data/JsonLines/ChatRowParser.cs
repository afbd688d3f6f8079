using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// Reads one line into a <see cref="ParsedRow"/>. Everything that is read is also checked, whether it is wanted or not, so that the same
/// rows are bad whichever columns are active.
/// </summary>
internal sealed class ChatRowParser(string idField, IReadOnlyList<string> extraFields)
{
    private const string OneObject = "one JSON object per line, in UTF-8";

    private static readonly (string Name, RowFields Field)[] Names =
    [
        ("prompt", RowFields.Prompt), ("chosen", RowFields.Chosen), ("rejected", RowFields.Rejected),
        ("completion", RowFields.Completion), ("user_preference", RowFields.Feedback), ("messages", RowFields.Messages),
        ("conversation", RowFields.Conversation), ("chosen_finish_reason", RowFields.ChosenFinishReason), ("text", RowFields.Text), ("tools", RowFields.Tools),
    ];

    /// <summary>The field of a name, None if the name has no meaning of its own.</summary>
    public static RowFields FieldOf(string name) => Names.FirstOrDefault(each => each.Name == name).Field;

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="read">Fields to read and check; others are passed over.</param>
    /// <param name="wanted">Fields whose values are to be built.</param>
    /// <param name="row">Receives the values.</param>
    /// <exception cref="RowProblemException">The line is not a sound row.</exception>
    public void Parse(ReadOnlySpan<byte> line, RowFields read, RowFields wanted, ParsedRow row)
    {
        row.Clear();
        if (!Utf8.IsValid(line)) throw NotUtf8(line);
        try
        {
            var reader = new Utf8JsonReader(line);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw new RowProblemException("", JsonValue.Describe(ref reader), OneObject);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) ReadField(ref reader, line, read, wanted, row);
            reader.Read();
        }
        catch (JsonException exception)
        {
            throw new RowProblemException("", BrokenJson(line, exception), OneObject, exception);
        }
        catch (InvalidOperationException exception) // Comparing a name or a word with such an escape throws.
        {
            throw JsonValue.HalfSurrogate("", exception);
        }
    }

    private void ReadField(ref Utf8JsonReader reader, ReadOnlySpan<byte> line, RowFields read, RowFields wanted, ParsedRow row)
    {
        foreach (var (name, field) in Names)
        {
            if (!reader.ValueTextEquals(name)) continue;
            if (!read.HasFlag(field)) break;
            if (row.Present.HasFlag(field)) throw ChatMessageReader.Twice(name);
            row.Present |= field;
            reader.Read();
            if (field == RowFields.Tools) row.Tools = ReadJson(ref reader, line, name);
            else Store(row, field, ReadValue(ref reader, name, field, wanted.HasFlag(field)));
            return;
        }
        if (reader.ValueTextEquals(idField)) ReadId(ref reader, row);
        else if (ExtraIndex(ref reader) is var extra and >= 0) ReadExtra(ref reader, line, extra, row);
        else
        {
            reader.Read();
            reader.Skip();
        }
    }

    private static RowValue ReadValue(ref Utf8JsonReader reader, string name, RowFields field, bool wanted)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return default;
            case JsonTokenType.String when field is not (RowFields.Messages or RowFields.Conversation):
                return new RowValue(JsonTokenType.String, JsonValue.ReadText(ref reader, name, wanted));
            case JsonTokenType.StartArray when field is not (RowFields.Feedback or RowFields.ChosenFinishReason or RowFields.Text):
                var messages = ChatMessageReader.ReadList(ref reader, name, wanted, out var shape);
                return new RowValue(JsonTokenType.StartArray, null, messages, shape);
            case JsonTokenType.StartObject when field is RowFields.Feedback:
                var message = ChatMessageReader.ReadMessage(ref reader, name, -1, wanted, out var role, out _);
                return new RowValue(JsonTokenType.StartArray, null, message is null ? null : [message], new(1, role.Value, false));
            default:
                throw new RowProblemException(name, JsonValue.Describe(ref reader), field switch
                {
                    RowFields.Feedback => "the user's message {\"role\", \"content\"}, or its text",
                    RowFields.ChosenFinishReason or RowFields.Text => "text",
                    RowFields.Messages or RowFields.Conversation => "a list of messages",
                    _ => "a list of messages, or text",
                });
        }
    }

    private static void Store(ParsedRow row, RowFields field, RowValue value)
    {
        switch (field)
        {
            case RowFields.Prompt: row.Prompt = value; break;
            case RowFields.Chosen: row.Chosen = value; break;
            case RowFields.Rejected: row.Rejected = value; break;
            case RowFields.Completion: row.Completion = value; break;
            case RowFields.Feedback: row.Feedback = value; break;
            case RowFields.ChosenFinishReason: row.ChosenFinishReason = value; break;
            case RowFields.Text: row.WholeText = value; break;
            case RowFields.Messages: row.Messages = value; break;
            case RowFields.Conversation when row.Messages.IsAbsent: row.Messages = value; break;
        }
    }

    private void ReadId(ref Utf8JsonReader reader, ParsedRow row)
    {
        if (row.Present.HasFlag(RowFields.Id)) throw ChatMessageReader.Twice(idField);
        row.Present |= RowFields.Id;
        reader.Read();
        row.Id = reader.TokenType switch
        {
            JsonTokenType.String => JsonValue.ReadText(ref reader, idField, materialise: true),
            JsonTokenType.Number => Encoding.UTF8.GetString(reader.ValueSpan),
            JsonTokenType.Null => null,
            _ => throw new RowProblemException(idField, JsonValue.Describe(ref reader), "text or a number"),
        };
        if (row.Id is { Length: 0 }) throw new RowProblemException(idField, "an empty text", "text that names the row, or no such field");
    }

    private void ReadExtra(ref Utf8JsonReader reader, ReadOnlySpan<byte> line, int index, ParsedRow row)
    {
        if (row.Extras[index] is not null) throw ChatMessageReader.Twice(extraFields[index]);
        reader.Read();
        row.Extras[index] = ReadJson(ref reader, line, extraFields[index]) ?? "";
    }

    /// <summary>A string as it is, null as null, anything else as its JSON.</summary>
    private static string? ReadJson(ref Utf8JsonReader reader, ReadOnlySpan<byte> line, string name)
    {
        if (reader.TokenType == JsonTokenType.String) return JsonValue.ReadText(ref reader, name, materialise: true);
        if (reader.TokenType == JsonTokenType.Null) return null;
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return Encoding.UTF8.GetString(line[start..(int)reader.BytesConsumed]);
    }

    private int ExtraIndex(ref Utf8JsonReader reader)
    {
        for (var i = 0; i < extraFields.Count; i++)
            if (reader.ValueTextEquals(extraFields[i])) return i;
        return -1;
    }

    private static RowProblemException NotUtf8(ReadOnlySpan<byte> line) => new(
        "",
        line.StartsWith<byte>([0xFF, 0xFE]) || line.StartsWith<byte>([0xFE, 0xFF]) ? "a UTF-16 byte order mark" : "bytes that are not UTF-8",
        OneObject);

    private static string BrokenJson(ReadOnlySpan<byte> line, JsonException exception)
    {
        if (line.Contains((byte)0)) return "NUL bytes (a damaged file, or one that is not UTF-8)";
        var reason = exception.Message.Split(" LineNumber:")[0].TrimEnd('.');
        return $"broken JSON at byte {exception.BytePositionInLine} of the line ({reason})";
    }
}
