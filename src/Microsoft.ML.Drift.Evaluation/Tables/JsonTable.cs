using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation.Tables;

/// <summary>Rows as JSON objects: in an array, or one on each line.</summary>
internal static class JsonTable
{
    public static IReadOnlyList<TableRow> ReadArray(string path)
    {
        var root = Parse(TableFile.ReadText(path), path);
        if (root.ValueKind != JsonValueKind.Array) throw new InvalidDataException($"{path}: the file must be an array of objects; found {Kind(root)}.");
        return [.. root.EnumerateArray().Select((element, position) => Row($"{path}, entry {position}", position, element))];
    }

    public static IReadOnlyList<TableRow> ReadLines(string path)
    {
        var rows = new List<TableRow>();
        var number = 0;
        foreach (var line in TableFile.ReadText(path).Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var where = $"{path}, line {number}";
            rows.Add(Row(where, rows.Count, Parse(line, where)));
        }
        return rows;
    }

    private static readonly JsonSerializerOptions WriteOptions = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes an array of objects; the file is there whole or not at all.</summary>
    public static void WriteArray(string path, IEnumerable<Dictionary<string, object?>> rows)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllText(temporary, JsonSerializer.Serialize(rows, WriteOptions));
        File.Move(temporary, path, overwrite: true);
    }

    private static JsonElement Parse(string text, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(WithoutBareNumbers(text));
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{where}: not valid JSON: {error.Message}", error);
        }
    }

    private static TableRow Row(string where, int position, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object) throw new InvalidDataException($"{where}: every row must be an object; found {Kind(element)}.");
        var fields = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject()) fields[property.Name] = Value(where, property);
        return new TableRow(where, position, fields);
    }

    private static object? Value(string where, JsonProperty property)
    {
        try
        {
            return property.Value.ValueKind switch
            {
                JsonValueKind.String => property.Value.GetString(),
                JsonValueKind.Number => property.Value.GetDouble(),
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Null => null,
                _ => property.Value,
            };
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidDataException($"{where}: \"{property.Name}\" holds half of a surrogate pair; that is not a character.", error);
        }
    }

    private static string Kind(JsonElement element) => element.ValueKind.ToString().ToLowerInvariant();

    /// <summary>Python's json module writes NaN, Infinity and -Infinity, which are no JSON; outside of texts they become null.</summary>
    private static string WithoutBareNumbers(string text)
    {
        if (!text.Contains("NaN", StringComparison.Ordinal) && !text.Contains("Infinity", StringComparison.Ordinal)) return text;
        var result = new StringBuilder(text.Length);
        var inText = false;
        for (var i = 0; i < text.Length; i++)
        {
            var bare = inText ? null : BareNumbers.FirstOrDefault(word => string.CompareOrdinal(text, i, word, 0, word.Length) == 0);
            if (bare is not null)
            {
                result.Append("null");
                i += bare.Length - 1;
                continue;
            }
            if (text[i] == '"') inText = !inText;
            else if (inText && text[i] == '\\' && i + 1 < text.Length) result.Append(text[i++]);
            result.Append(text[i]);
        }
        return result.ToString();
    }

    private static readonly string[] BareNumbers = ["NaN", "-Infinity", "Infinity"];
}
