using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>A response, and what belongs to it; null where there is no such column.</summary>
internal sealed record ResponseRow(string? RowId, string Response, string? Prompt, string? Rejected, string? Feedback, bool? IsComplete);

/// <summary>Reads responses from a data view.</summary>
internal static class ResponseRows
{
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public static IReadOnlyList<ResponseRow> Read(IDataView data, ResponseColumns columns)
    {
        var response = Column(data.Schema, columns.Response) ?? throw new ArgumentException(
            $"The input has no column \"{columns.Response}\" with responses. Its columns are: {string.Join(", ", data.Schema.Select(column => column.Name))}.", nameof(data));
        var optional = new[] { columns.RowId, columns.Prompt, columns.Rejected, columns.Feedback, columns.FinishReason }.Select(name => Column(data.Schema, name)).ToArray();
        var rows = new List<ResponseRow>();
        using var cursor = data.GetRowCursor([response, .. optional.OfType<DataViewSchema.Column>()]);
        var read = Getter(cursor, response)!;
        var readOptional = optional.Select(column => Getter(cursor, column)).ToArray();
        while (cursor.MoveNext())
        {
            var values = readOptional.Select(getter => getter?.Invoke()).ToArray();
            rows.Add(new ResponseRow(values[0], read(), values[1], values[2], values[3], values[4] is { } reason ? IsComplete(reason, rows.Count, columns.FinishReason) : null));
        }
        return rows;
    }

    private static bool IsComplete(string reason, int row, string column) => reason switch
    {
        "stop" => true,
        "length" => false,
        _ => throw new ArgumentException($"Row {row} has the {column} \"{reason}\"; allowed are stop and length."),
    };

    private static DataViewSchema.Column? Column(DataViewSchema schema, string name) => schema.GetColumnOrNull(name) switch
    {
        null => null,
        { Type: TextDataViewType or ChatDataViewType } column => column,
        { } column => throw new ArgumentException($"The column \"{name}\" has the type {column.Type}; it must be text or chat."),
    };

    private static Func<string>? Getter(DataViewRow row, DataViewSchema.Column? column)
    {
        if (column is not { } found) return null;
        if (found.Type is ChatDataViewType)
        {
            var messages = row.GetGetter<IReadOnlyList<ChatMessage>>(found);
            return () =>
            {
                IReadOnlyList<ChatMessage> value = [];
                messages(ref value);
                return string.Join('\n', (value ?? []).Select(message => message.Text));
            };
        }
        var text = row.GetGetter<ReadOnlyMemory<char>>(found);
        return () =>
        {
            ReadOnlyMemory<char> value = default;
            text(ref value);
            return WithoutRoles(value.ToString());
        };
    }

    /// <summary>Text that is a JSON array of messages means their contents, as everywhere in this library.</summary>
    private static string WithoutRoles(string text)
    {
        if (!text.AsSpan().TrimStart().StartsWith("[")) return text;
        try
        {
            using var document = JsonDocument.Parse(text);
            var messages = document.RootElement.EnumerateArray().ToList();
            return messages.Count > 0 && messages.All(IsMessage) ? string.Join('\n', messages.Select(message => message.GetProperty("content").GetString())) : text;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return text;
        }
    }

    private static bool IsMessage(JsonElement element) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty("role", out _) && element.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String;
}
