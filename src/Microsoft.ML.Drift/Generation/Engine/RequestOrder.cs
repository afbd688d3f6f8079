namespace Microsoft.ML.Drift.Generation;

/// <summary>The order in which requests that are all known start: longest prompt first, so that the last rows to run are short, and equal prompts together.</summary>
internal static class RequestOrder
{
    /// <summary>Places of the requests. By content only, so that the order in which they were given changes nothing.</summary>
    public static int[] Of(IReadOnlyList<GenerationRequest> requests)
    {
        var order = Enumerable.Range(0, requests.Count).ToArray();
        Array.Sort(order, (a, b) => Compare(requests[a], requests[b]) is var byContent and not 0 ? byContent : a.CompareTo(b));
        return order;
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
