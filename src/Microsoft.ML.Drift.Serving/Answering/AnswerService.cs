using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>A token of one of a request's answers.</summary>
internal readonly record struct ChoiceToken(int Choice, GeneratedToken Token);

/// <summary>The model at work: requests in, tokens out, within the limits on how many run and wait.</summary>
internal sealed class AnswerService : IDisposable
{
    private readonly GenerationService _generation;
    private readonly AdmissionGate _gate;
    private long _unseeded;

    /// <exception cref="ArgumentException">The options have problems, or the model has no tokenizer.</exception>
    public AnswerService(CausalLM model, DriftServingOptions options)
    {
        options.Validate();
        Requests = new(model, options);
        TokenTexts = new(model.Tokenizer!, model.EndOfSequenceIds);
        _gate = new(options.Batching.BatchSize, options.MaxQueueLength);
        _generation = new(model, options.Batching, options.Generation.Weights);
    }

    public RequestReader Requests { get; }

    public TokenTexts TokenTexts { get; }

    public int Running => _generation.Running;

    public int Waiting => _generation.Waiting;

    public long GeneratedTokens => _generation.GeneratedTokens;

    /// <summary>Lets a request in; hold the pass until its answer is complete.</summary>
    /// <exception cref="ApiException">There is no place.</exception>
    public AdmissionGate.Pass Admit(AnswerRequest request) => _gate.Enter(request.Choices);

    /// <summary>All answers' tokens, those of one answer in order.</summary>
    public IAsyncEnumerable<ChoiceToken> Answer(AnswerRequest request, CancellationToken cancellation)
    {
        // A seed decides the draws together with the answer's number alone; without one, every request has a name of its own.
        var name = request.IsSeeded ? "seeded" : string.Create(CultureInfo.InvariantCulture, $"request {Interlocked.Increment(ref _unseeded)}");
        var answers = new List<IAsyncEnumerable<GeneratedToken>>(request.Choices);
        foreach (var prompt in request.Prompts)
            for (var i = 0; i < request.ChoicesPerPrompt; i++)
                answers.Add(_generation.Generate(new GenerationRequest(name, prompt) { SampleNumber = answers.Count }, request.Options, request.TopLogProbs ?? 0, cancellation));
        return answers.Count == 1 ? Only(answers[0]) : Merge(answers);
    }

    public void Dispose() => _generation.Dispose();

    private static async IAsyncEnumerable<ChoiceToken> Only(IAsyncEnumerable<GeneratedToken> answer, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var token in answer.WithCancellation(cancellation)) yield return new(0, token);
    }

    private static async IAsyncEnumerable<ChoiceToken> Merge(IReadOnlyList<IAsyncEnumerable<GeneratedToken>> answers, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var merged = Channel.CreateUnbounded<ChoiceToken>(new() { SingleReader = true });
        var copying = CopyAll();
        try
        {
            await foreach (var token in merged.Reader.ReadAllAsync(CancellationToken.None)) yield return token;
        }
        finally
        {
            await stop.CancelAsync();
            await copying;
        }

        async Task CopyAll()
        {
            await Task.WhenAll(answers.Select(Copy));
            merged.Writer.TryComplete();
        }

        async Task Copy(IAsyncEnumerable<GeneratedToken> answer, int choice)
        {
            try
            {
                await foreach (var token in answer.WithCancellation(stop.Token)) merged.Writer.TryWrite(new(choice, token));
            }
            catch (Exception error)
            {
                merged.Writer.TryComplete(error);
            }
        }
    }
}
