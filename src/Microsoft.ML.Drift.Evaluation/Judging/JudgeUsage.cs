namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>What a <see cref="Judge"/> has used since it was made. Every reply is counted once: where it was paid for, or as cached.</summary>
/// <param name="Calls">Requests sent.</param>
/// <param name="Replies">Replies that came, malformed ones included: these are paid for.</param>
/// <param name="CachedReplies">Replies taken from the cache, or shared with an equal question of the same run.</param>
/// <param name="MalformedReplies">Replies, cached ones included, that could not be read.</param>
/// <param name="RateLimited">Calls that ended with 429.</param>
/// <param name="ServerErrors">Calls that ended with another transient status, or an answer that is not the protocol.</param>
/// <param name="Timeouts">Calls that took longer than <see cref="JudgeOptions.AttemptTimeout"/>.</param>
/// <param name="ConnectionErrors">Calls whose connection failed or broke.</param>
/// <param name="InputTokens">Tokens of questions, of replies that were paid for now.</param>
/// <param name="OutputTokens">Tokens of replies that were paid for now.</param>
/// <param name="CachedInputTokens">Tokens of questions whose replies were cached.</param>
/// <param name="CachedOutputTokens">Tokens of cached replies.</param>
/// <param name="Cost">Price of the replies that were paid for now, by <see cref="JudgeOptions.Price"/>.</param>
/// <param name="CachedCost">Price that the cached replies would have had.</param>
public sealed record JudgeUsage(
    long Calls, long Replies, long CachedReplies, long MalformedReplies, long RateLimited, long ServerErrors, long Timeouts, long ConnectionErrors,
    long InputTokens, long OutputTokens, long CachedInputTokens, long CachedOutputTokens, decimal Cost, decimal CachedCost);

/// <summary>Counts what is used, from several threads.</summary>
internal sealed class JudgeUsageCounter(JudgePrice price)
{
    private readonly Lock _lock = new();
    private JudgeUsage _usage = new(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    public JudgeUsage Current
    {
        get
        {
            lock (_lock) return _usage;
        }
    }

    public void Called() => Change(usage => usage with { Calls = usage.Calls + 1 });

    public void Malformed() => Change(usage => usage with { MalformedReplies = usage.MalformedReplies + 1 });

    public void Replied(JudgeReply reply) => Change(usage => usage with
    {
        Replies = usage.Replies + 1,
        InputTokens = usage.InputTokens + reply.InputTokens,
        OutputTokens = usage.OutputTokens + reply.OutputTokens,
        Cost = usage.Cost + price.Of(reply.InputTokens, reply.OutputTokens),
    });

    public void FromCache(JudgeReply reply) => Change(usage => usage with
    {
        CachedReplies = usage.CachedReplies + 1,
        CachedInputTokens = usage.CachedInputTokens + reply.InputTokens,
        CachedOutputTokens = usage.CachedOutputTokens + reply.OutputTokens,
        CachedCost = usage.CachedCost + price.Of(reply.InputTokens, reply.OutputTokens),
    });

    public void Failed(FailureKind kind) => Change(usage => kind switch
    {
        FailureKind.RateLimit => usage with { RateLimited = usage.RateLimited + 1 },
        FailureKind.Timeout => usage with { Timeouts = usage.Timeouts + 1 },
        FailureKind.Connection => usage with { ConnectionErrors = usage.ConnectionErrors + 1 },
        _ => usage with { ServerErrors = usage.ServerErrors + 1 },
    });

    private void Change(Func<JudgeUsage, JudgeUsage> change)
    {
        lock (_lock) _usage = change(_usage);
    }
}

/// <summary>What went wrong with a call that is worth another attempt.</summary>
internal enum FailureKind
{
    RateLimit,
    Server,
    Timeout,
    Connection,
}
