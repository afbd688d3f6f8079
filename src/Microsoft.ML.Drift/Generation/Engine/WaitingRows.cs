namespace Microsoft.ML.Drift.Generation;

/// <summary>Requests that have not started, longest prompt first and equal prompts together, and the rule for how many may start.</summary>
internal sealed class WaitingRows
{
    private readonly IReadOnlyList<GenerationRequest> _requests;
    private readonly int[] _order;
    private readonly int _maxRows, _maxCacheTokens, _maxNewTokens;
    private int _next;

    public WaitingRows(IReadOnlyList<GenerationRequest> requests, int maxRows, int maxCacheTokens, int maxNewTokens)
    {
        (_requests, _maxRows, _maxCacheTokens, _maxNewTokens) = (requests, maxRows, maxCacheTokens, maxNewTokens);
        _order = [.. Enumerable.Range(0, requests.Count)];
        // By content only, so that the order in which requests were given changes nothing; longest first, so that memory is short early or never.
        Array.Sort(_order, (a, b) => Compare(requests[a], requests[b]) is var byContent and not 0 ? byContent : a.CompareTo(b));
    }

    public int Count => _order.Length - _next;

    /// <summary>The requests that start now, next to the rows that run.</summary>
    public IReadOnlyList<int> Take(IReadOnlyList<RunningRow> running)
    {
        var taken = new List<int>();
        var room = new BatchRoom(_maxCacheTokens, _maxRows, running);
        while (_next < _order.Length && room.TryTake(_requests[_order[_next]].Prompt.Length, _requests[_order[_next]].Prompt.Length + _maxNewTokens))
            taken.Add(_order[_next++]);
        return taken;
    }

    private static int Compare(GenerationRequest a, GenerationRequest b)
    {
        var byLength = b.Prompt.Length.CompareTo(a.Prompt.Length);
        if (byLength != 0) return byLength;
        var byPrompt = a.Prompt.AsSpan().SequenceCompareTo(b.Prompt);
        if (byPrompt != 0) return byPrompt;
        var byRow = string.CompareOrdinal(a.RowId, b.RowId);
        return byRow != 0 ? byRow : a.SampleNumber.CompareTo(b.SampleNumber);
    }
}
