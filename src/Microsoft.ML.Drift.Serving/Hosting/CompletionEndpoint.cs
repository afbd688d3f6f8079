using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Serving.Answering;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Hosting;

/// <summary><c>POST /v1/chat/completions</c> and <c>POST /v1/completions</c>: whole answers and streams.</summary>
internal sealed class CompletionEndpoint(AnswerService answers, DriftServingOptions options, ILogger logger)
{
    private static readonly TimeSpan CommentAfter = TimeSpan.FromSeconds(15), LastWord = TimeSpan.FromSeconds(5);

    public Task Chat(HttpContext context, JsonElement body)
    {
        var request = answers.Requests.ReadChat(body);
        return Answer(context, request, new ChatFormat(request, options.ModelName, answers.TokenTexts));
    }

    public Task Completion(HttpContext context, JsonElement body)
    {
        var request = answers.Requests.ReadCompletion(body);
        return Answer(context, request, new CompletionFormat(request, options.ModelName, answers.TokenTexts));
    }

    private async Task Answer(HttpContext context, AnswerRequest request, AnswerFormat format)
    {
        using var pass = answers.Admit(request);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(options.RequestTimeout);
        var clock = Stopwatch.StartNew();
        var (tokens, outcome) = (0, "failed");
        try
        {
            var next = answers.Answer(request, limit.Token);
            var error = request.Stream ? await SendStream(context, request, format, Counted(next), limit.Token) : await SendWhole(context, request, format, Counted(next));
            outcome = error?.Code ?? "done";
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            outcome = "client left";
            throw;
        }
        catch (OperationCanceledException cancelled)
        {
            var told = Told(cancelled, limit.Token);
            outcome = told.Code!;
            throw told;
        }
        finally
        {
            logger.LogInformation("{Id}: {Outcome}, {PromptTokens} + {Tokens} tokens, {Seconds:0.00} s", format.Id, outcome, request.PromptTokens, tokens, clock.Elapsed.TotalSeconds);
        }

        async IAsyncEnumerable<ChoiceToken> Counted(IAsyncEnumerable<ChoiceToken> all)
        {
            await foreach (var token in all)
            {
                tokens++;
                yield return token;
            }
        }
    }

    private static async Task<ApiException?> SendWhole(HttpContext context, AnswerRequest request, AnswerFormat format, IAsyncEnumerable<ChoiceToken> tokens)
    {
        var choices = Enumerable.Range(0, request.Choices).Select(_ => new Choice()).ToList();
        await foreach (var next in tokens) choices[next.Choice].Add(next.Token);
        await context.Response.SendJson(json => format.WriteWhole(json, choices));
        return null;
    }

    /// <summary>Sends the tokens as they come. The status is sent before the first; so an error is the stream's last event, as OpenAI does it, and is given back.</summary>
    private async Task<ApiException?> SendStream(HttpContext context, AnswerRequest request, AnswerFormat format, IAsyncEnumerable<ChoiceToken> tokens, CancellationToken cancellation)
    {
        await using var events = new EventStream(context);
        await using var enumerator = tokens.GetAsyncEnumerator(CancellationToken.None);
        try
        {
            for (var choice = 0; choice < request.Choices; choice++) await events.Send(json => format.WriteOpening(json, choice), cancellation);
            var count = 0;
            while (await Next(enumerator, events, cancellation))
            {
                count++;
                await events.Send(json => format.WriteToken(json, enumerator.Current), cancellation);
            }
            if (request.IncludeUsage) await events.Send(json => Written(() => format.WriteUsageChunk(json, count)), cancellation);
            await events.SendDone(cancellation);
            return null;
        }
        catch (Exception error) when (!context.RequestAborted.IsCancellationRequested && context.Response.HasStarted)
        {
            if (error is not OperationCanceledException) logger.LogError(error, "{Id} failed", format.Id);
            var told = Told(error, cancellation);
            // A client that has not read for so long may not read this either.
            using var last = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            last.CancelAfter(LastWord);
            await events.Send(json => Written(() => ErrorBody.Write(json, told)), last.Token);
            return told;
        }
    }

    private ApiException Told(Exception error, CancellationToken limit) => error switch
    {
        OperationCanceledException when limit.IsCancellationRequested => ApiException.Timeout(options.RequestTimeout),
        OperationCanceledException => ApiException.ShuttingDown(),
        _ => ApiException.Failed(),
    };

    /// <summary>Waits for the next token, with a comment now and then.</summary>
    private static async Task<bool> Next(IAsyncEnumerator<ChoiceToken> tokens, EventStream events, CancellationToken cancellation)
    {
        var next = tokens.MoveNextAsync().AsTask();
        while (true)
        {
            try
            {
                return await next.WaitAsync(CommentAfter, CancellationToken.None);
            }
            catch (TimeoutException) when (!next.IsCompleted)
            {
                try
                {
                    await events.SendComment(cancellation);
                }
                catch
                {
                    // What cannot be written to is cancelled; an enumerator may be disposed of only when it rests.
                    await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    throw;
                }
            }
        }
    }

    private static bool Written(Action write)
    {
        write();
        return true;
    }
}
