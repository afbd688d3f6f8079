using System.Runtime.CompilerServices;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// Answers requests that come at any time, from any thread, each with settings of its own: all of them share one running batch, which new requests join
/// and finished or cancelled ones leave between two tokens.
/// </summary>
/// <remarks>
/// <para>What an answer is depends on its prompt, its settings and the request's identity, not on what else runs: see <see cref="GenerationEngine"/>.</para>
/// <para>All requests read the weights with the precision that the service was started with. They start in the order in which they come. Tokens wait for a slow reader in memory, at most <see cref="GenerationOptions.MaxNewTokens"/> of
/// them, so that nobody else waits for it. The model is used by the service's own thread; nothing else may use its weights until the service is disposed of.</para>
/// </remarks>
public sealed class GenerationService : IDisposable
{
    private readonly Decoder _decoder;
    private readonly PretrainedTokenizer? _tokenizer;
    private readonly IReadOnlyList<int> _endIds;
    private readonly WeightPrecision _weights;
    private readonly GenerationLoop _loop;

    /// <summary>Starts a service for a model.</summary>
    /// <param name="model">The model; it stays the caller's.</param>
    /// <param name="batching">How much to compute at once; null for the defaults of <see cref="GenerationBatching"/>.</param>
    /// <param name="weights">How exactly the model's matrices are read, by all requests: see <see cref="GenerationOptions.Weights"/>. A copy in eight bits is made now.</param>
    /// <exception cref="ArgumentException">The batching has problems, or the weights cannot be read so; the message lists everything.</exception>
    public GenerationService(CausalLM model, GenerationBatching? batching = null, WeightPrecision weights = WeightPrecision.Float32)
    {
        ArgumentNullException.ThrowIfNull(model);
        batching ??= new();
        var reading = new GenerationOptions { Weights = weights };
        var problems = batching.Problems().Concat(reading.Problems()).Concat(reading.ProblemsWith(model.Decoder)).ToList();
        if (problems.Count > 0) throw new ArgumentException($"{nameof(GenerationService)}: {string.Join(" ", problems)}");
        (_decoder, _tokenizer, _endIds, _weights) = (model.Decoder, model.Tokenizer, model.EndOfSequenceIds, weights);
        _loop = new(_decoder, batching, weights);
    }

    /// <summary>Requests that are being answered now.</summary>
    public int Running => _loop.Running;

    /// <summary>Requests that wait for a place in the batch.</summary>
    public int Waiting => _loop.Waiting;

    /// <summary>Tokens drawn since the start.</summary>
    public long GeneratedTokens => _loop.GeneratedTokens;

    /// <summary>Answers a request, token by token. The request is in the queue when this returns; to cancel it, cancel the token or stop enumerating.</summary>
    /// <param name="request">The prompt, and what the random numbers are keyed by.</param>
    /// <param name="options">How to sample, with the service's precision of weights; null for the defaults of <see cref="GenerationOptions"/>.</param>
    /// <param name="mostProbable">How many of the most probable tokens to report at each place; 0 (the default) to the size of the vocabulary.</param>
    /// <param name="cancellationToken">Gives the request up, at once and wherever it is: its place in the batch is free at the next token.</param>
    /// <returns>The answer's tokens, to be enumerated once; the last one has a <see cref="GeneratedToken.FinishReason"/>.</returns>
    /// <exception cref="ArgumentException">The options have problems, or the prompt holds an id that the model does not have.</exception>
    /// <exception cref="ObjectDisposedException">The service was disposed of.</exception>
    /// <exception cref="OperationCanceledException">While enumerating: the request was cancelled, or the service disposed of.</exception>
    public IAsyncEnumerable<GeneratedToken> Generate(
        GenerationRequest request, GenerationOptions? options = null, int mostProbable = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        options ??= new() { Weights = _weights };
        Check(request, options, mostProbable);
        var endIds = options.IgnoreEos ? [] : _endIds;
        var text = _tokenizer is null ? null : new AnswerText(_tokenizer.CreateStreamingDecoder(skipSpecialTokens: true), options.StopTexts);
        var row = new ServedRow(request, new TokenSampler(options, endIds, _decoder.Specification.VocabularySize), text, mostProbable);
        _loop.Add(row);
        return Tokens(row, cancellationToken.Register(row.GiveUp));
    }

    /// <summary>Stops the service; answers that are not complete are cancelled.</summary>
    public void Dispose() => _loop.Dispose();

    private static async IAsyncEnumerable<GeneratedToken> Tokens(ServedRow row, CancellationTokenRegistration onCancel, [EnumeratorCancellation] CancellationToken ofEnumerator = default)
    {
        using var _ = onCancel;
        using var __ = ofEnumerator.Register(row.GiveUp);
        try
        {
            await foreach (var token in row.Tokens.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                // Tokens that were ready before are not given out after the request was cancelled.
                onCancel.Token.ThrowIfCancellationRequested();
                ofEnumerator.ThrowIfCancellationRequested();
                yield return token;
            }
        }
        finally
        {
            row.GiveUp();
        }
    }

    private void Check(GenerationRequest request, GenerationOptions options, int mostProbable)
    {
        options.Validate();
        if (options.Weights != _weights) throw new ArgumentException($"Weights is {options.Weights}, but this service was started with {_weights} for all requests.", nameof(options));
        if (_tokenizer is null && options.StopTexts.Count > 0) throw new ArgumentException("StopTexts needs the model's tokenizer, and this model has none.", nameof(options));
        var size = _decoder.Specification.VocabularySize;
        if (mostProbable < 0 || mostProbable > size) throw new ArgumentOutOfRangeException(nameof(mostProbable), mostProbable, $"It must lie between 0 and the size of the vocabulary ({size}).");
        request.Check(size, nameof(request));
    }
}
