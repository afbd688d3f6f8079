using System.Globalization;
using System.Numerics;
using System.Text;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>How Python prints values: <c>str()</c> and <c>repr()</c>.</summary>
internal static class PythonFormat
{
    public static string Str(Sandbox sandbox, object? value)
    {
        switch (value)
        {
            case string text: return text;
            case Markup markup: return markup.Text;
            case Undefined: return "";
            case BigInteger integer: return sandbox.Printed(Integer(integer));
            case double or bool or null: return Scalar(value);
        }
        var result = new StringBuilder();
        WriteRepr(sandbox, result, value, 0);
        return result.ToString();
    }

    public static string Repr(Sandbox sandbox, object? value)
    {
        var result = new StringBuilder();
        WriteRepr(sandbox, result, value, 0);
        return result.ToString();
    }

    public static string Scalar(object? value) => value switch
    {
        null => "None",
        true => "True",
        false => "False",
        double number => Float(number),
        BigInteger integer => Integer(integer),
        _ => throw new ArgumentException($"{value.GetType()} is not a scalar.", nameof(value)),
    };

    public static string Integer(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue) return ((long)value).ToString(CultureInfo.InvariantCulture);
        if (value.GetBitLength() > RenderLimits.IntegerDigits * 4) throw PythonNumbers.TooManyDigits();
        var text = value.ToString(CultureInfo.InvariantCulture);
        return text.Length - (value.Sign < 0 ? 1 : 0) > RenderLimits.IntegerDigits ? throw PythonNumbers.TooManyDigits() : text;
    }

    /// <summary>The shortest digits that read back as the same number; an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Float(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        return (double.IsNegative(value) ? "-" : "") + Layout(Math.Abs(value).ToString("R", CultureInfo.InvariantCulture));
    }

    private static string Layout(string roundTrip)
    {
        var mark = roundTrip.IndexOf('E', StringComparison.Ordinal);
        var exponent = mark < 0 ? 0 : int.Parse(roundTrip.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = mark < 0 ? roundTrip : roundTrip[..mark];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        var position = (point < 0 ? mantissa.Length : point) + exponent;
        var leading = digits.Length - digits.TrimStart('0').Length;
        if (leading == digits.Length) return "0.0";
        digits = digits[leading..].TrimEnd('0');
        position -= leading;

        if (position is < -3 or > 16)
        {
            var e = position - 1;
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return $"{digits[0]}{fraction}e{(e < 0 ? '-' : '+')}{Math.Abs(e).ToString("00", CultureInfo.InvariantCulture)}";
        }
        if (position <= 0) return "0." + new string('0', -position) + digits;
        return digits.Length <= position ? digits.PadRight(position, '0') + ".0" : digits[..position] + "." + digits[position..];
    }

    private static void WriteRepr(Sandbox sandbox, StringBuilder result, object? value, int depth)
    {
        sandbox.Step();
        Sandbox.GuardStack();
        if (depth > RenderLimits.Default.CallDepth * 4) throw Fail.Recursion();
        switch (value)
        {
            case string text: AppendPaid(sandbox, result, Quote(text)); break;
            case Markup markup: AppendPaid(sandbox, result, $"Markup({Quote(markup.Text)})"); break;
            case null or bool or double or BigInteger: AppendPaid(sandbox, result, Scalar(value)); break;
            case Undefined: result.Append("Undefined"); break;
            case PythonList list: WriteItems(sandbox, result, list.Items, "[", "]", depth); break;
            case PythonTuple tuple: WriteItems(sandbox, result, tuple.Items, "(", tuple.Items.Length == 1 ? ",)" : ")", depth); break;
            case PythonDict dict: WriteDict(sandbox, result, dict, depth); break;
            case PythonDictView view:
                result.Append(PythonTypes.Name(view)).Append('(');
                WriteItems(sandbox, result, view.Values, "[", "])", depth);
                break;
            case PythonRange range:
                result.Append("range(").Append(Integer(range.Start)).Append(", ").Append(Integer(range.Stop));
                if (!range.Step.IsOne) result.Append(", ").Append(Integer(range.Step));
                result.Append(')');
                break;
            case PythonNamespace space:
                result.Append("<Namespace ");
                WriteDict(sandbox, result, space.Attributes, depth);
                result.Append('>');
                break;
            case IPrintable printable: AppendPaid(sandbox, result, printable.Print()); break;
            default: throw Fail.Unsupported($"Printing a value of type {PythonTypes.Name(value)}, which shows a memory address,");
        }
    }

    private static void AppendPaid(Sandbox sandbox, StringBuilder result, string text)
    {
        sandbox.Text(text.Length);
        result.Append(text);
    }

    private static void WriteItems(Sandbox sandbox, StringBuilder result, IEnumerable<object?> items, string open, string close, int depth)
    {
        result.Append(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first) result.Append(", ");
            first = false;
            WriteRepr(sandbox, result, item, depth + 1);
        }
        result.Append(close);
    }

    private static void WriteDict(Sandbox sandbox, StringBuilder result, PythonDict dict, int depth)
    {
        result.Append('{');
        for (var i = 0; i < dict.Count; i++)
        {
            if (i > 0) result.Append(", ");
            WriteRepr(sandbox, result, dict.Items[i].Key, depth + 1);
            result.Append(": ");
            WriteRepr(sandbox, result, dict.Items[i].Value, depth + 1);
        }
        result.Append('}');
    }

    /// <summary><c>repr()</c> of a text: double quotes only if it holds single ones and no double ones; what cannot be printed is escaped.</summary>
    public static string Quote(string text) => Quote(text, asciiOnly: false);

    public static string Quote(string text, bool asciiOnly)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        var result = new StringBuilder(text.Length + 2).Append(quote);
        for (var i = 0; i < text.Length;)
        {
            var width = CodePoints.Width(text, i);
            var c = text[i];
            if (c == quote || c == '\\') result.Append('\\').Append(c);
            else if (c is >= ' ' and < '\u007f') result.Append(c);
            else if (c == '\n') result.Append("\\n");
            else if (c == '\r') result.Append("\\r");
            else if (c == '\t') result.Append("\\t");
            else if (!asciiOnly && StringTests.IsPrintable(text, i)) result.Append(text, i, width);
            else AppendEscape(result, width == 2 ? char.ConvertToUtf32(text[i], text[i + 1]) : c);
            i += width;
        }
        return result.Append(quote).ToString();
    }

    private static void AppendEscape(StringBuilder result, int codePoint)
    {
        var (letter, format) = codePoint switch { < 0x100 => ('x', "x2"), < 0x10000 => ('u', "x4"), _ => ('U', "x8") };
        result.Append('\\').Append(letter).Append(codePoint.ToString(format, CultureInfo.InvariantCulture));
    }
}

/// <summary>A value of the renderer's own that Python prints without a memory address.</summary>
internal interface IPrintable
{
    string Print();
}
