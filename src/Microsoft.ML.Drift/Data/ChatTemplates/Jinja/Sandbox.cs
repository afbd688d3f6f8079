using System.Numerics;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>The budget of one rendering: everything that loops, recurses or makes text pays here.</summary>
internal sealed class Sandbox(RenderLimits limits, DateTime? now = null)
{
    // A step is about 40 ns. Searching takes much less for a character, deciding something about each takes up to 10 ns.
    private const int CharactersPerStep = 256;
    private const int WalkedPerStep = 4;
    private const int MultipliedPerStep = 64;
    private const int DigitsPerStep = 256;
    private long steps;
    private long characters;
    private int callDepth;

    /// <summary>Line of the construct being evaluated, for error messages.</summary>
    public int Line { get; set; } = 1;

    /// <summary>The time <c>strftime_now</c> shows.</summary>
    public DateTime Now { get; } = now ?? DateTime.Now;

    public void Step(long count = 1)
    {
        steps += count;
        if (steps > limits.Steps) throw Fail.Limit($"rendering needs more than {limits.Steps} steps, which the sandbox does not allow");
    }

    /// <summary>Pays for reading through a text, in search of a pattern if there is one.</summary>
    public void Scan(int textLength, int patternLength = 0) => Step((textLength / CharactersPerStep) * (1L + (patternLength / CharactersPerStep)));

    /// <summary>Pays for a look at each character of a text, as changing its case takes.</summary>
    public void Walk(int textLength) => Step(textLength / WalkedPerStep);

    /// <summary>Pays for multiplying or dividing integers, which takes the product of their lengths.</summary>
    public void Calculate(BigInteger a, BigInteger b)
    {
        var (x, y) = (a.GetBitLength() / 32, b.GetBitLength() / 32);
        if (x + y > 2) Step((x + 1) * (y + 1) / MultipliedPerStep);
    }

    /// <summary>Pays for turning digits into an integer, which takes the square of their number.</summary>
    public void Digits(int count)
    {
        long read = Math.Min(count, RenderLimits.IntegerBits); // more are refused unread
        Step(read * read / DigitsPerStep);
    }

    /// <summary>Pays for the decimal digits of an integer.</summary>
    public string Printed(string digits)
    {
        Step(digits.Length);
        return digits;
    }

    /// <summary>Pays for a lookup; the hash code of a tuple takes its items.</summary>
    public void Lookup(object? key)
    {
        if (key is PythonTuple) Step(RenderLimits.KeyItems);
    }

    /// <summary>Pays for a text before it is made.</summary>
    public void Text(long length)
    {
        characters += length;
        if (length < 0 || characters > limits.Characters)
            throw Fail.Limit($"rendering makes more than {limits.Characters} characters of text, which the sandbox does not allow");
    }

    public string Made(string text)
    {
        Text(text.Length);
        return text;
    }

    public void EnterCall()
    {
        if (++callDepth > limits.CallDepth) throw Fail.Recursion();
        GuardStack();
    }

    public void LeaveCall() => callDepth--;

    /// <summary>To be called wherever the depth of the recursion is the template's or the data's choice.</summary>
    public static void GuardStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw Fail.Recursion();
    }
}
