using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>Who may use the server, and from where.</summary>
public sealed class AccessTests(ServedModels models) : IClassFixture<ServedModels>
{
    private const string Key = "sk-very-secret-4711";

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer ")]
    [InlineData("Basic " + Key)]
    [InlineData("Bearer " + Key + "x")]
    [InlineData(Key)]
    public async Task Key_MissingOrWrong_IsRefused(string? authorization)
    {
        await using var server = await ServedModels.Start(models.Trained, new() { ApiKey = Key, FeedbackPath = TemporaryFile() });
        using var client = Http.Client(server);
        if (authorization is not null) client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);

        foreach (var request in new[] { client.PostChat(Http.Chat()), client.PostAsync("v1/completions", Http.Json("{}")), client.GetAsync("v1/models"), client.PostAsync("feedback", Http.Json("{}")) })
        {
            using var response = await request;
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
            Assert.Equal("invalid_api_key", (string?)(await response.ReadJson())["error"]!["code"]);
        }
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("health/live")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("")).StatusCode);
    }

    [Fact]
    public async Task Log_OfEveryKindOfRequest_HoldsNeitherKeyNorConversation()
    {
        using var log = new KeptLog();
        await using var server = await ServedModels.Start(models.Trained, new() { ApiKey = Key, FeedbackPath = TemporaryFile() }, log: log);
        using var client = Http.Client(server, Key);

        await client.Answer(Http.Chat("sort pie cat"));
        await client.Answer("""{"messages": [{"role": "user", "content": "sort pie cat"}], "rejected": "pie cat", "feedback": "unsorted"}""", "feedback");
        using var refused = await client.PostChat(Http.Chat("sort pie cat", "\"n\": 0"));
        client.DefaultRequestHeaders.Authorization = new("Bearer", Key + "x");
        using var unauthorized = await client.PostChat(Http.Chat());

        var all = string.Join('\n', log.Lines);
        Assert.Contains("done", all);
        Assert.Contains("complaint", all);
        foreach (var secret in new[] { Key, "pie", "unsorted" }) Assert.DoesNotContain(secret, all);
    }

    [Theory]
    [InlineData("https://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("null", HttpStatusCode.Forbidden)]
    [InlineData("http://localhost:1", HttpStatusCode.Forbidden)]
    [InlineData("https://friend.example", HttpStatusCode.OK)]
    public async Task Origin_OfABrowsersPage_MustBeAllowed(string origin, HttpStatusCode expected)
    {
        await using var server = await ServedModels.Start(models.Trained, new() { AllowedOrigins = ["https://friend.example"] });
        using var client = Http.Client(server);
        client.DefaultRequestHeaders.Add("Origin", origin);

        using var answer = await client.PostChat(Http.Chat());
        using var preflight = await client.SendAsync(new(HttpMethod.Options, "v1/chat/completions"));

        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal(expected == HttpStatusCode.OK, answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed));
        if (allowed is not null) Assert.Equal([origin], allowed);
        Assert.Equal(expected == HttpStatusCode.OK ? HttpStatusCode.NoContent : HttpStatusCode.Forbidden, preflight.StatusCode);
    }

    [Fact]
    public async Task Origin_OfTheServersOwnPage_IsAllowed()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);
        client.DefaultRequestHeaders.Add("Origin", server.Address.GetLeftPart(UriPartial.Authority));

        Assert.Equal(HttpStatusCode.OK, (await client.PostChat(Http.Chat())).StatusCode);
    }

    // A page of another name that resolves to this machine (DNS rebinding).
    [Theory]
    [InlineData("evil.example", HttpStatusCode.BadRequest)]
    [InlineData("localhost", HttpStatusCode.OK)]
    public async Task Host_OnLoopback_MustBeThisMachines(string host, HttpStatusCode expected)
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);
        client.DefaultRequestHeaders.Host = $"{host}:{server.Address.Port}";

        Assert.Equal(expected, (await client.GetAsync("v1/models")).StatusCode);
    }

    [Fact]
    public async Task ContentType_OtherThanJson_IsRefused()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);

        using var response = await client.PostAsync("v1/chat/completions", new StringContent(Http.Chat(), Encoding.UTF8, "text/plain"));

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
    }

    [Theory]
    [InlineData("", "text/html")]
    [InlineData("chat.js", "text/javascript")]
    [InlineData("chat.css", "text/css")]
    [InlineData("chat.json", "application/json")]
    public async Task Page_EveryFile_HasAStrictPolicyAndNamesNoOtherPlace(string path, string type)
    {
        await using var server = await ServedModels.Start(models.Trained, new() { ApiKey = Key });
        using var client = Http.Client(server);

        using var response = await client.GetAsync(path);
        var content = await response.Content.ReadAsStringAsync();

        Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self';", response.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.DoesNotContain("://", content);
        Assert.DoesNotContain("innerHTML", content);
        Assert.DoesNotContain(Key, content);
    }

    [Fact]
    public async Task Health_Server_TellsThatItIsReady()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);

        foreach (var path in new[] { "health", "health/live", "health/ready" })
        {
            using var response = await client.GetAsync(path);
            Assert.Equal("ok", (string?)(await response.ReadJson())["status"]);
        }
    }

    [Fact]
    public async Task Address_NotSaid_IsLoopback()
    {
        await using var server = await ServedModels.Start(models.Trained);

        Assert.Equal("127.0.0.1", server.Address.Host);
    }

    private static string TemporaryFile() => Path.Combine(Directory.CreateTempSubdirectory("drift-serving-").FullName, "dsat.jsonl");

    private sealed class KeptLog : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose() { }
    }
}
