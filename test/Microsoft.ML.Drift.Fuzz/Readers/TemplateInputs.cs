using System.Text;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Chat templates: real and hostile ones with their words changed, and ones put together by the grammar with values that grow.</summary>
internal sealed partial class TemplateInputs
{
    public static readonly string[] Hostile =
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}", "{{ ['a'] * 1000000000 }}", "{{ ('ab' * 10000) | center(2000000000) }}", "{{ 'a' | indent(2000000000) }}", "{{ ('a b ' * 9999) | wordwrap(1, true, 'x' * 9999) }}",
        "{{ ('x' * 9999).replace('', 'y' * 9999) }}", "{{ ('x' * 9999) | replace('x', 'y' * 9999) }}", "{{ ('y' * 9999).join(range(99999)) }}", "{{ range(99999) | join('y' * 9999) }}", "{{ '%1000000000d' % 1 }}", "{{ '%*d' % (2000000000, 1) }}",
        "{{ '{:>1000000000}'.format(1) }}", "{{ '{0:{1}}'.format(1, 999999999) }}", "{{ 'x'.zfill(2000000000) }}", "{{ '\t'.expandtabs(2000000000) }}", "{{ 2 ** 1000000000 }}", "{{ 9 ** 9 ** 9 }}", "{{ (2 ** 262143) * (2 ** 262143) }}",
        "{{ 1 * (10 ** 4299) }}", "{% set ns = namespace(a='x') %}{% for i in range(99999) %}{% set ns.a = ns.a + ns.a %}{% endfor %}", "{% set ns = namespace(a=[1]) %}{% for i in range(99999) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
        "{% macro m(x) %}{{ m(x + 1) }}{% endmacro %}{{ m(0) }}", "{% macro m(x) %}{{ m(x) }}{{ m(x) }}{% endmacro %}{{ m(0) }}", "{% for x in [[1, [2]]] recursive %}{{ loop([[x]]) }}{% endfor %}", "{% set a = [] %}{% for i in range(9999) %}{% set a = [a, a] %}{% endfor %}{{ a }}",
        "{% set ns = namespace(a=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}{{ ns.a == ns.a }}{{ ns.a | tojson }}", "{% set ns = namespace(a=()) %}{% for i in range(40) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}{{ ns.a == ns.a }}",
        "{{ ('a' * 99999).split('') }}", "{{ ('a ' * 99999).split() | length }}", "{{ ('a' * 99999) | list | sort | unique | groupby('x') | length }}", "{{ ('a' * 9999) | batch(1) | list | length }}", "{{ range(99999) | slice(99999) | list | length }}",
        "{{ (range(99999) | list) == (range(99999) | list) }}", "{{ range(0, 10 ** 30, 10 ** 29) | list }}", "{{ ('<' * 99999) | escape | escape | escape | striptags }}", "{{ ('é' * 99999) | urlencode | urlencode }}", "{{ ('a' * 99999) | title | upper | wordcount }}",
        "{{ (range(99999) | map('string') | join) | int }}", "{{ ('9' * 99999) | int }}", "{{ '1e999999999' | float }}", "{{ (10 ** 4000) | string | length }}", "{{ 1e308 * 10 }}", "{{ 0 / 0 }}", "{{ 5 % 0 }}", "{{ 1 // 0 }}", "{{ (-1) ** 0.5 }}", "{{ 0 ** -1 }}",
        "{{ (range(9999) | list) | sum(start=[]) }}", "{{ 'a'.format_map(x) }}", "{{ '{0.a.b[c]}'.format(messages) }}", "{{ ''.__class__.__mro__ }}", "{{ messages.__init__.__globals__ }}", "{{ cycler.__init__ }}", "{{ messages | attr('__class__') }}", "{{ self._TemplateReference__context }}",
        "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{{ lipsum(999999) }}", "{% set x = messages.append(1) %}", "{{ raise_exception('x' * 9999999) }}", "{{ strftime_now('%Y' * 99999) }}", "{{ strftime_now('%') }}",
        "{{ ('a' * 30000) | wordwrap(1) | length }}", "{{ (('a' * 5000) ~ 'b') in ('a' * 30000) }}", "{{ ('ab' * 30000).count('abababababab') }}", "{{ ('a' * 30000).strip('b' * 30000) }}", "{{ ('a' * 100000)[::-1][::2] }}", "{{ (range(99999)|list)[::-1] | length }}",
        "{{ messages | tojson(indent=999999999) }}", "{{ {'a': messages} | dictsort | pprint }}", "{{ ('x' * 9999) | truncate(5000, true, 'y' * 9999) }}", "{{ ('a,' * 50000).rsplit(',', 40000) | join | length }}", "{{ 'a'.center(-5).ljust(0) }}", "{{ dict(a=1, **{'b': 2}) }}",
        "{% filter upper %}{% filter lower %}{{ 'a' * 100000 }}{% endfilter %}{% endfilter %}", "{% call(x) m() %}{% endcall %}", "{% generation %}{{ 'a' * 100000 }}{% endgeneration %}", "{% raw %}{{ {% endraw %}", "{{ 'ß' * 100000 | upper }}", "{{ ('İ' * 99999).lower().casefold().title().swapcase() }}",
        "{% set ns = namespace(t='a' * 100000) %}{% for i in range(99999) %}{{ ns.t.partition('a') and '' }}{% endfor %}", "{% set t = 'a' * 100000 %}{% for i in range(99999) %}{% if t.startswith(t) and t == t ~ '' %}{% endif %}{% endfor %}",
        "{% set t = 'a' * 100000 %}{% for i in range(99999) %}{{ (t | length) and '' }}{{ t[i:i+1] and '' }}{% endfor %}", "{% set t = range(99999) | list %}{% for i in range(99999) %}{{ (i in t) and '' }}{% endfor %}", "{% set t = 'b' * 100000 %}{% for i in range(99999) %}{{ t.find('a') and '' }}{{ t.isalnum() and '' }}{{ t is lower and '' }}{% endfor %}",
        "{% set t = '&lt;' * 30000 %}{% for i in range(9999) %}{{ (t|safe).unescape() and '' }}{{ t.splitlines() and '' }}{{ t.strip() and '' }}{% endfor %}", "{% set n = 2 ** 200000 %}{% for i in range(99999) %}{{ (n * n // n) and '' }}{% endfor %}", "{% set n = 10 ** 4000 %}{% for i in range(99999) %}{{ (n ~ '') and '' }}{% endfor %}",
        "{% set n = 2 ** 262000 %}{% for i in range(99999) %}{{ (n // 3 % 7) and '' }}{{ (n == n + 1) and '' }}{{ (-n) and '' }}{{ (n | abs) and '' }}{% endfor %}", "{% set d = {} %}{% for i in range(99999) %}{% set d = dict(d, a=i) %}{% endfor %}",
    ];

    private static readonly string[] Names = ["messages", "message", "x", "ns", "loop", "add_generation_prompt", "tools", "bos_token", "i", "m", "true", "none", "undefined_name", "messages[0]", "messages[0].content", "messages[-1]['role']", "loop.index", "loop.previtem", "caller()", "varargs", "kwargs"];

    private static readonly string[] Literals =
        ["0", "1", "-1", "2", "3", "7", "63", "255", "9999", "99999", "100000", "1000000", "2147483647", "2147483648", "9223372036854775807", "99999999999999999999", "0.5", "1e308", "1e-300", "''", "'a'", "'a b c'", "'é😀'", "'\\n\\t'", "'%s'", "'{}'", "'<b>&amp;'", "[]", "[1, 2]", "['a', 'b']", "()", "(1,)", "{}", "{'a': 1}", "range(9)", "range(99999)", "('a' * 9999)", "('a b ' * 2500)", "(range(9999) | list)", "(2 ** 9999)", "'\\ud800'"];

    private static readonly string[] Filters =
    [
        "abs", "attr('a')", "batch(3)", "batch(2, 'x')", "capitalize", "center(80)", "count", "d('x')", "default('', true)", "dictsort", "e", "escape", "filesizeformat", "first", "float", "forceescape", "format(1, 2)", "groupby('role')", "indent", "indent(8, true)", "int", "int(0, 16)", "items", "join(', ')", "join",
        "last", "length", "list", "lower", "map('upper')", "map(attribute='role')", "max", "min", "pprint", "random", "reject('equalto', 1)", "rejectattr('role')", "replace('a', 'bb')", "replace('', '-')", "reverse", "round", "round(2, 'floor')", "safe", "select", "select('string')", "selectattr('role', 'equalto', 'user')",
        "slice(3)", "sort", "sort(reverse=true, attribute='role')", "string", "striptags", "sum", "sum(start=1)", "title", "tojson", "tojson(indent=2)", "trim", "trim('a')", "truncate(9)", "truncate(3, true, '')", "unique", "upper", "urlencode", "urlize", "wordcount", "wordwrap(5)", "wordwrap(1, false)", "xmlattr", "nofilter",
    ];

    private static readonly string[] Methods =
    [
        ".upper()", ".lower()", ".split()", ".split(',')", ".split('a', 2)", ".rsplit(None, 1)", ".strip()", ".lstrip('a')", ".startswith('a')", ".endswith(('a', 'b'))", ".replace('a', 'b')", ".replace('a', 'bb', 3)", ".join(['a'])", ".format(1, a=2)", ".find('a')", ".index('a')", ".count('a')", ".title()", ".items()", ".keys()",
        ".values()", ".get('a')", ".get('role', 1)", ".splitlines()", ".zfill(50)", ".center(50, '*')", ".ljust(50)", ".partition('a')", ".rpartition(' ')", ".casefold()", ".swapcase()", ".isdigit()", ".expandtabs(4)", ".removeprefix('a')", ".pop()", ".update({})", ".append(1)", ".encode()", "[0]", "[-1]", "[99]", "['a']", "[1:]", "[::-1]",
        "[::0]", "[:99999999999]", ".a", ".__class__", ".role", ".index0", ".cycle(1, 2)", ".changed(1)", "()", "(1)", "(*[1, 2])", "(**{'a': 1})",
    ];

    private static readonly string[] Operators = [" + ", " - ", " * ", " / ", " // ", " % ", " ** ", " ~ ", " == ", " != ", " < ", " >= ", " in ", " not in ", " and ", " or ", " is ", " is not ", " if true else "];

    private static readonly string[] Tests = ["defined", "none", "string", "number", "iterable", "mapping", "sequence", "odd", "divisibleby(0)", "divisibleby(3)", "sameas(1)", "in([1])", "upper", "eq(1)", "gt('a')", "callable", "escaped", "notest"];

    private readonly TextMutator _texts;

    public TemplateInputs()
    {
        var real = Recordings.Texts("chat-templates", "*.jinja", 24 << 10).ToArray();
        string[] dictionary = [.. Hostile, .. Names, .. Literals, .. Filters.Select(filter => " | " + filter), .. Methods, .. Operators, "{%", "%}", "{{", "}}", "{#", "#}", "{%-", "-%}", "{% endif %}", "{% endfor %}", "{% else %}", "{% if true %}", "{% for i in range(3) %}",
            "{% break %}", "{% continue %}", "{% macro m(a, b=1) %}", "{% endmacro %}", "{% raw %}", "{% endraw %}", "(", ")", "[", "]", "{", "}", ",", ":", "'", "\"", "\\", "\n", "\u2028", "*", "**"];
        _texts = new([TinyModel.Template, .. Hostile, .. real], Words(), dictionary);
    }

    public byte[] Next(FuzzRandom random) => random.Below(10) switch
    {
        < 5 => _texts.Next(random),
        9 when random.Chance(30) => TinyModel.Utf8(Deep(random)),
        _ => TinyModel.Utf8(string.Concat(Enumerable.Range(0, 1 + random.Below(4)).Select(_ => Statement(random, 3)))),
    };

    private static string Deep(FuzzRandom random)
    {
        var depth = random.Pick([20, 200, 2000, 20_000]);
        var (before, middle, after) = random.Pick<(string, string, string)>(
        [
            ("(", "1", ")"), ("[", "1", "]"), ("{'a':", "1", "}"), ("-", "1", ""), ("not ", "1", ""), ("a.b(", "1", ")"), ("1 + ", "1", ""), ("1 ** ", "1", ""), ("a[", "1", "]"), ("x if ", "1", " else 1"), ("'a' ~ ", "'a'", ""), ("", "a", ".b"), ("", "a", "[0]"), ("", "a", "()"), ("", "'a'", " | upper"), ("", "1", " is odd"), ("1 < ", "1", ""), ("a and ", "1", ""),
        ]);
        if (random.Chance(40))
        {
            var (open, close) = random.Pick<(string, string)>([("{% if 1 %}", "{% endif %}"), ("{% for i in [1] %}", "{% endfor %}"), ("{% set x %}", "{% endset %}"), ("{% filter upper %}", "{% endfilter %}"), ("{% with a = 1 %}", "{% endwith %}"), ("{% macro m() %}", "{% endmacro %}"), ("{% if 0 %}{% elif 1 %}", "{% endif %}"), ("{% call m() %}", "{% endcall %}"), ("{% generation %}", "{% endgeneration %}")]);
            return string.Concat(Enumerable.Repeat(open, depth)) + "x" + string.Concat(Enumerable.Repeat(close, depth));
        }
        return "{{ " + string.Concat(Enumerable.Repeat(before, depth)) + middle + string.Concat(Enumerable.Repeat(after, depth)) + " }}";
    }

    private static string Statement(FuzzRandom random, int depth)
    {
        string Body() => depth == 0 ? "x" : Statement(random, depth - 1);
        string Value() => Expression(random, 3);
        return random.Below(14) switch
        {
            0 => $"{{% for x in {Value()} %}}{Body()}{{% else %}}{Body()}{{% endfor %}}",
            1 => $"{{% for x, i in {Value()} if {Value()} %}}{Body()}{{% endfor %}}",
            2 => $"{{% for x in {Value()} recursive %}}{{{{ loop({Value()}) }}}}{Body()}{{% endfor %}}",
            3 => $"{{% if {Value()} %}}{Body()}{{% elif {Value()} %}}{Body()}{{% endif %}}",
            4 => $"{{% set x = {Value()} %}}{Body()}",
            5 => $"{{% set ns = namespace(a={Value()}) %}}{{% for i in range(9) %}}{{% set ns.a = ns.a{random.Pick(Operators)}{Value()} %}}{{% endfor %}}{{{{ ns.a }}}}",
            6 => $"{{% set x %}}{Body()}{{% endset %}}{{{{ x{random.Pick(Methods)} }}}}",
            7 => $"{{% macro m(a, b={Value()}) %}}{Body()}{{{{ a }}}}{{% endmacro %}}{{{{ m({Value()}) }}}}",
            8 => $"{{% filter {random.Pick(Filters)} %}}{Body()}{{% endfilter %}}",
            9 => $"{{% with x = {Value()} %}}{Body()}{{% endwith %}}",
            10 => $"{{% call(a) m({Value()}) %}}{Body()}{{% endcall %}}",
            11 => $"{{% generation %}}{Body()}{{% endgeneration %}}",
            _ => $"{{{{ {Value()} }}}}",
        };
    }

    private static string Expression(FuzzRandom random, int depth)
    {
        if (depth == 0) return random.Chance(50) ? random.Pick(Literals) : random.Pick(Names);
        string Part() => Expression(random, depth - 1 - random.Below(2) is var next and >= 0 ? next : 0);
        return random.Below(9) switch
        {
            0 => $"({Part()}{random.Pick(Operators)}{Part()})",
            1 => $"{Part()} | {random.Pick(Filters)}",
            2 => $"({Part()}){random.Pick(Methods)}",
            3 => $"({Part()} is {random.Pick(Tests)})",
            4 => $"[{Part()}, {Part()}]",
            5 => $"({Part()} if {Part()} else {Part()})",
            6 => $"({Part()}){random.Pick(Methods)[..^1]}{random.Pick(["", ", "])}{Part()})",
            7 => $"{random.Pick(["range", "dict", "namespace", "cycler", "joiner", "strftime_now", "raise_exception"])}({Part()})",
            _ => Part(),
        };
    }

    [GeneratedRegex(@"\{[{%#]-?|-?[}%#]\}|\w+|'[^']*'|""[^""]*""|\s+|[^\w\s]")]
    private static partial Regex Words();
}
