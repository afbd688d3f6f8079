using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>
/// Reads what is there. A report is made of runs that were killed, too, so that a torn line is counted and passed over, and a text that is no text (half of a
/// surrogate pair) is shown with a replacement character.
/// </summary>
internal static class LenientJson
{
    /// <summary>The objects of a JSON Lines file; nothing where there is no such file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bad">Called with the number of lines that are no objects, if there are any.</param>
    public static IEnumerable<JsonElement> Lines(string path, Action<int>? bad = null)
    {
        if (!File.Exists(path)) yield break;
        var badLines = 0;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (Parse(line) is { ValueKind: JsonValueKind.Object } element) yield return element;
            else badLines++;
        }
        if (badLines > 0) bad?.Invoke(badLines);
    }

    /// <summary>A whole file as an object; null where there is none, or it is no object.</summary>
    public static JsonElement? Whole(string path) => File.Exists(path) && Parse(File.ReadAllText(path)) is { ValueKind: JsonValueKind.Object } element ? element : null;

    public static JsonElement? Field(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static double? Number(JsonElement element, string name) => Field(element, name) switch
    {
        { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
        // JSON has no NaN; our files write it as a text.
        { ValueKind: JsonValueKind.String } value when double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    public static int Integer(JsonElement element, string name) => Number(element, name) is { } value && double.IsFinite(value) ? (int)Math.Clamp(value, int.MinValue, int.MaxValue) : 0;

    public static string? Text(JsonElement element, string name) => Field(element, name) is { ValueKind: JsonValueKind.String } value ? Text(value) : null;

    /// <summary>A string's text; halves of surrogate pairs become U+FFFD.</summary>
    public static string Text(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Unescape(value.GetRawText());
        }
    }

    /// <summary>An answer: a text, or a list of messages whose contents are joined.</summary>
    public static string? Answer(JsonElement element, string name) => Field(element, name) switch
    {
        { ValueKind: JsonValueKind.String } value => Text(value),
        { ValueKind: JsonValueKind.Array } messages => string.Join("\n\n", messages.EnumerateArray().Select(message => Text(message, "content")).OfType<string>()),
        { ValueKind: JsonValueKind.Object } message => Text(message, "content"),
        _ => null,
    };

    /// <summary>A conversation: a list of messages, or a text, which is one user turn.</summary>
    public static IReadOnlyList<ReportMessage> Messages(JsonElement element, string name) => Field(element, name) switch
    {
        { ValueKind: JsonValueKind.String } value => [new("user", Text(value))],
        { ValueKind: JsonValueKind.Array } messages => [.. messages.EnumerateArray().Where(message => message.ValueKind == JsonValueKind.Object)
            .Select(message => new ReportMessage(Text(message, "role") ?? "?", Text(message, "content") ?? Field(message, "tool_calls")?.GetRawText() ?? ""))],
        _ => [],
    };

    /// <summary>The scalar values of nested objects by their dotted names.</summary>
    public static IEnumerable<(string Name, string Value)> Flatten(JsonElement node, string prefix = "") => node.EnumerateObject().SelectMany(field => field.Value.ValueKind == JsonValueKind.Object
        ? Flatten(field.Value, $"{prefix}{field.Name}.")
        : [($"{prefix}{field.Name}", field.Value.ValueKind switch { JsonValueKind.String => Text(field.Value), JsonValueKind.Null => "", _ => field.Value.GetRawText() })]);

    private static JsonElement? Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Unescape(string literal)
    {
        var text = new StringBuilder(literal.Length);
        for (var i = 1; i < literal.Length - 1; i++)
        {
            if (literal[i] != '\\')
            {
                text.Append(literal[i]);
                continue;
            }
            i++;
            if (literal[i] == 'u')
            {
                text.Append((char)Convert.ToUInt16(literal.Substring(i + 1, 4), 16));
                i += 4;
            }
            else text.Append(literal[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', var other => other });
        }
        return WellFormed.Of(text.ToString());
    }
}

/// <summary>Text without halves of surrogate pairs.</summary>
internal static class WellFormed
{
    public static string Of(string text)
    {
        var first = 0;
        while (first < text.Length && !IsHalf(text, first)) first += char.IsHighSurrogate(text[first]) ? 2 : 1;
        if (first >= text.Length) return text;
        var result = new StringBuilder(text, text.Length);
        for (var i = first; i < text.Length; i++)
        {
            if (IsHalf(text, i)) result[i] = '\uFFFD';
            else if (char.IsHighSurrogate(text[i])) i++;
        }
        return result.ToString();
    }

    private static bool IsHalf(string text, int index) => char.IsSurrogate(text[index]) && !(char.IsHighSurrogate(text[index]) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]));
}
