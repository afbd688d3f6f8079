using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Data;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// Writes rows as JSON Lines that <c>LoadFromChatJsonLines</c> reads. The file appears whole or not at all: rows go to a temporary file
/// beside it, which is flushed to the disk and renamed.
/// </summary>
internal static class ChatJsonLinesWriter
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private delegate void FieldWriter(Utf8JsonWriter json);

    /// <exception cref="ArgumentException">A column has a type that JSON Lines do not hold.</exception>
    public static void Write(IDataView data, string path) => AtomicFile.Write(path, file => Write(data, file));

    /// <summary>Writes the rows to a stream, which stays open.</summary>
    /// <exception cref="ArgumentException">A column has a type that JSON Lines do not hold.</exception>
    public static void Write(IDataView data, Stream file)
    {
        var columns = data.Schema.Where(column => !column.IsHidden).ToList();
        foreach (var column in columns) CheckType(column);
        if (columns.GroupBy(column => FieldName(column.Name)).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException(
                $"The columns {string.Join(" and ", twice.Select(column => column.Name))} would both be written as \"{twice.Key}\". Rename or drop one.");
        using var cursor = data.GetRowCursor(columns);
        var promptIsChat = data.Schema.GetColumnOrNull(ChatColumnNames.Prompt)?.Type is ChatDataViewType;
        var fields = columns.Select(column => (column, write: Field(cursor, column, promptIsChat))).ToList();
        using var json = new Utf8JsonWriter(file, Readable);
        while (cursor.MoveNext())
        {
            json.WriteStartObject();
            foreach (var (column, write) in fields)
            {
                try
                {
                    write(json);
                }
                catch (ArgumentException exception)
                {
                    throw new InvalidDataException(
                        $"Row {cursor.Position}, column \"{column.Name}\": found half of a UTF-16 surrogate pair; allowed: Unicode text.", exception);
                }
            }
            json.WriteEndObject();
            json.Flush();
            json.Reset();
            file.WriteByte((byte)'\n');
        }
    }

    private static FieldWriter Field(DataViewRow row, DataViewSchema.Column column, bool promptIsChat)
    {
        var name = FieldName(column.Name);
        if (column.Type is ChatDataViewType) return Messages(row, column, name);
        if (column.Type is TextDataViewType)
        {
            var asMessage = column.Name switch
            {
                ChatColumnNames.Chosen or ChatColumnNames.Rejected or ChatColumnNames.Completion => promptIsChat ? ChatRole.Assistant : (ChatRole?)null,
                ChatColumnNames.Feedback => ChatRole.User,
                _ => null,
            };
            return Text(row, column, name, asMessage, inList: column.Name != ChatColumnNames.Feedback);
        }
        return column.Type switch
        {
            BooleanDataViewType => Value<bool>(row, column, name, (json, value) => json.WriteBooleanValue(value)),
            NumberDataViewType number => Number(row, column, name, number.RawType),
            VectorDataViewType vector => Vector(row, column, name, vector.ItemType.RawType),
            _ => throw Unsupported(column),
        };
    }

    private static FieldWriter Messages(DataViewRow row, DataViewSchema.Column column, string name)
    {
        var getter = ChatColumn.Getter(row, column);
        return json =>
        {
            IReadOnlyList<ChatMessage> value = [];
            getter(ref value);
            json.WritePropertyName(name);
            ChatMessageJson.Write(json, value);
        };
    }

    private static FieldWriter Text(DataViewRow row, DataViewSchema.Column column, string name, ChatRole? asMessage, bool inList)
    {
        var getter = ChatColumn.TextGetter(row, column);
        return json =>
        {
            ReadOnlyMemory<char> value = default;
            getter(ref value);
            json.WritePropertyName(name);
            if (asMessage is not { } role)
            {
                json.WriteStringValue(value.Span);
                return;
            }
            if (inList) json.WriteStartArray();
            ChatMessageJson.WriteTurn(json, role.Value, value.Span);
            if (inList) json.WriteEndArray();
        };
    }

    private static FieldWriter Number(DataViewRow row, DataViewSchema.Column column, string name, Type raw) => Type.GetTypeCode(raw) switch
    {
        TypeCode.SByte => Value<sbyte>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Byte => Value<byte>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Int16 => Value<short>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.UInt16 => Value<ushort>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Int32 => Value<int>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.UInt32 => Value<uint>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Int64 => Value<long>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.UInt64 => Value<ulong>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Single => Value<float>(row, column, name, WriteSingle),
        TypeCode.Double => Value<double>(row, column, name, WriteDouble),
        _ => throw Unsupported(column),
    };

    private static FieldWriter Vector(DataViewRow row, DataViewSchema.Column column, string name, Type raw) => Type.GetTypeCode(raw) switch
    {
        TypeCode.Int32 => Items<int>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Int64 => Items<long>(row, column, name, (json, value) => json.WriteNumberValue(value)),
        TypeCode.Single => Items<float>(row, column, name, WriteSingle),
        TypeCode.Double => Items<double>(row, column, name, WriteDouble),
        _ when raw == typeof(ReadOnlyMemory<char>) => Items<ReadOnlyMemory<char>>(row, column, name, (json, value) => json.WriteStringValue(value.Span)),
        _ => throw Unsupported(column),
    };

    private static FieldWriter Value<T>(DataViewRow row, DataViewSchema.Column column, string name, Action<Utf8JsonWriter, T> write)
    {
        var getter = row.GetGetter<T>(column);
        return json =>
        {
            T value = default!;
            getter(ref value);
            json.WritePropertyName(name);
            write(json, value);
        };
    }

    private static FieldWriter Items<T>(DataViewRow row, DataViewSchema.Column column, string name, Action<Utf8JsonWriter, T> write)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> value = default;
        return json =>
        {
            getter(ref value);
            json.WriteStartArray(name);
            foreach (var item in value.DenseValues()) write(json, item);
            json.WriteEndArray();
        };
    }

    /// <summary>JSON has no word for NaN and the infinities: null.</summary>
    private static void WriteSingle(Utf8JsonWriter json, float value)
    {
        if (float.IsFinite(value)) json.WriteNumberValue(value);
        else json.WriteNullValue();
    }

    /// <inheritdoc cref="WriteSingle"/>
    private static void WriteDouble(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value)) json.WriteNumberValue(value);
        else json.WriteNullValue();
    }

    private static void CheckType(DataViewSchema.Column column)
    {
        var item = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
        if (item is KeyDataViewType or not (ChatDataViewType or TextDataViewType or BooleanDataViewType or NumberDataViewType)) throw Unsupported(column);
    }

    private static ArgumentException Unsupported(DataViewSchema.Column column) => new(
        $"The column \"{column.Name}\" has the type {column.Type}, which is not written to JSON Lines (allowed: Chat, String, Boolean, numbers, " +
        "and vectors of String or of Int32, Int64, Single, Double). Drop the column or convert it.");

    private static string FieldName(string column) => column switch
    {
        ChatColumnNames.RowId => "id",
        ChatColumnNames.Prompt => "prompt",
        ChatColumnNames.Chosen => "chosen",
        ChatColumnNames.Rejected => "rejected",
        ChatColumnNames.Feedback => "user_preference",
        ChatColumnNames.ChosenFinishReason => "chosen_finish_reason",
        ChatColumnNames.Completion => "completion",
        ChatColumnNames.Messages => "messages",
        ChatColumnNames.Text => "text",
        ChatColumnNames.Tools => "tools",
        ChatColumnNames.Response => "response",
        _ => column,
    };
}
