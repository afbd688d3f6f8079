using System.Numerics;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>The methods of str. On marked text the results are marked too, and texts that are put in are escaped.</summary>
internal static class StringMethods
{
    private delegate object? Method(Sandbox sandbox, object target, string text, Arguments arguments);

    private static readonly Dictionary<string, Method> Methods = new()
    {
        ["strip"] = (sandbox, s, t, a) => Strip(sandbox, s, t, a, "strip", true, true),
        ["lstrip"] = (sandbox, s, t, a) => Strip(sandbox, s, t, a, "lstrip", true, false),
        ["rstrip"] = (sandbox, s, t, a) => Strip(sandbox, s, t, a, "rstrip", false, true),
        ["upper"] = (sandbox, s, t, a) => Plain(sandbox, s, t, a, "upper", PythonCasing.Upper),
        ["lower"] = (sandbox, s, t, a) => Plain(sandbox, s, t, a, "lower", PythonCasing.Lower),
        ["title"] = (sandbox, s, t, a) => Plain(sandbox, s, t, a, "title", PythonCasing.Title),
        ["capitalize"] = (sandbox, s, t, a) => Plain(sandbox, s, t, a, "capitalize", PythonCasing.Capitalize),
        ["swapcase"] = (sandbox, s, t, a) => Plain(sandbox, s, t, a, "swapcase", PythonCasing.SwapCase),
        ["casefold"] = (sandbox, s, t, a) => Plain(sandbox, s, t, a, "casefold", PythonCasing.Fold),
        ["split"] = (sandbox, s, t, a) => Split(sandbox, s, t, a, "split", fromEnd: false),
        ["rsplit"] = (sandbox, s, t, a) => Split(sandbox, s, t, a, "rsplit", fromEnd: true),
        ["splitlines"] = (sandbox, s, t, a) => List(sandbox, s, PythonText.SplitLines(t, a.Bind("splitlines", "keepends?")[0].Truth())),
        ["partition"] = (sandbox, s, t, a) => Partition(sandbox, s, t, a, "partition", fromEnd: false),
        ["rpartition"] = (sandbox, s, t, a) => Partition(sandbox, s, t, a, "rpartition", fromEnd: true),
        ["startswith"] = (_, _, t, a) => HasEnd(t, a, "startswith", (part, affix) => part.StartsWith(affix, StringComparison.Ordinal)),
        ["endswith"] = (_, _, t, a) => HasEnd(t, a, "endswith", (part, affix) => part.EndsWith(affix, StringComparison.Ordinal)),
        ["find"] = (_, _, t, a) => Find(t, a, "find", fromEnd: false),
        ["rfind"] = (_, _, t, a) => Find(t, a, "rfind", fromEnd: true),
        ["index"] = (_, _, t, a) => Found(Find(t, a, "index", fromEnd: false)),
        ["rindex"] = (_, _, t, a) => Found(Find(t, a, "rindex", fromEnd: true)),
        ["count"] = (_, _, t, a) => Count(t, a),
        ["replace"] = Replace,
        ["join"] = Join,
        ["format"] = (sandbox, s, t, a) => PythonText.Like(s, BraceFormat.Format(sandbox, t, a.Positional, a.Keywords, escape: s is Markup)),
        ["format_map"] = FormatMap,
        ["removeprefix"] = (sandbox, s, t, a) => a.BindPositional("removeprefix", "prefix")[0].Text() is var affix && t.StartsWith(affix, StringComparison.Ordinal) ? PythonText.Like(s, sandbox.Made(t[affix.Length..])) : s,
        ["removesuffix"] = (sandbox, s, t, a) => a.BindPositional("removesuffix", "suffix")[0].Text() is var affix && t.EndsWith(affix, StringComparison.Ordinal) ? PythonText.Like(s, sandbox.Made(t[..^affix.Length])) : s,
        ["center"] = (sandbox, s, t, a) => Pad(sandbox, s, t, a, "center"),
        ["ljust"] = (sandbox, s, t, a) => Pad(sandbox, s, t, a, "ljust"),
        ["rjust"] = (sandbox, s, t, a) => Pad(sandbox, s, t, a, "rjust"),
        ["zfill"] = (sandbox, s, t, a) => PythonText.Like(s, PythonPadding.ZeroFill(sandbox, t, a.BindPositional("zfill", "width")[0])),
        ["expandtabs"] = (sandbox, s, t, a) => PythonText.Like(s, PythonPadding.ExpandTabs(sandbox, t, a.Bind("expandtabs", "tabsize?")[0].Index(8))),
        ["unescape"] = (sandbox, _, t, a) => Changed(sandbox, t, Html.Unescape),
        ["striptags"] = (sandbox, _, t, a) => Changed(sandbox, t, Html.StripTags),
    };

