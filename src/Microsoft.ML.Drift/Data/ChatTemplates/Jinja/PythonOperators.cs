using System.Numerics;
using System.Text;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>The operators <c>+ - * / // % **</c> and the signs, on numbers, texts, lists and tuples.</summary>
internal static class PythonOperators
{
    public static object? Apply(Sandbox sandbox, BinaryOperator op, object? left, object? right)
    {
        if (left is BigInteger a && right is BigInteger b) sandbox.Calculate(a, op == BinaryOperator.Power ? a : b);
        if (PythonNumbers.Apply(op, left, right) is { } number) return number;
        if (op == BinaryOperator.Modulo && PythonText.Of(left) is { } format)
            return PythonText.Like(left, PrintfFormat.Format(sandbox, format, right, escape: left is Markup));
        if (left is Undefined u) throw u.Error();
        if (right is Undefined v) throw v.Error();
        return op switch
        {
            BinaryOperator.Add => Concatenate(sandbox, left, right),
            BinaryOperator.Multiply => Repeat(sandbox, left, right),
            _ => null,
        } ?? throw Unsupported(op, left, right);
    }

    private static object? Concatenate(Sandbox sandbox, object? left, object? right)
    {
        if (left is Markup || right is Markup)
        {
            if (PythonText.Of(left) is null || PythonText.Of(right) is null) return null;
            return new Markup(sandbox.Made(Html.Escape(left) + Html.Escape(right)));
        }
        switch (left)
        {
            case string text:
                if (right is not string other) throw CannotConcatenate(left, right);
                sandbox.Text(text.Length + (long)other.Length);
                return text + other;
            case PythonList list:
                if (right is not PythonList items) throw CannotConcatenate(left, right);
                sandbox.Step(list.Items.Length + (long)items.Items.Length);
                return new PythonList([.. list.Items, .. items.Items]);
            case PythonTuple tuple:
                if (right is not PythonTuple rest) throw CannotConcatenate(left, right);
                sandbox.Step(tuple.Items.Length + (long)rest.Items.Length);
                return new PythonTuple([.. tuple.Items, .. rest.Items]);
            default:
                return null;
        }
    }

    private static ChatTemplateException CannotConcatenate(object? left, object? right)
    {
        var type = left is PythonTuple ? "tuple" : PythonTypes.Name(left);
        return Fail.Type($"can only concatenate {type} (not \"{PythonTypes.Name(right)}\") to {type}");
    }

    private static object? Repeat(Sandbox sandbox, object? left, object? right)
    {
        if (!PythonNumbers.TryInteger(right, out var count))
        {
            (left, right) = (right, left);
            if (!PythonNumbers.TryInteger(right, out count))
                return left is string or Markup or PythonSequence || right is string or Markup or PythonSequence
                    ? throw Fail.Type($"can't multiply sequence by non-int of type '{PythonTypes.Name(left is string or Markup or PythonSequence && right is not (string or Markup or PythonSequence) ? right : left)}'")
                    : null;
        }
        if (left is not (string or Markup or PythonSequence)) return null;
        if (count > long.MaxValue || count < long.MinValue) throw Fail.Overflow("cannot fit 'int' into an index-sized integer");
        count = BigInteger.Max(count, 0);
        if (PythonText.Of(left) is { } text)
        {
            sandbox.Text(Size(text.Length * count));
            return PythonText.Like(left, new StringBuilder().Insert(0, text, (int)count).ToString());
        }
        var sequence = (PythonSequence)left;
        sandbox.Step(Size(sequence.Items.Length * count));
        var items = Enumerable.Repeat(sequence.Items, (int)BigInteger.Min(count, int.MaxValue)).SelectMany(part => part);
        return sequence.Items.Length == 0 ? sequence : left is PythonList ? new PythonList([.. items]) : new PythonTuple([.. items]);
    }

    private static long Size(BigInteger size) => (long)BigInteger.Min(size, long.MaxValue / 2);

    private static ChatTemplateException Unsupported(BinaryOperator op, object? left, object? right)
    {
        var symbol = op switch
        {
            BinaryOperator.Add => "+",
            BinaryOperator.Subtract => "-",
            BinaryOperator.Multiply => "*",
            BinaryOperator.Divide => "/",
            BinaryOperator.FloorDivide => "//",
            BinaryOperator.Modulo => "%",
            _ => "** or pow()",
        };
        return Fail.Type($"unsupported operand type(s) for {symbol}: '{PythonTypes.Name(left)}' and '{PythonTypes.Name(right)}'");
    }

    public static object? Sign(object? value, bool negative)
    {
        if (value is double number) return negative ? -number : number;
        if (PythonNumbers.TryInteger(value, out var integer)) return negative ? -integer : integer;
        if (value is Undefined undefined) throw undefined.Error();
        throw Fail.Type($"bad operand type for unary {(negative ? '-' : '+')}: '{PythonTypes.Name(value)}'");
    }
}
