using System.Diagnostics;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// Samples answers to many prompts with one model. Rows run in batches with a key-value cache; a row that is done leaves its batch and a waiting one
/// takes its place.
/// </summary>
/// <remarks>
/// <para>What a row's answer is depends on its prompt, the options and the row's identity, not on batch size, order or the other rows. On a CPU with AVX-512 and
/// for float32 weights that is exact, with <see cref="GenerationOptions.Weights"/> of either kind: the logits are the same to the last bit. Elsewhere torch's matrix products may differ in the last
/// digit between batch sizes, and draws are made so that this all but never changes a token.</para>
/// <para>The engine reads the model's weights as they are when a run begins, so that a copy in eight bits is made for each run, and changes nothing; it can be used again, by one thread at a time. For requests that
/// come one by one, and for answers token by token, see <see cref="GenerationService"/>.</para>
/// </remarks>
public sealed class GenerationEngine
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(0.5);

    private readonly Decoder _decoder;
    private readonly PretrainedTokenizer? _tokenizer;
    private readonly GenerationOptions _options;
    private readonly GenerationBatching _batching;

    /// <summary>An engine for a model.</summary>
    /// <param name="model">The model; it stays the caller's, and may be used elsewhere while the engine does not run.</param>
    /// <param name="options">How to sample; null for the defaults of <see cref="GenerationOptions"/>.</param>
    /// <param name="batching">How much to compute at once; null for the defaults of <see cref="GenerationBatching"/>.</param>
    /// <exception cref="ArgumentException">The options have problems, all of which the message lists.</exception>
    public GenerationEngine(CausalLM model, GenerationOptions? options = null, GenerationBatching? batching = null)
        : this((model ?? throw new ArgumentNullException(nameof(model))).Decoder, model.Tokenizer, model.EndOfSequenceIds, options ?? new(), batching ?? new()) { }

    /// <param name="decoder">The model's decoder.</param>
    /// <param name="tokenizer">Its tokenizer; null gives results without text.</param>
    /// <param name="endIds">The ids that end an answer.</param>
    /// <param name="options">How to sample.</param>
    /// <param name="batching">How much to compute at once.</param>
    internal GenerationEngine(Decoder decoder, PretrainedTokenizer? tokenizer, IReadOnlyList<int> endIds, GenerationOptions options, GenerationBatching batching)
    {
        (_decoder, _tokenizer, _options, _batching) = (decoder, tokenizer, options, batching);
        EndIds = options.IgnoreEos ? [] : endIds;
        Check(tokenizer, options, batching, options.ProblemsWith(decoder));
    }

    /// <summary>The ids that end an answer; none if <see cref="GenerationOptions.IgnoreEos"/> is set.</summary>
    public IReadOnlyList<int> EndIds { get; }

    /// <summary>Whether torch computes even where there is a faster way: what the faster way is compared with.</summary>
    internal bool AlwaysTorch { get; init; }

    /// <summary>The most tokens for which the last run held keys and values at a time.</summary>
    internal long PeakCacheTokens { get; private set; }

    /// <summary>Checks settings without an engine.</summary>
    /// <param name="tokenizer">The model's tokenizer, if it has one.</param>
    /// <param name="options">How to sample.</param>
    /// <param name="batching">How much to compute at once.</param>
    /// <param name="problems">Problems that are known already.</param>
    /// <exception cref="ArgumentException">There are problems, all of which the message lists.</exception>
    internal static void Check(PretrainedTokenizer? tokenizer, GenerationOptions options, GenerationBatching batching, params IEnumerable<string> problems)
    {
        List<string> all = [.. options.Problems(), .. problems, .. batching.Problems()];
        if (tokenizer is null && options.StopTexts.Count > 0) all.Add("StopTexts needs the model's tokenizer, and this model has none.");
        if (all.Count > 0) throw new ArgumentException($"Generation: {string.Join(" ", all)}");
    }

    /// <summary>Samples an answer to every request.</summary>
    /// <param name="requests">The prompts.</param>
    /// <param name="progress">Told of finished rows and speed, a few times a second.</param>
    /// <param name="onText">Called with each piece of text as soon as it is certain; needs a tokenizer.</param>
    /// <param name="cancellationToken">Checked at every step.</param>
    /// <returns>The answers, in the order of the requests.</returns>
    /// <exception cref="ArgumentException">A prompt holds an id that the model does not have.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public IReadOnlyList<GenerationResult> Generate(
        IReadOnlyList<GenerationRequest> requests, IProgress<GenerationProgress>? progress = null, Action<GeneratedText>? onText = null, CancellationToken cancellationToken = default)
    {
        Check(requests, onText);
        var results = new GenerationResult[requests.Count];
        foreach (var (order, result) in Run(requests, progress, onText, cancellationToken)) results[order] = result;
        return results;
    }

    /// <summary>Samples an answer to every request and gives out each one as soon as it is complete; the work happens while the result is enumerated.</summary>
    /// <inheritdoc cref="Generate"/>
    /// <returns>The answers, in the order in which they are completed.</returns>
    public IEnumerable<GenerationResult> GenerateAsFinished(
        IReadOnlyList<GenerationRequest> requests, IProgress<GenerationProgress>? progress = null, Action<GeneratedText>? onText = null, CancellationToken cancellationToken = default)
    {
        Check(requests, onText);
        return Run(requests, progress, onText, cancellationToken).Select(finished => finished.Result);
    }

    private IEnumerable<(int Order, GenerationResult Result)> Run(
        IReadOnlyList<GenerationRequest> requests, IProgress<GenerationProgress>? progress, Action<GeneratedText>? onText, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        PeakCacheTokens = 0;
        var (finishedRows, newTokens, reported) = (0, 0L, TimeSpan.Zero);
        var sampler = new TokenSampler(_options, EndIds, _decoder.Specification.VocabularySize);
        using var batch = RunningBatch.Create(_decoder, _batching, _options.Weights, AlwaysTorch);
        var waiting = new Queue<int>(RequestOrder.Of(requests));
        RunningRow? next = null;
        while (batch.Count > 0 || waiting.Count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            while (waiting.Count > 0 && batch.TryAdd(next ??= NewRow(waiting.Peek())))
            {
                waiting.Dequeue();
                next = null;
            }
            newTokens += batch.Step();
            PeakCacheTokens = Math.Max(PeakCacheTokens, batch.CacheTokens);
            foreach (var row in batch.RemoveDone())
            {
                finishedRows++;
                yield return (row.Order, row.Result(Decode(row.History.Generated)));
            }
            if (progress is null || (clock.Elapsed - reported < ReportInterval && finishedRows < requests.Count)) continue;
            reported = clock.Elapsed;
            progress.Report(new(finishedRows, requests.Count, newTokens, reported));
        }

        RunningRow NewRow(int order) => onText is null && _options.StopTexts.Count == 0
            ? new RunningRow(requests[order], order, sampler, null)
            : new ToldRow(requests[order], order, sampler, new AnswerText(_tokenizer!.CreateStreamingDecoder(skipSpecialTokens: true), _options.StopTexts), onText);
    }

    /// <summary>A row whose text is told while it grows.</summary>
    private sealed class ToldRow(GenerationRequest request, int order, TokenSampler sampler, AnswerText text, Action<GeneratedText>? onText) : RunningRow(request, order, sampler, text)
    {
        private string _piece = "";

        public override void Tell()
        {
            if (_piece.Length > 0) onText?.Invoke(new(Request, _piece));
            _piece = "";
        }

        protected override void Advanced(int id, string piece, ReadOnlySpan<float> logits, float logSum) => _piece = piece;
    }

    private string? Decode(ReadOnlySpan<int> ids)
    {
        if (ids.Length > 0 && EndIds.Contains(ids[^1])) ids = ids[..^1];
        return _tokenizer?.Decode(ids, skipSpecialTokens: true);
    }

    private void Check(IReadOnlyList<GenerationRequest> requests, Action<GeneratedText>? onText)
    {
        ArgumentNullException.ThrowIfNull(requests);
        if (onText is not null && _tokenizer is null) throw new ArgumentException("A text callback needs the model's tokenizer, and this model has none.", nameof(onText));
        foreach (var request in requests) request.Check(_decoder.Specification.VocabularySize, nameof(requests));
    }
}
