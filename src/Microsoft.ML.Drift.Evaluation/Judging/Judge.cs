using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>Asks a language model to judge: many questions at a time, with retries, and no reply is ever asked for twice.</summary>
/// <remarks>
/// <para>The model is any <see cref="IChatClient"/>: a provider's own, <see cref="OpenAICompatibleChatClient"/>, or a local model's, <c>CausalLMTransformer.AsChatClient()</c>.</para>
/// <para>Questions are the same if endpoint, model, template, messages, temperature, seed, longest reply and wanted log-probabilities are; equal questions share one reply, within a run and, with a cache,
/// from run to run. A reply is on the disk before it is used. After a kill only calls that were under way are sent again.</para>
/// </remarks>
public sealed class Judge : IDisposable
{
    private const string MendRequest = "That reply cannot be used: {0} Answer the question again, exactly in the format that was asked for, and say nothing else.";

    private readonly IChatClient _client;
    private readonly JudgeOptions _options;
    private readonly JudgeIdentity _identity;
    private readonly JudgeJournal? _journal;
    private readonly JudgeUsageCounter _usage;
    private readonly ConcurrentDictionary<string, Lazy<Task<JudgeReply>>> _replies = new();

    /// <summary>A judge that asks through a client.</summary>
    /// <param name="client">The client; it stays the caller's. If its own calls are retried or cached as well, they are counted here once.</param>
    /// <param name="options">How to ask; null for the defaults.</param>
    /// <exception cref="ArgumentException">The options have problems, all of which the message lists; or there is a cache and the client does not name its model.</exception>
    /// <exception cref="IOException">Another process, or another judge, uses the cache.</exception>
    /// <exception cref="InvalidDataException">The cache is damaged before its last line.</exception>
    public Judge(IChatClient client, JudgeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        (_client, _options) = (client, options ?? new());
        _options.Validate();
        _identity = JudgeIdentity.Of(client, _options);
        _usage = new(_options.Price);
        if (_options.CachePath is { } path) _journal = new JudgeJournal(path);
    }

    /// <summary>What was used since the judge was made.</summary>
    public JudgeUsage Usage => _usage.Current;

    /// <summary>
    /// Whether an error is worth another attempt: a lost connection, a timeout, an answer that is not the protocol, or one of the statuses 408, 409, 425, 429 and from 500.
    /// </summary>
    /// <param name="error">The error of a call.</param>
    public static bool IsTransient(Exception error) => error switch
    {
        HttpRequestException { StatusCode: { } status } => (int)status is 408 or 409 or 425 or 429 or >= 500,
        HttpRequestException or IOException or TimeoutException or OperationCanceledException => true,
        _ => false,
    };

