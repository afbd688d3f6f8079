namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>Measures of one text, and of a set of texts.</summary>
internal static class TextMeasures
{
    /// <summary>seq-rep-4 (Welleck et al. 2020): 1 − different 4-grams / 4-grams; 0 for a text of less than four words.</summary>
    public static double Repetition(int[][] grams)
    {
        var longest = grams[NGrams.Longest];
        return longest.Length == 0 ? 0 : 1 - longest.Distinct().Count() / (double)longest.Length;
    }

    /// <summary>The share of a text's 4-grams that stand in the source; of a shorter text, whether it stands there as a whole; 0 for an empty one.</summary>
    public static double Copied(IReadOnlyList<string> words, IReadOnlyList<string> source)
    {
        var n = Math.Min(NGrams.Longest, words.Count);
        if (n == 0) return 0;
        var known = Grams(source, n).ToHashSet();
        return Grams(words, n).Average(gram => known.Contains(gram) ? 1.0 : 0);
    }

    /// <summary>distinct-n (Li et al. 2016): different n-grams of all texts over all their n-grams; NaN if there is none.</summary>
    public static double Distinct(IReadOnlyList<int[][]> texts, IReadOnlyList<int> rows, int n, int kinds)
    {
        var seen = new bool[kinds];
        var (different, all) = (0, 0);
        foreach (var row in rows)
        {
            foreach (var gram in texts[row][n])
            {
                if (!seen[gram]) different++;
                seen[gram] = true;
            }
            all += texts[row][n].Length;
        }
        return all == 0 ? double.NaN : different / (double)all;
    }

    // Unit separators stand in no word.
    private static IEnumerable<string> Grams(IReadOnlyList<string> words, int n) =>
        Enumerable.Range(0, Math.Max(0, words.Count - n + 1)).Select(start => string.Join('\u001f', words.Skip(start).Take(n)));
}
