using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>What a judge's tokens cost.</summary>
/// <param name="InputPerMillion">Price of a million tokens of questions, in any currency.</param>
/// <param name="OutputPerMillion">Price of a million tokens of replies, in the same currency.</param>
public readonly record struct JudgePrice(decimal InputPerMillion, decimal OutputPerMillion)
{
    internal decimal Of(long inputTokens, long outputTokens) => (InputPerMillion * inputTokens + OutputPerMillion * outputTokens) / 1_000_000m;
}

/// <summary>How a judge is asked.</summary>
public sealed record JudgeOptions
{
    /// <summary>
    /// A JSON Lines file that keeps every reply, so that nothing is asked, or paid for, twice: not in the next run, and not after this one was killed. Null (the default): nothing is kept.
    /// One process at a time may use it.
    /// </summary>
    public string? CachePath { get; init; }

    /// <summary>How many questions wait for replies at a time. 1 to 1024; default 8.</summary>
    public int MaxConcurrency { get; init; } = 8;

    /// <summary>How often one question is sent before it is given up because of rate limits, server errors, lost connections or timeouts. 1 to 100; default 6.</summary>
    public int MaxAttempts { get; init; } = 6;

    /// <summary>How often the judge is asked to mend a reply that cannot be read; the refused reply and the reason are then part of the question. 0 to 10; default 2.</summary>
    public int MaxReasks { get; init; } = 2;

    /// <summary>How long one attempt may take. Greater than 0; default two minutes.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The pause before the second attempt; each further pause is twice as long, less up to a half at random. Greater than 0; default one second.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause, unless the endpoint itself asks for a longer one (Retry-After). At least <see cref="FirstDelay"/>; default one minute.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest wait that is granted to an endpoint which asks for one; a question whose endpoint asks for more is given up. Greater than 0; default ten minutes.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a cancelled run waits for replies that are under way, and paid for. 0 or greater; default five seconds.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The judge's temperature, 0 or greater; default 0.</summary>
    public float Temperature { get; init; }

    /// <summary>A seed for endpoints that take one; null (the default): none is sent.</summary>
    public long? Seed { get; init; }

    /// <summary>The model to ask for, where it is not the client's own; null (the default): the client's.</summary>
    public string? Model { get; init; }

    /// <summary>What the judge's tokens cost; default: nothing.</summary>
    public JudgePrice Price { get; init; }

    /// <summary>
    /// Whether an error of the client is worth another attempt; null (the default): <see cref="Judge.IsTransient"/>. Needed for clients with exceptions of their own, such as ClientResultException.
    /// </summary>
    public Func<Exception, bool>? IsTransient { get; init; }

    /// <summary>The clock of pauses and timeouts; default: the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        var problems = Problems().ToList();
        if (problems.Count > 0) throw new ArgumentException($"{nameof(JudgeOptions)}: {string.Join(" ", problems)}");
    }

    private IEnumerable<string> Problems()
    {
        if (CachePath is { } path && string.IsNullOrWhiteSpace(path)) yield return "CachePath is empty; give a file, or null.";
        if (MaxConcurrency is < 1 or > 1024) yield return $"MaxConcurrency is {MaxConcurrency}; it must lie between 1 and 1024.";
        if (MaxAttempts is < 1 or > 100) yield return $"MaxAttempts is {MaxAttempts}; it must lie between 1 and 100.";
        if (MaxReasks is < 0 or > 10) yield return $"MaxReasks is {MaxReasks}; it must lie between 0 and 10.";
        if (AttemptTimeout <= TimeSpan.Zero) yield return $"AttemptTimeout is {AttemptTimeout}; it must be greater than 0.";
        if (FirstDelay <= TimeSpan.Zero) yield return $"FirstDelay is {FirstDelay}; it must be greater than 0.";
        if (MaxDelay < FirstDelay) yield return $"MaxDelay is {MaxDelay}; it must be at least FirstDelay ({FirstDelay}).";
        if (MaxRetryAfter <= TimeSpan.Zero) yield return $"MaxRetryAfter is {MaxRetryAfter}; it must be greater than 0.";
        if (StopGrace < TimeSpan.Zero) yield return $"StopGrace is {StopGrace}; it must be 0 or greater.";
        if (!(Temperature >= 0) || float.IsInfinity(Temperature)) yield return $"Temperature is {Temperature}; it must be a finite number, 0 or greater.";
        if (Model is { } model && string.IsNullOrWhiteSpace(model)) yield return "Model is empty; give a name, or null.";
        if (Price.InputPerMillion < 0 || Price.OutputPerMillion < 0) yield return $"Price is {Price}; prices must not be negative.";
    }

    /// <summary>The options of one call.</summary>
    internal ChatOptions ForCall(JudgeQuestion question)
    {
        var options = new ChatOptions { Temperature = Temperature, Seed = Seed, ModelId = Model, MaxOutputTokens = question.MaxOutputTokens };
        if (question.TopLogProbs is { } top) options.AdditionalProperties = new() { ["logprobs"] = true, ["top_logprobs"] = top };
        return options;
    }
}
