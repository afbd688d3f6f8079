namespace Microsoft.ML.Drift.Evaluation;

/// <summary>How long a text is, as both benchmarks count: Python's <c>len</c>.</summary>
internal static class TextLength
{
    /// <summary>Number of Unicode code points; a lone surrogate counts as one.</summary>
    public static int Of(string text)
    {
        var length = text.Length;
        for (var i = 1; i < text.Length; i++)
            if (char.IsSurrogatePair(text[i - 1], text[i])) length--;
        return length;
    }
}
