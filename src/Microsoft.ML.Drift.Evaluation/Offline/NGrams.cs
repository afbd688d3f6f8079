namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>The n-grams of a set of texts, as numbers: equal n-grams of all texts have one number.</summary>
internal sealed class NGrams
{
    public const int Longest = 4;

    private readonly Dictionary<string, int> _words = [];
    private readonly Dictionary<(int Prefix, int Word), int>[] _grams = [.. Enumerable.Range(0, Longest + 1).Select(_ => new Dictionary<(int, int), int>())];

    /// <summary>How many different n-grams there are, by n.</summary>
    public int Kinds(int n) => n == 1 ? _words.Count : _grams[n].Count;

    /// <summary>The numbers of a text's n-grams in their order, for n = 1 to <see cref="Longest"/>; entry 0 is empty.</summary>
    public int[][] Of(IReadOnlyList<string> words)
    {
        var grams = new int[Longest + 1][];
        grams[0] = [];
        grams[1] = [.. words.Select(word => Number(_words, word))];
        // An n-gram is its first n − 1 words, already a number, and its last one.
        for (var n = 2; n <= Longest; n++)
        {
            var (length, prefixes, order) = (Math.Max(0, words.Count - n + 1), grams[n - 1], n);
            grams[n] = [.. Enumerable.Range(0, length).Select(i => Number(_grams[order], (prefixes[i], grams[1][i + order - 1])))];
        }
        return grams;
    }

    private static int Number<T>(Dictionary<T, int> numbers, T key) where T : notnull
    {
        if (!numbers.TryGetValue(key, out var number)) numbers[key] = number = numbers.Count;
        return number;
    }
}
