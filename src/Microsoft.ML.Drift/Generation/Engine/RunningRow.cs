using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>A row on its way: prompt, answer so far, random numbers, and the sampler with the row's settings.</summary>
internal class RunningRow(GenerationRequest request, int order, TokenSampler sampler, AnswerText? text)
{
    private readonly float[] _logProbs = new float[sampler.Options.MaxNewTokens];

    public GenerationRequest Request => request;

    /// <summary>Place of the request in what the caller gave.</summary>
    public int Order => order;

    public GenerationOptions Options => sampler.Options;

    public RowGenerator Generator { get; } = new(sampler.Options.Seed, request.Iteration, request.RowId, request.SampleNumber);

    public TokenHistory History { get; } = new(request.Prompt, sampler.Options.MaxNewTokens, sampler.LooksAtTokens);

    /// <summary>Tokens of prompt and answer, if the answer takes all it may.</summary>
    public int LongestLength => History.PromptLength + Options.MaxNewTokens;

    /// <summary>Its keys and values, where the batch keeps them row by row.</summary>
    public CachedSequence? Sequence { get; set; }

    public FinishReason? Finished { get; private set; }

    /// <summary>Whether the row leaves the batch: it is finished, or nobody wants it any more.</summary>
    public virtual bool IsDone => Finished is not null;

    /// <summary>Draws the next token, on any thread, next to other rows; sets <see cref="Finished"/> if it is the last.</summary>
    /// <param name="logits">The model's logits, <c>[V]</c>.</param>
    /// <param name="logSum">Their log-sum-exp.</param>
    /// <param name="memory">Working memory of the thread.</param>
    /// <exception cref="InvalidOperationException">The logits are not numbers, or the row's settings allow no token.</exception>
    public virtual void Advance(ReadOnlySpan<float> logits, float logSum, SamplerMemory memory)
    {
        if (!float.IsFinite(logSum)) throw new InvalidOperationException(
            $"The model's logits for token {History.GeneratedCount + 1} of row \"{request.RowId}\" are not numbers; its weights are damaged or overflow in this type.");
        var id = sampler.Next(logits, History, Generator, memory);
        var piece = Add(id, logits[id] - logSum, sampler.IsEnd(id));
        Advanced(id, piece, logits, logSum);
    }

    /// <summary>Called after each token on the thread that runs the batch, where callbacks belong.</summary>
    public virtual void Tell() { }

    /// <summary>Told of each token: its id and the text that became certain with it.</summary>
    protected virtual void Advanced(int id, string piece, ReadOnlySpan<float> logits, float logSum) { }

    /// <summary>Adds a token and returns the text that became certain.</summary>
    private string Add(int id, float logProb, bool isEnd)
    {
        _logProbs[History.GeneratedCount] = logProb;
        History.Add(id);
        var piece = isEnd ? "" : text?.Append(id) ?? "";
        if (isEnd || text is { Stopped: true }) Finished = FinishReason.Stop;
        else if (History.GeneratedCount == Options.MaxNewTokens) Finished = FinishReason.Length;
        return Finished is null ? piece : piece + text?.Finish();
    }

    public GenerationResult Result(string? answer) => new(request, [.. History.Generated], _logProbs[..History.GeneratedCount], Finished!.Value, text is { Stopped: true } ? text.ToString() : answer);
}
