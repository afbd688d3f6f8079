using System.Globalization;
using System.Numerics;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>Filters that make or change numbers.</summary>
internal static class NumberFilters
{
    public static object? Abs(Sandbox sandbox, object? value, Arguments arguments)
    {
        arguments.BindPositional("abs");
        if (value is double number) return Math.Abs(number);
        if (PythonNumbers.TryInteger(value, out var integer)) return BigInteger.Abs(integer);
        throw Fail.Type($"bad operand type for abs(): '{PythonTypes.Name(value)}'");
    }

    public static object? Round(Sandbox sandbox, object? value, Arguments arguments)
    {
        var values = arguments.Bind("do_round", "precision?", "method?");
        var method = PythonText.Of(values[1].Or("common"));
        if (method is not ("common" or "ceil" or "floor")) throw Fail.Runtime("method must be common, ceil or floor");
        var precision = values[0].Or(BigInteger.Zero);
        if (method == "common") return precision is null ? RoundToInteger(value) : PythonNumbers.Round(value, PythonNumbers.ToIndex(precision, "precision"));

        var scale = PythonOperators.Apply(sandbox, BinaryOperator.Power, (BigInteger)10, precision);
        var scaled = PythonOperators.Apply(sandbox, BinaryOperator.Multiply, value, scale);
        if (!PythonNumbers.TryInteger(scaled, out var whole))
        {
            if (scaled is not double number) throw Fail.Type($"must be real number, not {PythonTypes.Name(scaled)}");
            whole = Whole(method == "ceil" ? Math.Ceiling(number) : Math.Floor(number));
        }
        return PythonOperators.Apply(sandbox, BinaryOperator.Divide, whole, scale);
    }

    private static object RoundToInteger(object? value) => value is double number ? Whole(Math.Round(number, MidpointRounding.ToEven)) : PythonNumbers.Round(value, 0);

    private static BigInteger Whole(double number)
    {
        if (double.IsNaN(number)) throw Fail.Value("cannot convert float NaN to integer");
        return double.IsInfinity(number) ? throw Fail.Overflow("cannot convert float infinity to integer") : new BigInteger(number);
    }

    public static object? ToInteger(Sandbox sandbox, object? value, Arguments arguments)
    {
        var values = arguments.Bind("do_int", "default?", "base?");
        var otherwise = values[0].Or(BigInteger.Zero);
        if (PythonNumbers.TryInteger(value, out var integer)) return integer;
        if (value is Undefined undefined) throw undefined.Error();
        if (PythonText.Of(value) is { } text)
        {
            sandbox.Digits(text.Length);
            if (ParseInteger(text, values[1].Index(10)) is { } parsed) return parsed;
            value = ParseFloat(text);
        }
        return value is double number && double.IsFinite(number) ? new BigInteger(number) : otherwise;
    }

    public static object? ToFloat(Sandbox sandbox, object? value, Arguments arguments)
    {
        var otherwise = arguments.Bind("do_float", "default?")[0].Or(0.0);
        if (PythonNumbers.IsNumber(value)) return PythonNumbers.ToFloat(value);
        if (value is Undefined undefined) throw undefined.Error();
        return PythonText.Of(value) is { } text && ParseFloat(text) is { } parsed ? parsed : otherwise;
    }

    /// <summary>Python's <c>int(text, radix)</c>; null where that fails.</summary>
    private static BigInteger? ParseInteger(string text, int radix)
    {
        if (radix is not (0 or (>= 2 and <= 36))) return null;
        text = AsciiDigits(PythonText.Trim(text));
        var negative = text.StartsWith('-');
        if (text.Length > 0 && text[0] is '+' or '-') text = text[1..];
        var prefix = text.Length > 1 && text[0] == '0' ? char.ToLowerInvariant(text[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefix != 0 && (radix == prefix || radix == 0))
        {
            radix = prefix;
            text = text[(text.Length > 2 && text[2] == '_' ? 3 : 2)..];
        }
        else if (radix == 0)
        {
            if (text.Length > 1 && text[0] == '0' && text.Any(c => c is not ('0' or '_'))) return null;
            radix = 10;
        }
        if (WithoutUnderscores(text) is not { } digits) return null;
        if (radix is not (2 or 4 or 8 or 16 or 32) && digits.Length > RenderLimits.IntegerDigits) return null;
        if (digits.Length * Math.Log2(radix) > RenderLimits.IntegerBits) throw Fail.Limit("an integer has too many digits");
        var result = BigInteger.Zero;
        foreach (var c in digits)
        {
            var digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : 99;
            if (digit >= radix) return null;
            result = (result * radix) + digit;
        }
        return negative ? -result : result;
    }

    /// <summary>Python's <c>float(text)</c>; null where that fails.</summary>
    private static double? ParseFloat(string text)
    {
        text = AsciiDigits(PythonText.Trim(text));
        var unsigned = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        var sign = text.StartsWith('-') ? -1 : 1;
        switch (unsigned.ToLowerInvariant())
        {
            case "inf" or "infinity": return sign * double.PositiveInfinity;
            case "nan": return double.NaN;
        }
        if (WithoutUnderscores(unsigned) is not { } digits || !(char.IsAsciiDigit(digits[0]) || digits[0] == '.')) return null;
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(digits, style, CultureInfo.InvariantCulture, out var number) ? sign * number : null;
    }

    /// <summary>Digits of other scripts as ASCII ones.</summary>
    private static string AsciiDigits(string text)
    {
        if (System.Text.Ascii.IsValid(text)) return text;
        return string.Concat(CodePoints.Enumerate(text).Select(point =>
            CharUnicodeInfo.GetDecimalDigitValue(point, 0) is var digit and >= 0 ? digit.ToString(CultureInfo.InvariantCulture) : point));
    }

    /// <summary>The text without single underscores between digits; null where underscores stand elsewhere or nothing is left.</summary>
    private static string? WithoutUnderscores(string text)
    {
        for (var i = text.IndexOf('_', StringComparison.Ordinal); i >= 0; i = text.IndexOf('_', i + 1))
        {
            if (i == 0 || i + 1 == text.Length || !char.IsAsciiLetterOrDigit(text[i - 1]) || !char.IsAsciiLetterOrDigit(text[i + 1])) return null;
        }
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        return digits.Length > 0 ? digits : null;
    }

    public static object? FileSize(Sandbox sandbox, object? value, Arguments arguments)
    {
        var binary = arguments.Bind("do_filesizeformat", "binary?")[0].Truth();
        if (value is Undefined undefined) throw undefined.Error();
        var bytes = PythonNumbers.IsNumber(value) ? PythonNumbers.ToFloat(value)
            : PythonText.Of(value) is { } text ? ParseFloat(text) ?? throw Fail.Value($"could not convert string to float: {PythonFormat.Quote(text)}")
            : throw Fail.Type($"float() argument must be a string or a real number, not '{PythonTypes.Name(value)}'");
        var step = binary ? 1024 : 1000;
        if (bytes == 1) return "1 Byte";
        if (bytes < step) return $"{PythonFormat.Integer(Whole(bytes))} Bytes";
        string[] prefixes = binary ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"] : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
        var unit = (BigInteger)step * step;
        foreach (var prefix in prefixes)
        {
            if (bytes < (double)unit || prefix == prefixes[^1]) return $"{NumberFormat.Fixed(step * bytes / PythonNumbers.ToFloat(unit), 1)} {prefix}";
            unit *= step;
        }
        throw new InvalidOperationException("The last prefix always fits.");
    }
}
