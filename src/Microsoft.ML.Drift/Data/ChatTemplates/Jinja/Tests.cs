using System.Numerics;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>What stands after <c>is</c>.</summary>
internal static class Tests
{
    private delegate object? Test(Sandbox sandbox, object? value, Arguments arguments);

    private static readonly Dictionary<string, Test> All = new()
    {
        ["defined"] = Simple(value => value is not Undefined),
        ["undefined"] = Simple(value => value is Undefined),
        ["none"] = Simple(value => value is null),
        ["true"] = Simple(value => value is true),
        ["false"] = Simple(value => value is false),
        ["boolean"] = Simple(value => value is bool),
        ["integer"] = Simple(value => value is BigInteger),
        ["float"] = Simple(value => value is double),
        ["number"] = Simple(PythonNumbers.IsNumber),
        ["string"] = Simple(value => value is string or Markup),
        ["mapping"] = Simple(value => value is PythonDict),
        ["sequence"] = Simple(value => value is string or Markup or PythonSequence or PythonDict or PythonRange or Undefined),
        ["iterable"] = Simple(PythonIteration.CanIterate),
        ["callable"] = Simple(value => value is ICallable or Undefined),
        ["escaped"] = Simple(value => value is Markup),
        ["lower"] = (sandbox, value, a) => PythonCasing.IsAll(Printed(sandbox, value, a, "test_lower"), lower: true),
        ["upper"] = (sandbox, value, a) => PythonCasing.IsAll(Printed(sandbox, value, a, "test_upper"), lower: false),
        ["odd"] = (sandbox, value, a) => Remainder(sandbox, value, a, "test_odd", 2, 1),
        ["even"] = (sandbox, value, a) => Remainder(sandbox, value, a, "test_even", 2, 0),
        ["divisibleby"] = (sandbox, value, a) =>
            PythonComparison.AreEqual(sandbox, PythonOperators.Apply(sandbox, BinaryOperator.Modulo, value, a.Bind("test_divisibleby", "num")[0]), BigInteger.Zero),
        ["sameas"] = (sandbox, value, a) => IsSame(sandbox, value, a.Bind("test_sameas", "other")[0]),
        ["in"] = (sandbox, value, a) => PythonComparison.Contains(sandbox, a.Bind("test_in", "seq")[0], value),
        ["filter"] = (_, value, a) => IsKnown(value, a, Filters.Exists),
        ["test"] = (_, value, a) => IsKnown(value, a, Exists),
        ["=="] = Compared(Comparison.Equal),
        ["eq"] = Compared(Comparison.Equal),
        ["equalto"] = Compared(Comparison.Equal),
        ["!="] = Compared(Comparison.NotEqual),
        ["ne"] = Compared(Comparison.NotEqual),
        [">"] = Compared(Comparison.Greater),
        ["gt"] = Compared(Comparison.Greater),
        ["greaterthan"] = Compared(Comparison.Greater),
        [">="] = Compared(Comparison.GreaterOrEqual),
        ["ge"] = Compared(Comparison.GreaterOrEqual),
        ["<"] = Compared(Comparison.Less),
        ["lt"] = Compared(Comparison.Less),
        ["lessthan"] = Compared(Comparison.Less),
        ["<="] = Compared(Comparison.LessOrEqual),
        ["le"] = Compared(Comparison.LessOrEqual),
    };

    public static bool Exists(string name) => All.ContainsKey(name);

    public static object? Apply(Sandbox sandbox, string name, object? value, Arguments arguments) =>
        All.TryGetValue(name, out var test) ? test(sandbox, value, arguments) : throw Fail.Runtime($"No test named '{name}' found.");

    private static Test Simple(Func<object?, bool> holds) => (_, value, arguments) =>
    {
        arguments.Bind("test");
        return holds(value);
    };

    private static Test Compared(Comparison comparison) => (sandbox, value, arguments) =>
        PythonComparison.Apply(sandbox, comparison, value, arguments.BindPositional("comparison", "other")[0]);

    private static string Printed(Sandbox sandbox, object? value, Arguments arguments, string name)
    {
        arguments.Bind(name);
        var text = PythonFormat.Str(sandbox, value);
        sandbox.Walk(text.Length);
        return text;
    }

    private static bool Remainder(Sandbox sandbox, object? value, Arguments arguments, string name, int divisor, int remainder)
    {
        arguments.Bind(name);
        return PythonComparison.AreEqual(sandbox, PythonOperators.Apply(sandbox, BinaryOperator.Modulo, value, (BigInteger)divisor), (BigInteger)remainder);
    }

    /// <summary>Identity; values that cannot be told apart count as one.</summary>
    private static bool IsSame(Sandbox sandbox, object? a, object? b) =>
        ReferenceEquals(a, b) || (a is not (null or PythonSequence or PythonDict) && a.GetType() == b?.GetType() && a is bool or BigInteger or double or string && PythonComparison.AreEqual(sandbox, a, b));

    private static bool IsKnown(object? value, Arguments arguments, Func<string, bool> exists)
    {
        arguments.Bind("test");
        if (value is PythonList or PythonDict) throw Fail.Type($"unhashable type: '{PythonTypes.Name(value)}'");
        return PythonText.Of(value) is { } name && exists(name);
    }
}
