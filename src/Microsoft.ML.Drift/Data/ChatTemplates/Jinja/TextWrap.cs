using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>The filter <c>wordwrap</c>: Python's <c>textwrap.wrap</c> for every line.</summary>
internal static partial class TextWrap
{
    private const int PiecesPerStep = 16;
    private const string Space = @"[\t\n\v\f\r ]";
    private const string NoSpace = @"[^\t\n\v\f\r ]";
    private const string Letter = @"[^\d\W]";
    private const string WordOrPunctuation = @"[\w!""'&.,?]";

    public static object? Apply(Sandbox sandbox, object? value, Arguments arguments)
    {
        var values = arguments.Bind("do_wordwrap", "width?", "break_long_words?", "wrapstring?", "break_on_hyphens?");
        if (value is Undefined undefined) throw undefined.Error();
        var text = PythonText.Of(value) ?? throw Fail.Attribute($"'{PythonTypes.Name(value)}' object has no attribute 'splitlines'");
        var width = values[0].Index(79);
        var wrap = values[2].Or(null) is { } given ? given.Text() : "\n";
        if (width <= 0 && text.Length > 0) throw Fail.Value($"invalid width {width} (must be > 0)");
        // An empty line stays one, so that lines are counted before they are joined.
        var lines = PythonText.SplitLines(text, keepEnds: false).Select(line => Wrap(sandbox, line, width, values[1].Truth(true), values[3].Truth(true)) is { Count: > 0 } parts ? parts : [""]).SelectMany(parts => parts).ToArray();
        sandbox.Text(lines.Sum(line => (long)line.Length + wrap.Length));
        return string.Join(wrap, lines);
    }

    private static List<string> Wrap(Sandbox sandbox, string text, int width, bool breaksWords, bool breaksHyphens)
    {
        var chunks = new Stack<string>((breaksHyphens ? WordsAndHyphens() : Words()).Split(text).Where(chunk => chunk.Length > 0).Reverse());
        // What is left of a long word is measured and copied for every piece that is cut off it.
        foreach (var chunk in chunks)
            if (chunk.Length > width) sandbox.Step((long)chunk.Length * chunk.Length / width / PiecesPerStep);
        var lines = new List<string>();
        while (chunks.Count > 0)
        {
            if (lines.Count > 0 && IsSpace(chunks.Peek())) chunks.Pop();
            var line = new List<string>();
            var length = 0;
            while (chunks.Count > 0 && length + CodePoints.Length(chunks.Peek()) <= width)
            {
                line.Add(chunks.Pop());
                length += CodePoints.Length(line[^1]);
            }
            if (chunks.Count > 0 && CodePoints.Length(chunks.Peek()) > width) TakeLongWord(chunks, line, width - length, breaksWords, breaksHyphens);
            if (line.Count > 0 && IsSpace(line[^1])) line.RemoveAt(line.Count - 1);
            if (line.Count > 0) lines.Add(string.Concat(line));
        }
        return lines;
    }

    private static bool IsSpace(string chunk) => chunk.Length == 0 || PythonText.IsBlank(chunk);

    private static void TakeLongWord(Stack<string> chunks, List<string> line, int room, bool breaksWords, bool breaksHyphens)
    {
        if (!breaksWords)
        {
            if (line.Count == 0) line.Add(chunks.Pop());
            return;
        }
        var chunk = chunks.Pop();
        var end = CodePoints.Offset(chunk, room);
        if (breaksHyphens && CodePoints.Length(chunk) > room)
        {
            var hyphen = chunk.AsSpan(0, end).LastIndexOf('-');
            if (hyphen > 0 && chunk.AsSpan(0, hyphen).ContainsAnyExcept('-')) end = hyphen + 1;
        }
        line.Add(chunk[..end]);
        chunks.Push(chunk[end..]);
    }

    [GeneratedRegex($"({Space}+)", RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(
        $"({Space}+|(?<={WordOrPunctuation})-{{2,}}(?=\\w)|{NoSpace}+?(?:-(?:(?<={Letter}{{2}}-)|(?<={Letter}-{WordOrPunctuation}-))(?={Letter}-?{Letter})|(?={Space}|\\z)|(?<={WordOrPunctuation})(?=-{{2,}}\\w)))",
        RegexOptions.CultureInvariant)]
    private static partial Regex WordsAndHyphens();
}
