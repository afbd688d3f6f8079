using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// Parses JSON files that others made. What it returns can be read without surprise: it is valid JSON and UTF-8, at most 64 levels deep, and every text in it, keys included,
/// is Unicode. (<see cref="JsonDocument"/> alone finds a lone surrogate or a bad byte only when that text is asked for, with an exception that names no file.)
/// </summary>
internal static class SoundJson
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Parses a text.</summary>
    /// <param name="json">The content.</param>
    /// <param name="where">How errors call it.</param>
    /// <param name="allowDuplicates">Whether a key may occur twice in one object; the last one then counts.</param>
    /// <exception cref="InvalidDataException">It is not sound.</exception>
    public static JsonDocument Parse(string json, string where, bool allowDuplicates = true)
    {
        // Half of a surrogate pair that stands in the text itself has no UTF-8; only a text made in memory can hold one.
        try
        {
            return Parse(new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(json), where, allowDuplicates);
        }
        catch (EncoderFallbackException e)
        {
            throw HalfSurrogate(where, e);
        }
    }

    /// <summary>Parses bytes, with or without a byte order mark.</summary>
    /// <inheritdoc cref="Parse(string, string, bool)"/>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string where, bool allowDuplicates = true)
    {
        if (utf8.Span.StartsWith(ByteOrderMark)) utf8 = utf8[ByteOrderMark.Length..];
        if (!Utf8.IsValid(utf8.Span)) throw new InvalidDataException($"{where}: this is not UTF-8.");
        try
        {
            CheckTexts(utf8.Span, where);
            return JsonDocument.Parse(utf8, new() { AllowDuplicateProperties = allowDuplicates });
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{where}: this is not valid JSON: {e.Message}", e);
        }
    }

    private static void CheckTexts(ReadOnlySpan<byte> utf8, string where)
    {
        if (utf8.IndexOf(@"\ud"u8) < 0 && utf8.IndexOf(@"\uD"u8) < 0) return;
        var reader = new Utf8JsonReader(utf8);
        try
        {
            while (reader.Read())
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) reader.GetString();
        }
        catch (InvalidOperationException e)
        {
            throw HalfSurrogate(where, e);
        }
    }

    private static InvalidDataException HalfSurrogate(string where, Exception inner) =>
        new($"{where}: a text holds half of a UTF-16 surrogate pair (\\ud800 … \\udfff without its partner), which is not a character.", inner);
}
