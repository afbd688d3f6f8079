namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>
/// Self-BLEU (Zhu et al. 2018, Texygen): the mean BLEU-4 of each text against all others as its references. Sentence BLEU as NLTK computes it there: equal weights, clipped counts, the reference length closest to the
/// text's, and smoothing method 1 of Chen and Cherry (2014), in which a count of 0 is 0.1.
/// </summary>
internal sealed class SelfBleu
{
    private const double Smoothing = 0.1;

    private readonly (int Gram, int Count)[][][] _counts;
    private readonly int[] _lengths;
    private readonly int[][] _most = new int[NGrams.Longest + 1][];
    private readonly int[][] _second = new int[NGrams.Longest + 1][];
    private readonly int[][] _owner = new int[NGrams.Longest + 1][];

    public SelfBleu(IReadOnlyList<int[][]> texts, NGrams grams)
    {
        _counts = [.. texts.Select(text => text.Select(order => order.CountBy(gram => gram).Select(pair => (pair.Key, pair.Value)).ToArray()).ToArray())];
        _lengths = [.. texts.Select(text => text[1].Length)];
        for (var n = 1; n <= NGrams.Longest; n++) (_most[n], _second[n], _owner[n]) = (new int[grams.Kinds(n)], new int[grams.Kinds(n)], new int[grams.Kinds(n)]);
    }

    /// <summary>The mean over these rows, each against the others of them; NaN for fewer than two.</summary>
    public double Of(IReadOnlyList<int> rows)
    {
        if (rows.Count < 2) return double.NaN;
        Collect(rows);
        var lengths = rows.Select(row => _lengths[row]).Order().ToArray();
        var mean = rows.Average(row => Score(row, lengths));
        Clear(rows);
        return mean;
    }

    /// <summary>For each n-gram its largest count in a row, that row, and the largest count in any other row: a text's references are all rows but itself.</summary>
    private void Collect(IReadOnlyList<int> rows)
    {
        foreach (var row in rows)
            for (var n = 1; n <= NGrams.Longest; n++)
                foreach (var (gram, count) in _counts[row][n])
                {
                    if (count > _most[n][gram]) (_second[n][gram], _most[n][gram], _owner[n][gram]) = (_most[n][gram], count, row);
                    else if (count > _second[n][gram]) _second[n][gram] = count;
                }
    }

    private void Clear(IReadOnlyList<int> rows)
    {
        foreach (var row in rows)
            for (var n = 1; n <= NGrams.Longest; n++)
                foreach (var (gram, _) in _counts[row][n]) _most[n][gram] = _second[n][gram] = 0;
    }

    private double Score(int row, int[] lengths)
    {
        var logPrecision = 0.0;
        for (var n = 1; n <= NGrams.Longest; n++)
        {
            var (matches, total) = (0, 0);
            foreach (var (gram, count) in _counts[row][n])
            {
                matches += Math.Min(count, _owner[n][gram] == row ? _second[n][gram] : _most[n][gram]);
                total += count;
            }
            if (n == 1 && matches == 0) return 0;
            logPrecision += Math.Log((matches == 0 ? Smoothing : matches) / Math.Max(1, total)) / NGrams.Longest;
        }
        var (length, closest) = (_lengths[row], Closest(lengths, _lengths[row]));
        return Math.Exp(logPrecision) * (length > closest ? 1 : Math.Exp(1 - closest / (double)length));
    }

    /// <summary>The length closest to a row's own among the other rows', the shorter of two equally close ones.</summary>
    private static int Closest(int[] sorted, int length)
    {
        var own = Array.BinarySearch(sorted, length);
        var before = own > 0 ? sorted[own - 1] : -1;
        var after = own + 1 < sorted.Length ? sorted[own + 1] : -1;
        if (before < 0) return after;
        if (after < 0) return before;
        return length - before <= after - length ? before : after;
    }
}
