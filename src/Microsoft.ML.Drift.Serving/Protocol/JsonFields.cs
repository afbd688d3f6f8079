using System.Text.Json;

namespace Microsoft.ML.Drift.Serving.Protocol;

/// <summary>The fields of a request's body; whoever asks for one of another kind gets an error that names the field. Null counts as absent.</summary>
internal readonly struct JsonFields(JsonElement body)
{
    public JsonElement? Find(string name) => body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public string? Text(string name) => Find(name) is { } value ? TextOf(value, name) : null;

    public bool Flag(string name) => Find(name) is { } value && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(name, value, "true or false"),
    };

    public int? Integer(string name, int least, int most)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Number || !IsWhole(value, out var number)) throw Wrong(name, value, "a whole number");
        if (number < least || number > most) throw ApiException.BadRequest($"'{name}' is {value.GetRawText()}; it must lie between {least} and {most}.", name);
        return (int)number;
    }

    public long? Seed(string name)
    {
        if (Find(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : throw Wrong(name, value, "a whole number of 64 bits");
    }

    public double? Number(string name, double least, double most)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var number)) throw Wrong(name, value, "a number");
        if (!(number >= least && number <= most)) throw ApiException.BadRequest(FormattableString.Invariant($"'{name}' is {number}; it must lie between {least} and {most}."), name);
        return number;
    }

    /// <summary>A text, or a list of texts.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.String) return [TextOf(value, name)];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(name, value, "a text or a list of texts");
        return [.. value.EnumerateArray().Select((item, index) => TextOf(item, $"{name}[{index}]"))];
    }

    public static string TextOf(JsonElement value, string name)
    {
        if (value.ValueKind != JsonValueKind.String) throw Wrong(name, value, "a text");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.BadRequest($"'{name}' holds half of a surrogate pair or bytes that are not UTF-8; that is not a character.", name);
        }
    }

    public static ApiException Wrong(string name, JsonElement value, string allowed) =>
        ApiException.BadRequest($"'{name}' is {Describe(value.ValueKind)}; it must be {allowed}.", name, "invalid_type");

    // 3.0 is a whole number to many JSON writers.
    private static bool IsWhole(JsonElement value, out double number) => value.TryGetDouble(out number) && Math.Floor(number) == number;

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number that is not allowed here",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
