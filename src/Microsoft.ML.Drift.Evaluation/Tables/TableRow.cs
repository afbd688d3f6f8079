using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation.Tables;

/// <summary>One row of a file: fields by name, and where it stands.</summary>
/// <param name="Where">File and line or position, for messages.</param>
/// <param name="Position">0 for the first row.</param>
/// <param name="Fields">Text, a number (double), a boolean, a JSON object or array, or null.</param>
internal sealed record TableRow(string Where, int Position, IReadOnlyDictionary<string, object?> Fields)
{
    public bool Has(string name) => Fields.TryGetValue(name, out var value) && value is not null;

    /// <summary>The first of the names that the row has a value for; null if none.</summary>
    public string? FirstOf(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (Has(name)) return name;
        return null;
    }

    /// <exception cref="InvalidDataException">The field is there and is not text.</exception>
    public string? TextOrNull(string name) => Fields.GetValueOrDefault(name) switch
    {
        null => null,
        string text => text,
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        var other => throw Error(name, other, "a text"),
    };

    /// <exception cref="InvalidDataException">The field is missing, or not text.</exception>
    public string Text(string name) => TextOrNull(name) ?? throw Missing(name);

    /// <summary>A number; null where the field is missing, null, empty or "NaN".</summary>
    /// <exception cref="InvalidDataException">The field is something else.</exception>
    public double? NumberOrNull(string name) => Fields.GetValueOrDefault(name) switch
    {
        null or "" => null,
        double number => double.IsNaN(number) ? null : number,
        bool flag => flag ? 1 : 0,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => double.IsNaN(number) ? null : number,
        var other => throw Error(name, other, "a number"),
    };

    /// <exception cref="InvalidDataException">The field is missing, or no whole number from 0.</exception>
    public int Count(string name)
    {
        var number = NumberOrNull(name) ?? throw Missing(name);
        return number >= 0 && number <= int.MaxValue && Math.Floor(number) == number ? (int)number : throw Error(name, number, "a whole number from 0");
    }

    /// <summary>True for true, 1, "1" and "true"; false where the field is missing.</summary>
    /// <exception cref="InvalidDataException">The field is something else.</exception>
    public bool Flag(string name) => Fields.GetValueOrDefault(name) switch
    {
        null or false or 0.0 or "" or "0" or "false" or "False" => false,
        true or 1.0 or "1" or "true" or "True" => true,
        var other => throw Error(name, other, "true or false"),
    };

    /// <summary>A list of texts: a JSON array of texts, or one text with <c>|</c> between the parts; empty where the field is missing.</summary>
    /// <exception cref="InvalidDataException">The field is something else.</exception>
    public IReadOnlyList<string> Texts(string name) => Fields.GetValueOrDefault(name) switch
    {
        null or "" => [],
        string text => text.Split('|'),
        JsonElement { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) => [.. list.EnumerateArray().Select(item => item.GetString()!)],
        var other => throw Error(name, other, "a list of texts"),
    };

    /// <summary>A JSON object or array; null where the field is something else.</summary>
    public JsonElement? Json(string name) => Fields.GetValueOrDefault(name) is JsonElement element ? element : null;

    public InvalidDataException Error(string name, object? found, string allowed) => new($"{Where}: \"{name}\" is {Shown(found)}; it must be {allowed}.");

    private InvalidDataException Missing(string name) => new($"{Where}: the field \"{name}\" is missing. The row has: {string.Join(", ", Fields.Keys)}.");

    private static string Shown(object? value)
    {
        var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return text.Length <= 60 ? $"\"{text}\"" : $"\"{text[..60]}…\"";
    }
}
