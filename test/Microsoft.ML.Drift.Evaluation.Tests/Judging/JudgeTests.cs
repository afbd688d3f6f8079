using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Evaluation.Judging;

namespace Microsoft.ML.Drift.Evaluation.Tests.Judging;

public sealed class JudgeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-judge-").FullName;

    private static readonly JudgeOptions Quick = new() { FirstDelay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(4), AttemptTimeout = TimeSpan.FromSeconds(20), Price = new(3m, 15m) };

    private string Cache => Path.Combine(_folder, "cache", "judge.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Ask_Replies_AreReadAndCounted()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync();
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick);
        var progress = new List<int>();

        var answers = await judge.AskAsync<string>(Questions(3), ReadEcho, new Now<JudgeProgress>(step => progress.Add(step.Done)), TestContext.Current.CancellationToken);

        Assert.Equal(["q0", "q1", "q2"], answers.Select(answer => answer.Value));
        Assert.Equal(("judge-2024", "stop"), (answers[0].Reply!.Model, answers[0].Reply!.FinishReason));
        // 3 · (10 tokens at 3 + 2 tokens at 15 a million)
        Assert.Equal(new JudgeUsage(3, 3, 0, 0, 0, 0, 0, 0, 30, 6, 0, 0, 0.00018m, 0), judge.Usage);
        Assert.Equal([1, 2, 3], progress.Order());
    }

    [Fact]
    public async Task Ask_EqualQuestionsAndSecondRun_AreAskedOnce()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync();
        using var client = Client(endpoint);
        var options = Quick with { CachePath = Cache };
        using (var judge = new Judge(client, options))
        {
            await judge.AskAsync<string>([.. Questions(5), .. Questions(5)], ReadEcho);
            Assert.Equal((5, 5, 60), (judge.Usage.Replies, judge.Usage.CachedReplies, judge.Usage.InputTokens + judge.Usage.OutputTokens));
        }

        using var second = new Judge(client, options);
        var answers = await second.AskAsync<string>(Questions(5), ReadEcho);

        Assert.Equal(["q0", "q1", "q2", "q3", "q4"], answers.Select(answer => answer.Value));
        Assert.Equal(new JudgeUsage(0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 50, 10, 0, 0.0003m), second.Usage);
        Assert.All(endpoint.Requests.Values, count => Assert.Equal(1, count));
    }

    [Fact]
    public async Task Key_AnythingThatMatters_IsAskedAnew()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync();
        await using var elsewhere = await FaultyEndpoint.StartAsync();
        var options = Quick with { CachePath = Cache };
        var question = Questions(1)[0];
        await Ask(endpoint, options, question);

        Assert.True(await IsCached(endpoint, options, question with { Id = "another name" }));
        Assert.True(await IsCached(endpoint, options with { MaxConcurrency = 3, MaxAttempts = 2 }, question));
        Assert.False(await IsCached(endpoint, options with { Model = "other" }, question));
        Assert.False(await IsCached(endpoint, options with { Temperature = 0.5f }, question));
        Assert.False(await IsCached(endpoint, options with { Seed = 1 }, question));
        Assert.False(await IsCached(endpoint, options, question with { Template = "t2" }));
        Assert.False(await IsCached(endpoint, options, question with { MaxOutputTokens = 5 }));
        Assert.False(await IsCached(endpoint, options, question with { TopLogProbs = 5 }));
        Assert.False(await IsCached(endpoint, options, question with { Messages = [new(ChatRole.System, "q0")] }));
        Assert.False(await IsCached(endpoint, options, question with { Messages = [new(ChatRole.User, "q0 ")] }));
        Assert.False(await IsCached(elsewhere, options, question));
    }

    [Fact]
    public async Task Ask_MalformedReply_IsMendedWithTheReason()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, earlier) => earlier == 0 ? Fault.MalformedReply : Fault.None);
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick);

        var answers = await judge.AskAsync<string>(Questions(1), ReadEcho);

        Assert.Equal("q0", answers[0].Value);
        Assert.Equal((2, 1), (judge.Usage.Replies, judge.Usage.MalformedReplies));
        var mended = endpoint.Bodies.Single(body => body["messages"]!.AsArray().Count == 3)["messages"]!;
        Assert.Equal("I would rather not say", mended[1]!["content"]!.GetValue<string>());
        Assert.Contains("it does not echo.", mended[2]!["content"]!.GetValue<string>());
    }

    [Fact]
    public async Task Ask_AlwaysMalformed_EndsWithoutAnAnswerAndIsNotAskedAgain()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, _) => Fault.MalformedReply);
        using var client = Client(endpoint);
        var options = Quick with { CachePath = Cache, MaxReasks = 1 };
        using (var judge = new Judge(client, options))
        {
            var answer = (await judge.AskAsync<string>(Questions(1), ReadEcho)).Single();
            Assert.Equal((false, null, "it does not echo.", 2), (answer.IsAnswered, answer.Value, answer.Problem, judge.Usage.Replies));
        }
        using var second = new Judge(client, options);
        await second.AskAsync<string>(Questions(1), ReadEcho);

        Assert.Equal((0, 2, 2), (second.Usage.Calls, second.Usage.CachedReplies, second.Usage.MalformedReplies));
    }

    [Fact]
    public async Task Ask_RetryAfter_IsWaitedFor()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, earlier) => earlier == 0 ? Fault.RateLimitWithRetryAfter : Fault.None);
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick);
        var clock = System.Diagnostics.Stopwatch.StartNew();

        var answers = await judge.AskAsync<string>(Questions(1), ReadEcho);

        Assert.True(answers[0].IsAnswered);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.95, 10);
        Assert.Equal(1, judge.Usage.RateLimited);
    }

    [Fact]
    public async Task Ask_RetryAfterBeyondTheLimit_GivesTheQuestionUp()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, _) => Fault.RateLimitWithRetryAfter);
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick with { MaxRetryAfter = TimeSpan.FromSeconds(0.5) });

        var answer = (await judge.AskAsync<string>(Questions(1), ReadEcho)).Single();

        Assert.Contains("asks to wait 1 s", answer.Problem);
        Assert.Equal(1, judge.Usage.Calls);
    }

    [Fact]
    public async Task Ask_Timeout_IsTriedAgainAndCounted()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, earlier) => earlier < 2 ? Fault.Hang : Fault.None);
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick with { AttemptTimeout = TimeSpan.FromSeconds(0.3) });

        var answers = await judge.AskAsync<string>(Questions(1), ReadEcho);

        Assert.True(answers[0].IsAnswered);
        Assert.Equal((3, 2, 1), (judge.Usage.Calls, judge.Usage.Timeouts, judge.Usage.Replies));
    }

    [Fact]
    public async Task Ask_NothingButErrors_IsGivenUpWithTheLastOne()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, _) => Fault.ServerError);
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick with { MaxAttempts = 3 });

        var answer = (await judge.AskAsync<string>(Questions(1), ReadEcho)).Single();

        Assert.StartsWith("Given up after 3 attempts", answer.Problem);
        Assert.Contains("503", answer.Problem);
        Assert.Equal(3, judge.Usage.ServerErrors);
    }

    [Fact]
    public async Task Ask_OneQuestionRefused_TheOthersAreAnswered()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((question, _) => question == "q1" ? Fault.BadRequest : Fault.None);
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick);

        var answers = await judge.AskAsync<string>(Questions(3), ReadEcho);

        Assert.Equal([true, false, true], answers.Select(answer => answer.IsAnswered));
        Assert.Contains("maximum context length", answers[1].Problem);
        Assert.Equal(3, judge.Usage.Calls);
    }

    [Fact]
    public async Task Ask_WrongKey_StopsAtOnceWithoutNamingIt()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync();
        using var client = new OpenAICompatibleChatClient(endpoint.Address, "judge", "wrong-key-4711");
        using var judge = new Judge(client, Quick with { MaxConcurrency = 1 });

        var error = await Assert.ThrowsAsync<JudgeException>(() => judge.AskAsync<string>(Questions(50), ReadEcho));

        Assert.Contains("401", error.Message);
        Assert.DoesNotContain("4711", error.ToString());
        Assert.InRange(judge.Usage.Calls, 1, 2);
    }

    [Fact]
    public async Task Ask_Cancelled_KeepsWhatCame()
    {
        using var cancellation = new CancellationTokenSource();
        await using var endpoint = await FaultyEndpoint.StartAsync((question, _) => question is "q3" ? Fault.Hang : Fault.None);
        using var client = Client(endpoint);
        using (var judge = new Judge(client, Quick with { CachePath = Cache, MaxConcurrency = 2, StopGrace = TimeSpan.FromMilliseconds(50) }))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => judge.AskAsync<string>(
                Questions(6), ReadEcho, new Now<JudgeProgress>(step => { if (step.Done == 5) cancellation.Cancel(); }), cancellation.Token));

        Assert.Equal(5, File.ReadAllLines(Cache).Length);
    }

    [Fact]
    public async Task MaxConcurrency_Bound_IsKeptAndUsed()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, earlier) => earlier == 0 ? Fault.RateLimit : Fault.None, question =>
        {
            Thread.Sleep(10);
            return $"echo {question}";
        });
        using var client = Client(endpoint);
        using var judge = new Judge(client, Quick with { MaxConcurrency = 3 });

        await judge.AskAsync<string>(Questions(60), ReadEcho);

        Assert.InRange(endpoint.MostAtOnce, 2, 3);
    }

    [Fact]
    public void Options_Bad_AreRefusedTogether()
    {
        using var client = new OpenAICompatibleChatClient(new("http://127.0.0.1:1/v1"), "m");
        var bad = new JudgeOptions
        {
            CachePath = " ", MaxConcurrency = 0, MaxAttempts = 0, MaxReasks = -1, AttemptTimeout = TimeSpan.Zero, FirstDelay = TimeSpan.FromSeconds(2), MaxDelay = TimeSpan.FromSeconds(1),
            MaxRetryAfter = TimeSpan.Zero, StopGrace = TimeSpan.FromSeconds(-1), Temperature = float.NaN, Model = "", Price = new(-1, 0),
        };

        var message = Assert.Throws<ArgumentException>(() => new Judge(client, bad)).Message;

        foreach (var name in new[] { "CachePath", "MaxConcurrency", "MaxAttempts", "MaxReasks", "AttemptTimeout", "MaxDelay", "MaxRetryAfter", "StopGrace", "Temperature", "Model", "Price" }) Assert.Contains($"{name} is", message);
    }

    [Fact]
    public void Cache_TornLastLineOrDamage_IsCutOrNamed()
    {
        using (var journal = new JudgeJournal(Cache)) journal.Append("k1", "q", new("a\nb", [new("m", -0.5)], "stop", "x", 1, 2));
        File.AppendAllText(Cache, """{"Key":"k2","Question":"q","Reply":{"Te""");

        using (var journal = new JudgeJournal(Cache))
        {
            Assert.Null(journal.Find("k2"));
            var reply = journal.Find("k1")!;
            Assert.Equal(("a\nb", "stop", "x", 1, 2), (reply.Text, reply.FinishReason, reply.Model, reply.InputTokens, reply.OutputTokens));
            Assert.Equal([new CandidateToken("m", -0.5)], reply.Candidates!);
            Assert.Contains("in use", Assert.Throws<IOException>(() => new JudgeJournal(Cache)).Message);
            journal.Append("k3", "q", new("c", null, null, null, 0, 0));
        }
        Assert.Equal(2, File.ReadAllLines(Cache).Length);
        File.WriteAllText(Cache, "{}\n" + File.ReadAllText(Cache));
        Assert.Contains("judge.jsonl, line 1", Assert.Throws<InvalidDataException>(() => new JudgeJournal(Cache)).Message);
    }

    [Theory]
    [InlineData(1, 0.0, 1.0)]
    [InlineData(1, 1.0, 0.5)]
    [InlineData(3, 0.0, 4.0)]
    [InlineData(20, 0.0, 60.0)]
    public void RetryDelay_Attempt_DoublesUpToTheLimit(int attempt, double random, double seconds) =>
        Assert.Equal(seconds, RetryDelay.Before(attempt, new JudgeOptions(), random).TotalSeconds, 1e-9);

    [Fact]
    public void Template_Places_AreFilledOnceAndChecked()
    {
        var template = new JudgeTemplate("t", "Be fair to {$b}.", "{$a} or {$b}? {not a place}");

        var messages = template.Render(new Dictionary<string, string> { ["a"] = "{$b}", ["b"] = "two" });

        Assert.Equal(["Be fair to two.", "{$b} or two? {not a place}"], messages.Select(message => message.Text));
        Assert.Contains("place {$b}", Assert.Throws<ArgumentException>(() => template.Render(new Dictionary<string, string> { ["a"] = "" })).Message);
        Assert.Contains("no place {$c}", Assert.Throws<ArgumentException>(() => template.Render(new Dictionary<string, string> { ["a"] = "", ["b"] = "", ["c"] = "" })).Message);
    }

    internal static IReadOnlyList<JudgeQuestion> Questions(int count) => [.. Enumerable.Range(0, count).Select(number => new JudgeQuestion($"question {number}", "t1", [new(ChatRole.User, $"q{number}")]))];

    internal static bool ReadEcho(JudgeReply reply, out string value, out string problem)
    {
        var understood = reply.Text.StartsWith("echo ", StringComparison.Ordinal);
        (value, problem) = understood ? (reply.Text[5..], "") : (null!, "it does not echo.");
        return understood;
    }

    internal static OpenAICompatibleChatClient Client(FaultyEndpoint endpoint) => new(endpoint.Address, "judge", FaultyEndpoint.Key);

    private static async Task Ask(FaultyEndpoint endpoint, JudgeOptions options, JudgeQuestion question)
    {
        using var client = Client(endpoint);
        using var judge = new Judge(client, options);
        await judge.AskAsync<string>([question], (JudgeReply reply, out string value, out string problem) => (value = problem = "") is not null);
    }

    private static async Task<bool> IsCached(FaultyEndpoint endpoint, JudgeOptions options, JudgeQuestion question)
    {
        using var client = Client(endpoint);
        using var judge = new Judge(client, options);
        await judge.AskAsync<string>([question], (JudgeReply reply, out string value, out string problem) => (value = problem = "") is not null);
        return judge.Usage.CachedReplies == 1;
    }

    internal sealed class Now<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value)
        {
            lock (report) report(value);
        }
    }
}
