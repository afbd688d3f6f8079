namespace Microsoft.ML.Drift.Data.Jinja;

/// <summary>
/// How much one rendering may cost. Templates come with downloaded models; a hostile one must end with an error, not with a full
/// memory. The defaults are far above what a conversation of hundreds of thousands of tokens needs.
/// </summary>
internal sealed record RenderLimits
{
    public static readonly RenderLimits Default = new();

    /// <summary>Evaluated nodes, loop turns and handled list items in sum.</summary>
    public long Steps { get; init; } = 20_000_000;

    /// <summary>Characters (UTF-16 units) of all texts made on the way, intermediate ones included.</summary>
    public long Characters { get; init; } = 1L << 27;

    /// <summary>Nested macro calls and recursive loops; CPython gives up at about the same depth.</summary>
    public int CallDepth { get; init; } = 198;

    /// <summary>Blocks within each other (<c>for</c>, <c>if</c>, …). Finding a name takes as many steps, so that depth costs its square; CPython allows 20 loops.</summary>
    public const int BlockDepth = 100;

    /// <summary>Items of a tuple that is a key of a dict, nested ones included.</summary>
    public const int KeyItems = 1000;

    /// <summary>Items of a range; Jinja's own limit.</summary>
    public const int RangeLength = 100_000;

    /// <summary>Bits of an integer: room for the longest that can be printed.</summary>
    public const int IntegerBits = 1 << 14;

    /// <summary>Decimal digits of an integer that is printed or read; Python's own limit.</summary>
    public const int IntegerDigits = 4300;
}