    private static readonly HashSet<string> Refused = ["encode", "translate", "maketrans"];

    /// <summary>The method of that name; null if str has none.</summary>
    public static BoundMethod? Find(object target, string name)
    {
        if (Refused.Contains(name)) throw Fail.Unsupported($"The method str.{name}");
        var text = PythonText.Of(target)!;
        if (StringTests.Find(name) is { } test)
            return new BoundMethod(target, name, (sandbox, arguments) =>
            {
                arguments.BindPositional($"str.{name}");
                sandbox.Walk(text.Length);
                return test(text);
            });
        if (!Methods.TryGetValue(name, out var method) || (name is "unescape" or "striptags" && target is string)) return null;
        return new BoundMethod(target, name, (sandbox, arguments) =>
        {
            sandbox.Scan(text.Length, arguments.Positional.Length > 0 ? PythonText.Of(arguments.Positional[0])?.Length ?? 0 : 0);
            return method(sandbox, target, text, arguments);
        });
    }

    private static object Strip(Sandbox sandbox, object target, string text, Arguments arguments, string name, bool atStart, bool atEnd)
    {
        var chars = arguments.BindPositional(name, "chars?")[0];
        if (chars is not null && chars != Missing.Value && PythonText.Of(chars) is null) throw Fail.Type($"{name} arg must be None or str");
        var rest = PythonText.Trim(text, chars.TextOrNull(), atStart, atEnd);
        sandbox.Walk(text.Length - rest.Length);
        return PythonText.Like(target, sandbox.Made(rest));
    }

    private static object Plain(Sandbox sandbox, object target, string text, Arguments arguments, string name, Func<string, string> change)
    {
        arguments.BindPositional($"str.{name}");
        return PythonText.Like(target, Changed(sandbox, text, change));
    }

    private static string Changed(Sandbox sandbox, string text, Func<string, string> change)
    {
        sandbox.Walk(text.Length);
        sandbox.Text(text.Length);
        return change(text);
    }

    private static PythonList List(Sandbox sandbox, object target, List<string> parts)
    {
        sandbox.Step(parts.Count);
        sandbox.Text(parts.Sum(part => (long)part.Length));
        return new PythonList([.. parts.Select(part => PythonText.Like(target, part))]);
    }

    private static PythonList Split(Sandbox sandbox, object target, string text, Arguments arguments, string name, bool fromEnd)
    {
        var values = arguments.Bind(name, "sep?", "maxsplit?");
        var limit = values[1].Index(-1);
        var separator = values[0].Or(null);
        if (separator is null) return List(sandbox, target, fromEnd ? PythonText.SplitSpaceFromEnd(text, limit) : PythonText.SplitSpace(text, limit));
        if (PythonText.Of(separator) is not { } cut) throw Fail.Type($"must be str or None, not {PythonTypes.Name(separator)}");
        if (cut.Length == 0) throw Fail.Value("empty separator");
        return List(sandbox, target, fromEnd ? PythonText.SplitFromEnd(text, cut, limit) : PythonText.Split(text, cut, limit));
    }

    private static PythonTuple Partition(Sandbox sandbox, object target, string text, Arguments arguments, string name, bool fromEnd)
    {
        var separator = arguments.BindPositional(name, "sep")[0].Text();
        if (separator.Length == 0) throw Fail.Value("empty separator");
        sandbox.Text(text.Length);
        var at = fromEnd ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        string[] parts = at >= 0 ? [text[..at], separator, text[(at + separator.Length)..]] : fromEnd ? ["", "", text] : [text, "", ""];
        return new PythonTuple([.. parts.Select(part => PythonText.Like(target, part))]);
    }

    private static object HasEnd(string text, Arguments arguments, string name, Func<ReadOnlySpan<char>, string, bool> matches)
    {
        var values = arguments.BindPositional(name, "affix", "start?", "end?");
        var affixes = values[0] is PythonTuple tuple ? tuple.Items : [values[0]];
        if (affixes.FirstOrDefault(affix => PythonText.Of(affix) is null) is var wrong && Array.Exists(affixes, affix => PythonText.Of(affix) is null))
            throw Fail.Type($"{name} first arg must be str or a tuple of str, not {PythonTypes.Name(wrong)}");
        var window = Window(text, values[1], values[2]);
        if (window is null) return false;
        var (start, end) = window.Value;
        return Array.Exists(affixes, affix => matches(text.AsSpan(start, end - start), PythonText.Of(affix)!));
    }

