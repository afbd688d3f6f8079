using System.Numerics.Tensors;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// Logits of the next token in, token out: the settings of <see cref="GenerationOptions"/> in transformers' order, then a draw. It serves any thread that
/// brings working memory of its own.
/// </summary>
internal sealed class TokenSampler
{
    private readonly GenerationOptions _options;
    private readonly Penalties _penalties;
    private readonly HashSet<int> _endIds;
    private readonly int _vocabularySize;

    /// <param name="options">Valid settings.</param>
    /// <param name="endIds">The end tokens that <see cref="GenerationOptions.MinNewTokens"/> forbids.</param>
    /// <param name="vocabularySize">Width V of the logits.</param>
    public TokenSampler(GenerationOptions options, IReadOnlyList<int> endIds, int vocabularySize)
    {
        (_options, _endIds, _vocabularySize) = (options, [.. endIds], vocabularySize);
        _penalties = new(options, [.. endIds.Where(id => id < vocabularySize)]);
    }

    public GenerationOptions Options => _options;

    /// <summary>Whether this token ends an answer.</summary>
    public bool IsEnd(int id) => _endIds.Contains(id);

    /// <summary>Whether a row's history has to count its tokens.</summary>
    public bool LooksAtTokens => _penalties.LooksAtTokens;

    /// <summary>The next token.</summary>
    /// <param name="logits">The model's logits, <c>[V]</c>; not changed.</param>
    /// <param name="history">Prompt and answer so far.</param>
    /// <param name="generator">The row's random numbers.</param>
    /// <param name="memory">Working memory; null makes some.</param>
    public int Next(ReadOnlySpan<float> logits, TokenHistory history, RowGenerator generator, SamplerMemory? memory = null)
    {
        memory ??= new(_vocabularySize);
        if (!_options.IsGreedy) return Distribution(logits, history, memory).Draw(generator, history.GeneratedCount);
        var penalised = Penalise(logits, history, memory);
        var best = TensorPrimitives.IndexOfMax(penalised);
        return penalised[best] > float.NegativeInfinity ? best : throw NothingAllowed();
    }

    /// <summary>The tokens that may come next, with their probabilities.</summary>
    public Candidates Distribution(ReadOnlySpan<float> logits, TokenHistory history, SamplerMemory? memory = null)
    {
        memory ??= new(_vocabularySize);
        var candidates = memory.Candidates;
        var penalised = Penalise(logits, history, memory);
        if (_options.Temperature != 1)
        {
            TensorPrimitives.Divide(penalised, (float)_options.Temperature, memory.Logits);
            penalised = memory.Logits;
        }
        candidates.Take(penalised, _options.TopK ?? 0);
        if (candidates.Count == 0) throw NothingAllowed();
        candidates.Normalise();
        if (_options.TopP < 1)
        {
            candidates.KeepNucleus(_options.TopP);
            candidates.Normalise();
        }
        if (_options.MinP is { } share)
        {
            candidates.KeepShareOfBest(share);
            candidates.Normalise();
        }
        if (_options.TypicalP is { } mass and < 1)
        {
            candidates.KeepTypical(mass);
            candidates.Normalise();
        }
        return candidates;
    }

    private ReadOnlySpan<float> Penalise(ReadOnlySpan<float> logits, TokenHistory history, SamplerMemory memory)
    {
        if (!_penalties.Any) return logits;
        logits.CopyTo(memory.Logits);
        _penalties.Apply(memory.Logits, history);
        return memory.Logits;
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
