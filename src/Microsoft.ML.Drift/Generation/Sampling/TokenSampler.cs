using System.Numerics.Tensors;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// Logits of the next token in, token out: the settings of <see cref="GenerationOptions"/> in transformers' order, then a draw. Samplers that share
/// working memory serve one thread.
/// </summary>
internal sealed class TokenSampler
{
    private readonly GenerationOptions _options;
    private readonly Penalties _penalties;
    private readonly Candidates _candidates;
    private readonly float[] _logits;
    private readonly HashSet<int> _endIds;

    /// <param name="options">Valid settings.</param>
    /// <param name="endIds">The end tokens that <see cref="GenerationOptions.MinNewTokens"/> forbids.</param>
    /// <param name="vocabularySize">Width V of the logits.</param>
    public TokenSampler(GenerationOptions options, IReadOnlyList<int> endIds, int vocabularySize) : this(options, endIds, new SamplerMemory(vocabularySize)) { }

    /// <param name="options">Valid settings.</param>
    /// <param name="endIds">The end tokens that <see cref="GenerationOptions.MinNewTokens"/> forbids.</param>
    /// <param name="memory">Working memory, which may be shared with samplers of the same thread.</param>
    public TokenSampler(GenerationOptions options, IReadOnlyList<int> endIds, SamplerMemory memory)
    {
        _options = options;
        _endIds = [.. endIds];
        _penalties = new(options, [.. endIds.Where(id => id < memory.Logits.Length)]);
        (_candidates, _logits) = (memory.Candidates, memory.Logits);
    }

    public GenerationOptions Options => _options;

    /// <summary>Whether this token ends an answer.</summary>
    public bool IsEnd(int id) => _endIds.Contains(id);

    /// <summary>The next token.</summary>
    /// <param name="logits">The model's logits, <c>[V]</c>; not changed.</param>
    /// <param name="history">Prompt and answer so far.</param>
    /// <param name="generator">The row's random numbers.</param>
    public int Next(ReadOnlySpan<float> logits, TokenHistory history, RowGenerator generator)
    {
        if (!_options.IsGreedy) return Distribution(logits, history).Draw(generator, history.GeneratedCount);
        Penalise(logits, history);
        var best = TensorPrimitives.IndexOfMax<float>(_logits);
        return _logits[best] > float.NegativeInfinity ? best : throw NothingAllowed();
    }

    /// <summary>The tokens that may come next, with their probabilities.</summary>
    public Candidates Distribution(ReadOnlySpan<float> logits, TokenHistory history)
    {
        Penalise(logits, history);
        if (_options.Temperature != 1) TensorPrimitives.Divide(_logits, (float)_options.Temperature, _logits);
        _candidates.Take(_logits, _options.TopK ?? 0);
        if (_candidates.Count == 0) throw NothingAllowed();
        _candidates.Normalise();
        if (_options.TopP < 1)
        {
            _candidates.KeepNucleus(_options.TopP);
            _candidates.Normalise();
        }
        if (_options.MinP is { } share)
        {
            _candidates.KeepShareOfBest(share);
            _candidates.Normalise();
        }
        if (_options.TypicalP is { } mass and < 1)
        {
            _candidates.KeepTypical(mass);
            _candidates.Normalise();
        }
        return _candidates;
    }

    private void Penalise(ReadOnlySpan<float> logits, TokenHistory history)
    {
        logits.CopyTo(_logits);
        _penalties.Apply(_logits, history);
    }

    private static InvalidOperationException NothingAllowed() =>
        new("No token may come next: NoRepeatNgramSize and MinNewTokens together forbid the whole vocabulary. Lower one of them.");
}

/// <summary>Working memory of samplers for one vocabulary: what is in it counts for one draw only.</summary>
internal sealed class SamplerMemory(int vocabularySize)
{
    public Candidates Candidates { get; } = new(vocabularySize);

    public float[] Logits { get; } = new float[vocabularySize];
}
