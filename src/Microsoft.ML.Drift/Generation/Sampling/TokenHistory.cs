namespace Microsoft.ML.Drift.Generation;

/// <summary>The tokens of one row, prompt and answer so far, as the penalties see them.</summary>
internal sealed class TokenHistory
{
    private readonly int[] _ids;
    private readonly HashSet<int> _distinct = [];
    private readonly bool _countsTokens;
    private readonly Dictionary<int, int> _generatedCounts = [];
    private int _count;

    /// <param name="promptIds">The prompt's ids.</param>
    /// <param name="capacity">How many tokens the answer may have.</param>
    /// <param name="countsTokens">Whether <see cref="Distinct"/> and <see cref="GeneratedCounts"/> are kept, which takes memory for every new token.</param>
    public TokenHistory(ReadOnlySpan<int> promptIds, int capacity, bool countsTokens = true)
    {
        _ids = new int[promptIds.Length + capacity];
        _countsTokens = countsTokens;
        promptIds.CopyTo(_ids);
        if (countsTokens) foreach (var id in promptIds) _distinct.Add(id);
        PromptLength = _count = promptIds.Length;
    }

    public int PromptLength { get; }

    public int GeneratedCount => _count - PromptLength;

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, _count);

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlyMemory<int> Memory => _ids.AsMemory(0, _count);

    /// <summary>The answer so far.</summary>
    public ReadOnlySpan<int> Generated => _ids.AsSpan(PromptLength, GeneratedCount);

    /// <summary>Every id of prompt and answer, once.</summary>
    public HashSet<int> Distinct => _distinct;

    /// <summary>How often each id occurs in the answer.</summary>
    public Dictionary<int, int> GeneratedCounts => _generatedCounts;

    public void Add(int id)
    {
        _ids[_count++] = id;
        if (!_countsTokens) return;
        _distinct.Add(id);
        _generatedCounts[id] = _generatedCounts.GetValueOrDefault(id) + 1;
    }
}
