using System.Threading.Channels;

namespace Microsoft.ML.Drift.Generation;

/// <summary>A row that somebody reads while it grows, and may give up.</summary>
internal sealed class ServedRow(GenerationRequest request, TokenSampler sampler, AnswerText? text, int mostProbable) : RunningRow(request, 0, sampler, text)
{
    // At most MaxNewTokens tokens can be in it.
    private readonly Channel<GeneratedToken> _tokens = Channel.CreateUnbounded<GeneratedToken>(new() { SingleReader = true, SingleWriter = false });
    private volatile bool _givenUp;

    public ChannelReader<GeneratedToken> Tokens => _tokens.Reader;

    public override bool IsDone => _givenUp || base.IsDone;

    /// <summary>Nobody wants the rest; does nothing to a row that is finished.</summary>
    public void GiveUp()
    {
        _givenUp = true;
        _tokens.Writer.TryComplete(new OperationCanceledException("The request was cancelled."));
    }

    /// <summary>The row cannot be answered.</summary>
    public void Fail(Exception error)
    {
        _givenUp = true;
        _tokens.Writer.TryComplete(error);
    }

    // What is wrong with one row is not the others' business.
    public override void Advance(ReadOnlySpan<float> logits, float logSum, SamplerMemory memory)
    {
        try
        {
            base.Advance(logits, logSum, memory);
        }
        catch (InvalidOperationException error)
        {
            Fail(error);
        }
    }

    protected override void Advanced(int id, string piece, ReadOnlySpan<float> logits, float logSum)
    {
        _tokens.Writer.TryWrite(new(id, piece, logits[id] - logSum, MostProbable(logits, logSum), Finished));
        if (Finished is not null) _tokens.Writer.TryComplete();
    }

    private TokenLogProb[] MostProbable(ReadOnlySpan<float> logits, float logSum)
    {
        if (mostProbable == 0) return [];
        // A heap of the best so far, worst on top; of equal logits the lower id is the better.
        var best = new PriorityQueue<int, (float Logit, int MinusId)>(mostProbable + 1);
        for (var id = 0; id < logits.Length; id++)
        {
            if (best.Count < mostProbable) best.Enqueue(id, (logits[id], -id));
            else best.EnqueueDequeue(id, (logits[id], -id));
        }
        var result = new TokenLogProb[best.Count];
        for (var i = result.Length - 1; i >= 0; i--)
        {
            var id = best.Dequeue();
            result[i] = new(id, logits[id] - logSum);
        }
        return result;
    }
}