    /// <summary>Asks all questions and reads the replies. A reply that cannot be read is sent back for mending, <see cref="JudgeOptions.MaxReasks"/> times.</summary>
    /// <typeparam name="T">What a reply means.</typeparam>
    /// <param name="questions">The questions.</param>
    /// <param name="read">Reads a reply; it may be called from several threads at a time.</param>
    /// <param name="progress">Told after each question; may be null.</param>
    /// <param name="cancellationToken">Stops asking; replies under way may still come for <see cref="JudgeOptions.StopGrace"/>, and what came stays in the cache.</param>
    /// <returns>An outcome for every question, in their order. A question without an answer says why.</returns>
    /// <exception cref="JudgeException">The endpoint refuses in a way that will not change: a wrong key, an unknown model.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<IReadOnlyList<JudgeAnswer<T>>> AskAsync<T>(
        IReadOnlyList<JudgeQuestion> questions, JudgeReplyReader<T> read, IProgress<JudgeProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(questions);
        ArgumentNullException.ThrowIfNull(read);
        foreach (var question in questions) Check(question);
        var answers = new JudgeAnswer<T>[questions.Count];
        var done = 0;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _options.MaxConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, questions.Count), parallel, async (index, cancellation) =>
        {
            answers[index] = await AnswerAsync(questions[index], read, cancellation).ConfigureAwait(false);
            progress?.Report(new(Interlocked.Increment(ref done), questions.Count, Usage));
        }).ConfigureAwait(false);
        return answers;
    }

    /// <summary>Closes the cache.</summary>
    public void Dispose() => _journal?.Dispose();

    private static void Check(JudgeQuestion question)
    {
        if (question.Messages.Count == 0) throw new ArgumentException($"The question \"{question.Id}\" has no message.");
        if (question.TopLogProbs is < 1 or > 20) throw new ArgumentException($"The question \"{question.Id}\" wants {question.TopLogProbs} candidates; allowed are 1 to 20, or null.");
        if (question.MaxOutputTokens is < 1) throw new ArgumentException($"The question \"{question.Id}\" allows {question.MaxOutputTokens} tokens; it must be at least 1.");
    }

    private async Task<JudgeAnswer<T>> AnswerAsync<T>(JudgeQuestion question, JudgeReplyReader<T> read, CancellationToken cancellation)
    {
        var asked = question;
        for (var reask = 0; ; reask++)
        {
            JudgeReply reply;
            try
            {
                reply = await ReplyAsync(asked, cancellation).ConfigureAwait(false);
            }
            catch (GivenUpException error)
            {
                return new(question.Id, false, default, error.Message, null);
            }
            if (read(reply, out var value, out var problem)) return new(question.Id, true, value, "", reply);
            _usage.Malformed();
            if (reask == _options.MaxReasks) return new(question.Id, false, default, problem, reply);
            var mend = string.Format(System.Globalization.CultureInfo.InvariantCulture, MendRequest, problem);
            asked = asked with { Messages = [.. asked.Messages, new(ChatRole.Assistant, reply.Text), new(ChatRole.User, mend)] };
        }
    }

    /// <summary>The reply to a question: from the cache, from an equal question, or from the model.</summary>
    private async Task<JudgeReply> ReplyAsync(JudgeQuestion question, CancellationToken cancellation)
    {
        var key = _identity.KeyOf(question, _options);
        var own = new Lazy<Task<JudgeReply>>(() => FetchAsync(key, question, cancellation));
        var shared = _replies.GetOrAdd(key, own);
        try
        {
            // Its own call is awaited to the end, also when cancelled: a reply that still comes is kept.
            if (shared == own) return await own.Value.ConfigureAwait(false);
            var reply = await shared.Value.WaitAsync(cancellation).ConfigureAwait(false);
            _usage.FromCache(reply);
            return reply;
        }
        catch
        {
            // What failed now may be asked again later.
            _replies.TryRemove(new(key, shared));
            throw;
        }
    }

    private async Task<JudgeReply> FetchAsync(string key, JudgeQuestion question, CancellationToken cancellation)
    {
        if (_journal?.Find(key) is { } cached)
        {
            _usage.FromCache(cached);
            return cached;
        }
        var reply = await CallAsync(question, cancellation).ConfigureAwait(false);
        _usage.Replied(reply);
        _journal?.Append(key, question.Id, reply);
        return reply;
    }

    private async Task<JudgeReply> CallAsync(JudgeQuestion question, CancellationToken cancellation)
    {
        // A call that is under way when the run is cancelled is paid for: its reply has some time left to come.
        using var stop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _options.Clock);
        using var onCancel = cancellation.Register(() => stop.CancelAfter(_options.StopGrace));
        for (var attempt = 1; ; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            _usage.Called();
            using var timeout = new CancellationTokenSource(_options.AttemptTimeout, _options.Clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, timeout.Token);
            try
            {
                var response = await _client.GetResponseAsync(question.Messages, _options.ForCall(question), either.Token).WaitAsync(either.Token).ConfigureAwait(false);
                return ReplyOf(response);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                cancellation.ThrowIfCancellationRequested();
                await PauseAsync(question, attempt, error, timeout.IsCancellationRequested, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Counts an error and waits until the next attempt.</summary>
    /// <exception cref="GivenUpException">There is no next attempt for this question.</exception>
    /// <exception cref="JudgeException">No question can succeed.</exception>
    private async Task PauseAsync(JudgeQuestion question, int attempt, Exception error, bool timedOut, CancellationToken cancellation)
    {
        if (!timedOut && !(_options.IsTransient ?? IsTransient)(error))
        {
            if (error is HttpRequestException { StatusCode: { } status } && (int)status is 400 or 413 or 422) throw new GivenUpException($"The endpoint refuses the question: {error.Message}", error);
            throw error is HttpRequestException ? new JudgeException($"The judge cannot be asked: {error.Message}", error) : new JudgeException($"The judge's client failed on question \"{question.Id}\": {error.Message}", error);
        }
        _usage.Failed(KindOf(error, timedOut));
        var last = timedOut ? $"no reply within {_options.AttemptTimeout.TotalSeconds:0.###} s" : error.Message;
        if (attempt == _options.MaxAttempts) throw new GivenUpException($"Given up after {attempt} attempts; the last one: {last}", error);
        var delay = RetryDelay.Before(attempt, _options, Random.Shared.NextDouble());
        if (error is ChatEndpointException { RetryAfter: { } wanted })
        {
            if (wanted > _options.MaxRetryAfter) throw new GivenUpException($"The endpoint asks to wait {wanted.TotalSeconds:0} s, more than MaxRetryAfter ({_options.MaxRetryAfter.TotalSeconds:0} s).", error);
            if (wanted > delay) delay = wanted;
        }
        await Task.Delay(delay, _options.Clock, cancellation).ConfigureAwait(false);
    }

    private static FailureKind KindOf(Exception error, bool timedOut) => error switch
    {
        _ when timedOut => FailureKind.Timeout,
        HttpRequestException { StatusCode: System.Net.HttpStatusCode.TooManyRequests } => FailureKind.RateLimit,
        HttpRequestException { StatusCode: not null } => FailureKind.Server,
        HttpRequestException or IOException => FailureKind.Connection,
        TimeoutException or OperationCanceledException => FailureKind.Timeout,
        _ => FailureKind.Server,
    };

    private static JudgeReply ReplyOf(ChatResponse response)
    {
        var logProbs = response.AdditionalProperties?.GetValueOrDefault("logprobs") is JsonElement element ? CandidateToken.ReadFirst(element) : null;
        return new JudgeReply(response.Text, logProbs, response.FinishReason?.Value, response.ModelId, response.Usage?.InputTokenCount ?? 0, response.Usage?.OutputTokenCount ?? 0);
    }

    /// <summary>One question has no reply; the others go on.</summary>
    private sealed class GivenUpException(string message, Exception inner) : Exception(message, inner);
}

/// <summary>A judge cannot be asked at all: a wrong key, an unknown model, a client that fails. Replies that came before are in the cache.</summary>
public sealed class JudgeException : Exception
{
    internal JudgeException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>How long to wait between attempts.</summary>
internal static class RetryDelay
{
    /// <summary>The pause after a failed attempt: doubled each time up to a limit, less up to a half, so that many waiting questions do not come back at once.</summary>
    /// <param name="attempt">1 for the first attempt.</param>
    /// <param name="options">The first and the longest pause.</param>
    /// <param name="random">0 to 1.</param>
    public static TimeSpan Before(int attempt, JudgeOptions options, double random)
    {
        var full = Math.Min(options.MaxDelay.TotalSeconds, options.FirstDelay.TotalSeconds * Math.Pow(2, attempt - 1));
        return TimeSpan.FromSeconds(full * (1 - random / 2));
    }
}
