using System.Globalization;
using System.Text;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// Rewrites a regular expression from Oniguruma's Ruby syntax, which tokenizer.json uses, into .NET's. What differs: <c>\w</c> and
/// <c>\b</c> (other classes), <c>\h</c>, possessive quantifiers, <c>^</c> and <c>$</c> (always per line), <c>(?m:…)</c>, and case:
/// <c>(?i:s)</c> also matches ſ. Case is therefore written out letter by letter. A construct outside this subset is an error.
/// </summary>
internal sealed class OnigurumaTranslator
{
    /// <summary>Oniguruma's <c>\w</c> as members of a .NET class.</summary>
    internal const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9";

    /// <summary>Groups within each other, and quantifiers behind each other; real patterns have three.</summary>
    private const int Depth = 100;

    private const int LongestPattern = 10_000;

    private readonly string pattern;
    private int depth;
    private readonly StringBuilder output = new();
    private readonly HashSet<char> named = [];
    private readonly HashSet<(int First, int Last)> namedBeyondBmp = [];
    private readonly StandIns? standIns;
    private int position;
    private bool ignoreCase;
    private bool dotMatchesNewLine;
    private char previousFoldedLiteral;

    private OnigurumaTranslator(string pattern, StandIns? standIns)
    {
        this.pattern = pattern;
        this.standIns = standIns;
        Alternatives();
        if (position < pattern.Length) throw Unsupported("an unmatched ')'");
    }

    /// <summary>The .NET pattern, and what stands in it for code points beyond the BMP.</summary>
    public static (string Pattern, StandIns StandIns) Translate(string pattern)
    {
        if (pattern.Length > LongestPattern) throw new InvalidDataException($"a pattern of {pattern.Length} characters; at most {LongestPattern} are allowed.");
        // The first reading finds out what the pattern names, the second writes it with stand-ins for what .NET cannot name.
        var names = new OnigurumaTranslator(pattern, standIns: null);
        var standIns = new StandIns(names.named, names.namedBeyondBmp);
        return (new OnigurumaTranslator(pattern, standIns).output.ToString(), standIns);
    }

    private bool AtEnd => position >= pattern.Length;

    private void Alternatives()
    {
        while (!AtEnd && pattern[position] != ')')
        {
            if (pattern[position] == '|')
            {
                output.Append('|');
                position++;
                previousFoldedLiteral = '\0';
            }
            else
            {
                var start = output.Length;
                Atom();
                Quantifier(start);
            }
        }
    }

    private void Atom()
    {
        var c = pattern[position];
        if (c is not ('(' or '[' or '\\' or '.' or '^' or '$'))
        {
            if (c is '*' or '+' or '?') throw Unsupported($"'{c}' with nothing to repeat");
            Literal(CodePoint());
            return;
        }
        if (c != '\\') previousFoldedLiteral = '\0';
        switch (c)
        {
            case '(': Group(); break;
            case '[': output.Append(CharacterClass.Read(this)); break;
            case '\\': Escape(); break;
            case '.': position++; output.Append(dotMatchesNewLine ? @"[\s\S]" : "."); break;
            case '^': position++; output.Append("(?m:^)"); break;
            default: position++; output.Append("(?m:$)"); break;
        }
    }

    private void Group()
    {
        position++;
        if (++depth > Depth) throw Unsupported($"groups more than {Depth} deep");
        var (outerCase, outerDot) = (ignoreCase, dotMatchesNewLine);
        if (!Take("?")) output.Append("(?:");
        else if (Take(":")) output.Append("(?:");
        else if (Take("=")) output.Append("(?=");
        else if (Take("!")) output.Append("(?!");
        else if (Take(">")) output.Append("(?>");
        else if (Take("<=")) output.Append("(?<=");
        else if (Take("<!")) output.Append("(?<!");
        else
        {
            Options();
            if (Take(")"))
            {
                // (?i) holds to the end of the group around it, alternatives included.
                output.Append("(?:");
                Alternatives();
                output.Append(')');
                depth--;
                return;
            }
            if (!Take(":")) throw Unsupported($"the group '{Excerpt(position - 2)}'");
            output.Append("(?:");
        }
        Alternatives();
        if (!Take(")")) throw Unsupported("a group without its ')'");
        output.Append(')');
        (ignoreCase, dotMatchesNewLine) = (outerCase, outerDot);
        previousFoldedLiteral = '\0';
        depth--;
    }

    private void Options()
    {
        var on = true;
        for (; !AtEnd && pattern[position] is not (')' or ':'); position++)
        {
            switch (pattern[position])
            {
                case '-': on = false; break;
                case 'i': ignoreCase = on; break;
                case 'm': dotMatchesNewLine = on; break;
                default: throw Unsupported($"the group option '{pattern[position]}'");
            }
        }
    }

    private void Escape()
    {
        var next = position + 1 < pattern.Length ? pattern[position + 1] : throw Unsupported("a '\\' at its end");
        switch (next)
        {
            case 'b': Boundary("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))"); break;
            case 'B': Boundary("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))"); break;
            case 'A' or 'z' or 'Z' or 'G': Copy("\\" + next); break;
            case 's' or 'S' or 'd' or 'D' or 'w' or 'W' or 'h' or 'H' or 'p' or 'P':
                previousFoldedLiteral = '\0';
                var (members, negated) = CharacterClass.Shorthand(this);
                output.Append(negated ? "[^" : "[").Append(members).Append(']');
                break;
            default: Literal(EscapedCodePoint()); break;
        }

        void Copy(string text)
        {
            output.Append(text);
            position += 2;
            previousFoldedLiteral = '\0';
        }
        void Boundary(string form) => Copy(string.Format(CultureInfo.InvariantCulture, form, Word));
    }