    /// <summary>The units between two positions given in code points; null if the start is behind the end.</summary>
    private static (int Start, int End)? Window(string text, object? start, object? end)
    {
        var length = start == Missing.Value && end == Missing.Value ? text.Length : CodePoints.Length(text);
        var from = Part(start, 0);
        var to = Part(end, length);
        if (from > to || from > length) return null;
        return start == Missing.Value && end == Missing.Value ? (0, length) : (CodePoints.Offset(text, from), CodePoints.Offset(text, to));

        int Part(object? value, int otherwise)
        {
            if (value is null || value == Missing.Value) return otherwise;
            if (!PythonNumbers.TryInteger(value, out var index)) throw Fail.Type("slice indices must be integers or None or have an __index__ method");
            if (index.Sign < 0) index = BigInteger.Max(0, index + length);
            return index > length ? (otherwise == 0 ? length + 1 : length) : (int)index;
        }
    }

    private static BigInteger Find(string text, Arguments arguments, string name, bool fromEnd)
    {
        var values = arguments.BindPositional(name, "sub", "start?", "end?");
        var part = values[0].Text();
        if (Window(text, values[1], values[2]) is not var (start, end)) return -1;
        var window = text.AsSpan(start, end - start);
        var at = fromEnd ? window.LastIndexOf(part, StringComparison.Ordinal) : window.IndexOf(part, StringComparison.Ordinal);
        if (fromEnd && part.Length == 0) at = window.Length;
        return at < 0 ? -1 : CodePoints.Length(text.AsSpan(0, start + at));
    }

    private static BigInteger Found(BigInteger position) => position.Sign >= 0 ? position : throw Fail.Value("substring not found");

    private static BigInteger Count(string text, Arguments arguments)
    {
        var values = arguments.BindPositional("count", "sub", "start?", "end?");
        var part = values[0].Text();
        if (Window(text, values[1], values[2]) is not var (start, end)) return 0;
        var window = text.AsSpan(start, end - start);
        return part.Length == 0 ? CodePoints.Length(window) + 1 : window.Count(part);
    }

    private static object Replace(Sandbox sandbox, object target, string text, Arguments arguments)
    {
        var values = arguments.BindPositional("replace", "old", "new", "count?");
        foreach (var (value, place) in new[] { (values[0], 1), (values[1], 2) })
        {
            if (PythonText.Of(value) is null) throw Fail.Type($"replace() argument {place} must be str, not {PythonTypes.Name(value)}");
        }
        var replacement = target is Markup ? Html.Escape(values[1]) : values[1].Text();
        return PythonText.Like(target, PythonPadding.Replace(sandbox, text, values[0].Text(), replacement, values[2].Index(-1)));
    }

    private static object Join(Sandbox sandbox, object target, string text, Arguments arguments)
    {
        var iterable = arguments.BindPositional("join", "iterable")[0];
        if (!PythonIteration.CanIterate(iterable)) throw Fail.Type("can only join an iterable");
        var parts = new List<string>();
        foreach (var item in PythonIteration.Iterate(sandbox, iterable))
        {
            if (target is Markup) parts.Add(Html.Escape(item is string or Markup ? item : PythonFormat.Str(sandbox, item)));
            else parts.Add(PythonText.Of(item) ?? throw Fail.Type($"sequence item {parts.Count}: expected str instance, {PythonTypes.Name(item)} found"));
        }
        sandbox.Text(parts.Sum(part => (long)part.Length + text.Length));
        return PythonText.Like(target, string.Join(text, parts));
    }

    private static object FormatMap(Sandbox sandbox, object target, string text, Arguments arguments)
    {
        var mapping = arguments.BindPositional("format_map", "mapping")[0];
        if (mapping is not PythonDict dict) throw Fail.Type($"'{PythonTypes.Name(mapping)}' object is not a mapping");
        var named = dict.Items.Where(item => PythonText.Of(item.Key) is not null).Select(item => (PythonText.Of(item.Key)!, item.Value)).ToArray();
        return PythonText.Like(target, BraceFormat.Format(sandbox, text, [], named, escape: target is Markup));
    }

    private static object Pad(Sandbox sandbox, object target, string text, Arguments arguments, string name)
    {
        var values = arguments.BindPositional(name, "width", "fillchar?");
        var width = PythonNumbers.ToIndex(values[0], "a width");
        var fill = values[1] == Missing.Value ? " " : values[1].Text();
        if (CodePoints.Length(fill) != 1) throw Fail.Type("The fill character must be exactly one character long");
        return PythonText.Like(target, PythonPadding.Pad(sandbox, text, width, target is Markup ? Html.Escape(fill) : fill, name));
    }
}
