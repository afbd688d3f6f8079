using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>Many clients, slow ones, ones that leave, and a server that ends.</summary>
public sealed class LoadTests(ServedModels models) : IClassFixture<ServedModels>
{
    private static string Question(int number) => Http.Chat($"sing {number}", $"\"seed\": {number}, \"temperature\": {(number % 3 == 0 ? 0 : 1)}, \"max_tokens\": {8 + number % 25}");

    [Fact]
    public async Task Chat_64ParallelClients_GetTheAnswersThatEachGetsAlone()
    {
        await using var server = await ServedModels.Start(models.Endless, new() { Batching = new() { BatchSize = 16 } });
        using var client = Http.Client(server);
        var alone = new List<string>();
        for (var i = 0; i < 64; i++) alone.Add(await client.Content(Question(i)));

        var together = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => client.Content(Question(i))));

        Assert.Equal(alone, together);
        Assert.Equal(0, (int)(await client.Health())["running"]!);
    }

    [Fact]
    public async Task Chat_32ClientsStreamWhile32LeaveInMidAnswer_AllThatStayGetTheirWholeAnswer()
    {
        await using var server = await ServedModels.Start(models.Endless, new() { Batching = new() { BatchSize = 16 } });
        using var client = Http.Client(server);
        var expected = new List<string>();
        for (var i = 0; i < 32; i++) expected.Add(await client.Content(Question(i)));

        var leaving = Enumerable.Range(0, 32).Select(async i =>
        {
            using var response = await client.BeginChat(Http.EndlessChat());
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            for (var line = 0; line < 6 + i % 5; line++) await reader.ReadLineAsync();
            // Disposing of the response closes its connection.
        });
        var staying = Enumerable.Range(0, 32).Select(i => client.Content(Question(i))).ToList();
        await Task.WhenAll(leaving);

        Assert.Equal(expected, await Task.WhenAll(staying));
        await client.Until(health => (int)health["running"]! == 0 && (int)health["waiting"]! == 0);
        // None of the 32 endless answers of 4,096 tokens went on after its client had left.
        Assert.InRange((long)(await client.Health())["generated_tokens"]!, 1, 32 * 4096 / 2);
    }

    [Fact]
    public async Task Chat_ClientsThatNeverRead_KeepNobodyWaiting()
    {
        await using var server = await ServedModels.Start(models.Endless, new() { Batching = new() { BatchSize = 9, MaxCacheTokens = 1 << 20 } });
        using var client = Http.Client(server);
        var expected = await client.Content(Question(1));
        var silent = new List<Socket>();
        for (var i = 0; i < 8; i++) silent.Add(await SendAndNeverRead(server, Http.EndlessChat(2000).Replace("\"stream\": true", "\"stream\": true, \"logprobs\": true, \"top_logprobs\": 20", StringComparison.Ordinal)));
        await client.Until(health => (int)health["running"]! == 8);

        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 5; i++) Assert.Equal(expected, await client.Content(Question(1)));

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"Five short answers took {clock.Elapsed}.");
        // Their answers are made, and free their places, though nobody reads them.
        await client.Until(health => (int)health["running"]! == 0);
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Chat_QueueIsFull_IsRefusedWithTheTimeToTryAgain()
    {
        await using var server = await ServedModels.Start(models.Endless, new() { Batching = new() { BatchSize = 1 }, MaxQueueLength = 2 });
        using var client = Http.Client(server);
        using var running = await client.BeginChat(Http.EndlessChat(30000 / 8));
        await client.Until(health => (int)health["running"]! == 1);
        var waiting = new[] { client.PostChat(Question(1)), client.PostChat(Question(2)) };
        await client.Until(health => (int)health["waiting"]! == 2);

        using var refused = await client.PostChat(Question(3));
        using var tooMany = await client.PostChat(Http.Chat(more: "\"n\": 4"));
        running.Dispose();

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 120);
        Assert.Equal("queue_full", (string?)(await refused.ReadJson())["error"]!["code"]);
        Assert.Equal(HttpStatusCode.BadRequest, tooMany.StatusCode);
        foreach (var response in await Task.WhenAll(waiting)) Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.PostChat(Question(3))).StatusCode);
    }

    [Fact]
    public async Task Chat_TakesTooLong_IsEndedWithAnError()
    {
        await using var server = await ServedModels.Start(models.Endless, new() { RequestTimeout = TimeSpan.FromSeconds(0.3) });
        using var client = Http.Client(server);

        using var whole = await client.PostChat(Http.EndlessChat().Replace("\"stream\": true, ", "", StringComparison.Ordinal));
        using var stream = await client.PostChat(Http.EndlessChat());
        var events = await stream.ReadEvents();

        Assert.Equal(HttpStatusCode.GatewayTimeout, whole.StatusCode);
        Assert.Equal("timeout", (string?)(await whole.ReadJson())["error"]!["code"]);
        Assert.Equal(HttpStatusCode.OK, stream.StatusCode);
        Assert.Equal("timeout", (string?)JsonNode.Parse(events[^1])!["error"]!["code"]);
        await client.Until(health => (int)health["running"]! == 0);
    }

    [Fact]
    public async Task Stop_AnswersUnderWay_AreFinishedAndNewOnesRefused()
    {
        var server = await ServedModels.Start(models.Endless);
        using var client = Http.Client(server);
        using var response = await client.BeginChat(Http.EndlessChat(1500));
        await client.Until(health => (int)health["running"]! == 1);
        // A connection that is open when the server stops listening.
        using var open = new TcpClient();
        await open.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        await using var stream = open.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"));

        var stopping = server.StopAsync();
        await Task.Delay(50);
        var body = Http.Chat();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"Content-Length: {body.Length}\r\n\r\n{body}"));
        var events = await response.ReadEvents();
        var late = await new StreamReader(stream).ReadToEndAsync();
        await stopping;

        Assert.Equal("[DONE]", events[^1]);
        Assert.Equal("length", (string?)JsonNode.Parse(events[^2])!["choices"]![0]!["finish_reason"]);
        Assert.True(late.Length == 0 || late.StartsWith("HTTP/1.1 503", StringComparison.Ordinal), late);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync("health"));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Stop_AnswerTakesLongerThanItMay_IsCutOff()
    {
        var server = await ServedModels.Start(models.Endless, shutdownTimeout: TimeSpan.FromSeconds(0.2));
        using var client = Http.Client(server);
        using var response = await client.BeginChat(Http.EndlessChat());
        await client.Until(health => (int)health["running"]! == 1);

        var clock = Stopwatch.StartNew();
        await server.DisposeAsync();

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"Stopping took {clock.Elapsed}.");
        // Either the connection broke, or the stream says that it ended early; it never looks complete.
        try
        {
            Assert.NotEqual("[DONE]", (await response.ReadEvents()).LastOrDefault());
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
        }
    }

    private static async Task<Socket> SendAndNeverRead(DriftServer server, string body)
    {
        // A small window, so that what the server sends soon has no room.
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 2048 };
        await socket.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        await socket.SendAsync(Encoding.UTF8.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        return socket;
    }
}
