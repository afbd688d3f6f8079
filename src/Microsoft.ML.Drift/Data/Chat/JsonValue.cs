using System.Text;
using System.Text.Json;

namespace Microsoft.ML.Drift.Data;

/// <summary>The value a <see cref="Utf8JsonReader"/> stands on.</summary>
internal static class JsonValue
{
    private const int LongestQuote = 40;

    /// <summary>Reads the text, or only checks that it could be read: UTF-8 without error, no half of a surrogate pair.</summary>
    /// <exception cref="RowProblemException">The text cannot be read.</exception>
    public static string? ReadText(ref Utf8JsonReader reader, FieldPath field, bool materialise)
    {
        if (!materialise && !MayHoldSurrogates(ref reader)) return null;
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException exception)
        {
            throw HalfSurrogate(field, exception);
        }
    }

    /// <summary>Checks every text in the value the reader stands on, keys included; the reader itself, a copy, is left where it was.</summary>
    /// <exception cref="RowProblemException">One of them cannot be read.</exception>
    public static void CheckTexts(Utf8JsonReader reader, FieldPath field)
    {
        var depth = reader.CurrentDepth;
        if (reader.TokenType == JsonTokenType.String) ReadText(ref reader, field, materialise: false);
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject)) return;
        while (reader.Read() && reader.CurrentDepth > depth)
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) ReadText(ref reader, field, materialise: false);
    }

    /// <summary>The error for a text that is not Unicode.</summary>
    public static RowProblemException HalfSurrogate(FieldPath field, Exception inner) => new(
        field, "half of a UTF-16 surrogate pair (\\ud800 … \\udfff without its partner) or bytes that are not UTF-8",
        "Unicode text, a character beyond U+FFFF escaped as two \\u", inner);

    /// <summary>Says what the value is, quoting the start of it, for a message to the user.</summary>
    public static string Describe(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => "the text \"" + Shorten(Encoding.UTF8.GetString(reader.ValueSpan)) + "\"",
        JsonTokenType.Number => "the number " + Shorten(Encoding.UTF8.GetString(reader.ValueSpan)),
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        JsonTokenType.Null => "null",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.StartObject => "an object",
        _ => "nothing",
    };

    private static string Shorten(string text)
    {
        if (text.Length <= LongestQuote) return text;
        var end = char.IsHighSurrogate(text[LongestQuote - 1]) ? LongestQuote - 1 : LongestQuote;
        return text[..end] + "…";
    }

    private static bool MayHoldSurrogates(ref Utf8JsonReader reader) =>
        reader.ValueIsEscaped && reader.ValueSpan.IndexOf("\\u"u8) >= 0;
}