    private void Literal(int point)
    {
        if (point > 0xFFFF)
        {
            output.Append('[');
            NameBeyondBmp(point, point, output);
            output.Append(']');
            previousFoldedLiteral = '\0';
            return;
        }
        var c = Name(point);
        if (!ignoreCase)
        {
            AppendLiteral(output, c);
            return;
        }
        var folded = CaseFolding.Equals(c);
        // Ignoring case, Oniguruma also takes one character for two: ß for ss, ﬁ for fi.
        if (CaseFolding.FoldsTogether(previousFoldedLiteral, c)) throw Unsupported($"the letters '{previousFoldedLiteral}{c}' without regard to case");
        previousFoldedLiteral = c;
        if (folded.Length == 1) AppendLiteral(output, c);
        else
        {
            output.Append('[');
            foreach (var equal in folded)
            {
                named.Add(equal);
                AppendLiteral(output, equal);
            }
            output.Append(']');
        }
    }

    private void Quantifier(int atomStart)
    {
        if (AtEnd) return;
        var start = position;
        var c = pattern[position];
        if (c is '*' or '+' or '?') position++;
        else if (c == '{')
        {
            var end = pattern.IndexOf('}', position);
            if (end < 0 || pattern.AsSpan(position + 1, end - position - 1).ContainsAnyExcept("0123456789,") || end == position + 1)
                throw Unsupported($"'{Excerpt(position)}'");
            position = end + 1;
        }
        else return;

        previousFoldedLiteral = '\0';
        var quantifier = pattern[start..position];
        if (quantifier.StartsWith("{,", StringComparison.Ordinal)) quantifier = "{0" + quantifier[1..];
        output.Insert(atomStart, "(?:").Append(')').Append(quantifier);
        if (Take("?")) output.Append('?');
        else if (!AtEnd && pattern[position] == '+')
        {
            if (c == '{') throw Unsupported("'+' after '{…}'");
            position++;
            output.Insert(atomStart, "(?>").Append(')');
        }
        if (AtEnd || pattern[position] is not ('*' or '+' or '?')) return;
        if (++depth > Depth) throw Unsupported($"more than {Depth} quantifiers behind each other");
        Quantifier(atomStart);
        depth--;
    }

    internal bool Take(string text)
    {
        if (string.CompareOrdinal(pattern, position, text, 0, text.Length) != 0) return false;
        position += text.Length;
        return true;
    }

    /// <summary>The code point at the cursor; moves behind it.</summary>
    internal int CodePoint()
    {
        if (AtEnd) throw Unsupported("an unfinished construct at its end");
        var rune = CodePoints.At(pattern, position, out var length);
        position += length;
        return rune.Value;
    }

    /// <summary>The code point that an escape stands for, the cursor on its backslash; moves behind it.</summary>
    internal int EscapedCodePoint()
    {
        position++;
        var c = CodePoint();
        switch (c)
        {
            case 't': return '\t';
            case 'n': return '\n';
            case 'r': return '\r';
            case 'f': return '\f';
            case 'v': return '\v';
            case 'a': return '\a';
            case 'e': return '\e';
            case '0': return '\0';
            case 'u': return Hexadecimal(4, 4);
            case 'x' when Take("{"):
                var point = Hexadecimal(1, 8);
                return Take("}") ? point : throw Unsupported("'\\x{' without its '}'");
            case 'x': return Hexadecimal(1, 2);
            case < 0x80 when char.IsAsciiLetterOrDigit((char)c): throw Unsupported($"'\\{(char)c}'");
            default: return c;
        }
    }

    private int Hexadecimal(int least, int most)
    {
        var start = position;
        while (position < pattern.Length && position - start < most && char.IsAsciiHexDigit(pattern[position])) position++;
        if (position - start < least) throw Unsupported($"the escape '{Excerpt(start - 2)}'");
        return int.Parse(pattern.AsSpan(start, position - start), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    /// <summary>Notes that the pattern names a character of the BMP.</summary>
    internal char Name(int point)
    {
        if (point is > 0xFFFF or (>= 0xD800 and < 0xE000)) throw Unsupported($"the code point U+{point:X4} here");
        named.Add((char)point);
        return (char)point;
    }

    /// <summary>Notes that the pattern names a range beyond the BMP, and writes its stand-ins as members of a class.</summary>
    internal void NameBeyondBmp(int first, int last, StringBuilder members)
    {
        if (ignoreCase) throw Unsupported($"the code point U+{first:X4} without regard to case");
        namedBeyondBmp.Add((first, last));
        if (standIns is null) members.Append("\\uFFFF");
        else
        {
            foreach (var c in standIns.Of(first, last)) AppendLiteral(members, c);
        }
    }

    internal bool IgnoreCase => ignoreCase;

    internal char Current => AtEnd ? throw Unsupported("an unfinished character class") : pattern[position];

    internal char? Following => position + 1 < pattern.Length ? pattern[position + 1] : null;

    internal static void AppendLiteral(StringBuilder output, char c)
    {
        if (char.IsAsciiLetterOrDigit(c)) output.Append(c);
        else output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
    }

    internal InvalidDataException Unsupported(string what) =>
        new($"The regular expression \"{pattern}\" uses {what}, which is not supported. Supported is Oniguruma's syntax without back-references, "
            + "named groups, nested or intersected classes, and script names.");

    private string Excerpt(int from) => pattern[Math.Max(from, 0)..Math.Min(Math.Max(from, 0) + 8, pattern.Length)];
}
