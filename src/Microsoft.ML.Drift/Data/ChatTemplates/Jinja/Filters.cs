using System.Numerics;

namespace Microsoft.ML.Drift.Data.Jinja;

internal delegate object? Filter(Sandbox sandbox, object? value, Arguments arguments);

/// <summary>What stands after <c>|</c>: the names of all filters, and the filters that fit in a line or two.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Filter> All = new()
    {
        ["abs"] = NumberFilters.Abs,
        ["attr"] = (sandbox, value, a) => Attributes.GetOwn(sandbox, value, a.Bind("do_attr", "name")[0].Text()),
        ["batch"] = ListFilters.Batch,
        ["capitalize"] = (sandbox, value, a) => Soft(sandbox, value, a, "do_capitalize", PythonCasing.Capitalize),
        ["center"] = TextFilters.Center,
        ["count"] = Length,
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = ListFilters.DictSort,
        ["e"] = TextFilters.Escape,
        ["escape"] = TextFilters.Escape,
        ["filesizeformat"] = NumberFilters.FileSize,
        ["first"] = ListFilters.First,
        ["float"] = NumberFilters.ToFloat,
        ["forceescape"] = TextFilters.ForceEscape,
        ["format"] = TextFilters.Format,
        ["groupby"] = GroupingFilters.GroupBy,
        ["indent"] = TextFilters.Indent,
        ["int"] = NumberFilters.ToInteger,
        ["items"] = ListFilters.Items,
        ["join"] = ListFilters.Join,
        ["last"] = ListFilters.Last,
        ["length"] = Length,
        ["list"] = ListFilters.List,
        ["lower"] = (sandbox, value, a) => Soft(sandbox, value, a, "do_lower", PythonCasing.Lower),
        ["map"] = SelectionFilters.Map,
        ["max"] = (sandbox, value, a) => GroupingFilters.Extreme(sandbox, value, a, Comparison.Greater),
        ["min"] = (sandbox, value, a) => GroupingFilters.Extreme(sandbox, value, a, Comparison.Less),
        ["pprint"] = TextFilters.PrettyPrint,
        ["random"] = (_, _, _) => throw Fail.Unsupported("The filter 'random'"),
        ["reject"] = (sandbox, value, a) => SelectionFilters.Select(sandbox, value, a, byAttribute: false, keep: false),
        ["rejectattr"] = (sandbox, value, a) => SelectionFilters.Select(sandbox, value, a, byAttribute: true, keep: false),
        ["replace"] = TextFilters.Replace,
        ["reverse"] = ListFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = TextFilters.Safe,
        ["select"] = (sandbox, value, a) => SelectionFilters.Select(sandbox, value, a, byAttribute: false, keep: true),
        ["selectattr"] = (sandbox, value, a) => SelectionFilters.Select(sandbox, value, a, byAttribute: true, keep: true),
        ["slice"] = ListFilters.Slice,
        ["sort"] = GroupingFilters.Sort,
        ["string"] = (sandbox, value, a) => Soft(sandbox, value, a, "soft_str", text => text),
        ["striptags"] = TextFilters.StripTags,
        ["sum"] = GroupingFilters.Sum,
        ["title"] = (sandbox, value, a) => Soft(sandbox, value, a, "do_title", TextFilters.Title),
        ["tojson"] = JsonWriter.Apply,
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = GroupingFilters.Unique,
        ["upper"] = (sandbox, value, a) => Soft(sandbox, value, a, "do_upper", PythonCasing.Upper),
        ["urlencode"] = TextFilters.UrlEncode,
        ["urlize"] = (_, _, _) => throw Fail.Unsupported("The filter 'urlize'"),
        ["wordcount"] = TextFilters.WordCount,
        ["wordwrap"] = TextWrap.Apply,
        ["xmlattr"] = TextFilters.XmlAttributes,
    };

    public static bool Exists(string name) => All.ContainsKey(name);

    public static object? Apply(Sandbox sandbox, string name, object? value, Arguments arguments) =>
        All.TryGetValue(name, out var filter) ? Run(filter, sandbox, value, arguments) : throw Fail.Runtime($"No filter named '{name}' found.");

    private static object? Run(Filter filter, Sandbox sandbox, object? value, Arguments arguments)
    {
        sandbox.Step();
        if (PythonText.Of(value) is { } text) sandbox.Scan(text.Length, arguments.Positional.Length > 0 ? PythonText.Of(arguments.Positional[0])?.Length ?? 0 : 0);
        return filter(sandbox, value, arguments);
    }

    /// <summary>The value as text, changed, and marked if it was marked.</summary>
    private static object Soft(Sandbox sandbox, object? value, Arguments arguments, string name, Func<string, string> change)
    {
        arguments.Bind(name);
        var text = PythonFormat.Str(sandbox, value);
        sandbox.Walk(text.Length);
        return PythonText.Like(value, sandbox.Made(change(text)));
    }

    private static object? Length(Sandbox sandbox, object? value, Arguments arguments)
    {
        arguments.BindPositional("len");
        return (BigInteger)PythonIteration.Length(value);
    }

    private static object? Default(Sandbox sandbox, object? value, Arguments arguments)
    {
        var values = arguments.Bind("do_default", "default_value?", "boolean?");
        return value is Undefined || (values[1].Truth() && !PythonComparison.IsTrue(value)) ? values[0].Or("") : value;
    }
}
