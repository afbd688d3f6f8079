using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Evaluation.Judging;

namespace Microsoft.ML.Drift.Evaluation.Tests.Judging;

/// <summary>Hundreds of questions through a server that fails in every way, in several lives of the judge: nothing is lost, nothing is counted twice.</summary>
public sealed class FaultInjectionTests(ITestOutputHelper output) : IDisposable
{
    private const int Count = 400;
    private static readonly Fault[] Kinds = [Fault.RateLimit, Fault.ServerError, Fault.Reset, Fault.TruncatedBody, Fault.NotJson, Fault.NotTheProtocol, Fault.Hang, Fault.MalformedReply];

    private readonly string _folder = Directory.CreateTempSubdirectory("drift-faults-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Ask_FaultsOfEveryKindAndInterruptions_NothingLostNothingTwice()
    {
        // Two of five requests fail, by question and attempt; after eight failures a question is left alone, so that all can be answered.
        await using var endpoint = await FaultyEndpoint.StartAsync((question, earlier) =>
        {
            var draw = new Random(HashCode(question) * 31 + earlier).Next(1000);
            return earlier < 8 && draw < 400 ? Kinds[draw % Kinds.Length] : Fault.None;
        });
        var options = new JudgeOptions
        {
            CachePath = Path.Combine(_folder, "judge.jsonl"), MaxConcurrency = 16, MaxAttempts = 30, MaxReasks = 10, Price = new(1m, 2m),
            AttemptTimeout = TimeSpan.FromSeconds(2), FirstDelay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(10),
        };
        var questions = JudgeTests.Questions(Count);
        var lives = new List<JudgeUsage>();
        IReadOnlyList<JudgeAnswer<string>>? answers = null;
        foreach (var stopAfter in new[] { 60, 150, 260, int.MaxValue, int.MaxValue }) answers = await Live(endpoint, options, questions, stopAfter, lives) ?? answers;

        Assert.Equal(Enumerable.Range(0, Count).Select(number => $"q{number}"), answers!.Select(answer => answer.Value));
        // Every reply that came was paid for once and is in the cache once; the last life asked nothing.
        var records = File.ReadAllLines(options.CachePath!).Select(line => JsonNode.Parse(line)!["Key"]!.GetValue<string>()).ToList();
        Assert.Equal(records.Count, records.Distinct().Count());
        Assert.Equal(records.Count, lives.Sum(life => life.Replies));
        Assert.Equal(0, lives[^1].Calls);
        Assert.Equal(records.Count, lives[^1].CachedReplies);
        Assert.Equal(10L * records.Count, lives.Sum(life => life.InputTokens));
        Assert.Equal((10m + 2 * 2) * records.Count / 1_000_000, lives.Sum(life => life.Cost));
        // The server completed no conversation twice: replies under way when a life ended were waited for.
        var twice = endpoint.Billed.GroupBy(conversation => conversation).Sum(group => group.Count() - 1);
        Assert.Equal((0, records.Count), (twice, endpoint.Billed.Count));
        Assert.All(Kinds, kind => Assert.True(endpoint.Faults.GetValueOrDefault(kind) > 0, $"no {kind}"));

        output.WriteLine($"{Count} questions, {lives.Count} lives, {endpoint.Faults.Values.Sum()} requests; faults: {string.Join(", ", endpoint.Faults.Where(fault => fault.Key != Fault.None).OrderBy(fault => fault.Key).Select(fault => $"{fault.Key} {fault.Value}"))}");
        output.WriteLine($"replies {records.Count}, lost 0, counted twice 0, completed twice by the server {twice}");
        output.WriteLine($"seen by the judge: 429 {lives.Sum(life => life.RateLimited)}, server errors {lives.Sum(life => life.ServerErrors)}, timeouts {lives.Sum(life => life.Timeouts)}, connections {lives.Sum(life => life.ConnectionErrors)}, malformed {lives[^1].MalformedReplies}");
    }

    private static async Task<IReadOnlyList<JudgeAnswer<string>>?> Live(FaultyEndpoint endpoint, JudgeOptions options, IReadOnlyList<JudgeQuestion> questions, int stopAfter, List<JudgeUsage> lives)
    {
        using var cancellation = new CancellationTokenSource();
        using var client = JudgeTests.Client(endpoint);
        using var judge = new Judge(client, options);
        try
        {
            return await judge.AskAsync<string>(questions, JudgeTests.ReadEcho, new JudgeTests.Now<JudgeProgress>(step => { if (step.Done >= stopAfter) cancellation.Cancel(); }), cancellation.Token);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            lives.Add(judge.Usage);
        }
    }

    private static int HashCode(string text) => text.Aggregate(17, (hash, letter) => unchecked(hash * 31 + letter));
}
