using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>JSON as the values Python's <c>json.loads</c> makes of it: numbers keep their kind, of equal keys the last one counts.</summary>
internal static class JsonReader
{
    /// <exception cref="ArgumentException">The element is undefined, or a text in it is not Unicode.</exception>
    public static object? Read(JsonElement element)
    {
        try
        {
            return Value(element);
        }
        catch (InvalidOperationException e)
        {
            throw new ArgumentException("A text of the JSON value holds half of a surrogate pair, which is not a character.", nameof(element), e);
        }
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => element.GetString()!,
        JsonValueKind.Number => Number(element.GetRawText()),
        JsonValueKind.Array => new PythonList([.. element.EnumerateArray().Select(Value)]),
        JsonValueKind.Object => Dict(element),
        _ => throw new ArgumentException("The JSON value is undefined; give a parsed one.", nameof(element)),
    };

    private static PythonDict Dict(JsonElement element)
    {
        Sandbox.GuardStack();
        var dict = new PythonDict();
        foreach (var property in element.EnumerateObject()) dict[property.Name] = Value(property.Value);
        return dict;
    }

    private static object Number(string text)
    {
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0) return double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return text.Length > RenderLimits.IntegerDigits ? throw PythonNumbers.TooManyDigits() : BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }
}
