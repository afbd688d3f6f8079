namespace Microsoft.ML.Drift.Generation;

/// <summary>The settings that look at the tokens so far and change single logits, in transformers' order.</summary>
internal sealed class Penalties
{
    private readonly GenerationOptions _options;
    private readonly int[] _endIds;
    private readonly float _repetition, _presence;
    private readonly int _ngramSize, _minNewTokens;

    public Penalties(GenerationOptions options, IReadOnlyList<int> endIds)
    {
        _options = options;
        _endIds = [.. endIds];
        _repetition = (float)(options.RepetitionPenalty ?? 1);
        _presence = (float)options.PresencePenalty;
        _ngramSize = options.NoRepeatNgramSize ?? 0;
        _minNewTokens = options.MinNewTokens ?? 0;
    }

    /// <summary>Whether any of them is on.</summary>
    public bool Any => _repetition != 1 || _ngramSize > 0 || _minNewTokens > 0 || LooksAtCounts;

    /// <summary>Whether the tokens of prompt and answer are asked for one by one, which a history then has to keep.</summary>
    public bool LooksAtTokens => _repetition != 1 || LooksAtCounts;

    private bool LooksAtCounts => _options.FrequencyPenalty != 0 || _presence != 0;

    /// <summary>Changes the logits of the next token, <c>[V]</c>, in place.</summary>
    public void Apply(Span<float> logits, TokenHistory history)
    {
        if (_repetition != 1) PenaliseRepetition(logits, history);
        if (_ngramSize > 0) ForbidRepeatedNgrams(logits, history.Ids);
        if (history.GeneratedCount < _minNewTokens)
            foreach (var id in _endIds) logits[id] = float.NegativeInfinity;
        if (LooksAtCounts) PenaliseFrequency(logits, history);
    }

    private void PenaliseRepetition(Span<float> logits, TokenHistory history)
    {
        foreach (var id in history.Distinct)
            logits[id] = logits[id] < 0 ? logits[id] * _repetition : logits[id] / _repetition;
    }

    private void ForbidRepeatedNgrams(Span<float> logits, ReadOnlySpan<int> ids)
    {
        var known = _ngramSize - 1;
        if (ids.Length < known) return;
        var last = ids[(ids.Length - known)..];
        for (var start = 0; start + known < ids.Length; start++)
            if (ids.Slice(start, known).SequenceEqual(last)) logits[ids[start + known]] = float.NegativeInfinity;
    }

    private void PenaliseFrequency(Span<float> logits, TokenHistory history)
    {
        foreach (var (id, count) in history.GeneratedCounts)
            logits[id] -= (float)(_options.FrequencyPenalty * count) + _presence;
    }
}
