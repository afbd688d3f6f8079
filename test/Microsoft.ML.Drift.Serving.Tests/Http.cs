using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>Plain HTTP, where the official client would not let a test do something wrong.</summary>
internal static class Http
{
    public static HttpClient Client(DriftServer server, string? key = null)
    {
        var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 200, MaxResponseDrainSize = 0 }) { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(60) };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    public static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    /// <summary>A chat request of one user turn; <paramref name="more"/> is put behind it.</summary>
    public static string Chat(string text = "sort pie cat", string more = "") => $$"""{"messages": [{"role": "user", "content": "{{text}}"}]{{(more.Length > 0 ? ", " + more : "")}}}""";

    /// <summary>A stream that goes on until somebody ends it.</summary>
    public static string EndlessChat(int tokens = 4096) => Chat(more: $"\"stream\": true, \"ignore_eos\": true, \"temperature\": 0, \"max_tokens\": {tokens}");

    public static Task<HttpResponseMessage> PostChat(this HttpClient client, string body) => client.PostAsync("v1/chat/completions", Json(body));

    /// <summary>Begins a request whose response is read while it comes.</summary>
    public static Task<HttpResponseMessage> BeginChat(this HttpClient client, string body, CancellationToken cancellation = default) =>
        client.SendAsync(new(HttpMethod.Post, "v1/chat/completions") { Content = Json(body) }, HttpCompletionOption.ResponseHeadersRead, cancellation);

    public static async Task<JsonNode> ReadJson(this HttpResponseMessage response) => JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

    /// <summary>The answer of a request that must succeed.</summary>
    public static async Task<JsonNode> Answer(this HttpClient client, string body, string path = "v1/chat/completions")
    {
        using var response = await client.PostAsync(path, Json(body));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    public static async Task<string> Content(this HttpClient client, string body) => (string)(await client.Answer(body))["choices"]![0]!["message"]!["content"]!;

    /// <summary>The data of server-sent events, the closing [DONE] included.</summary>
    public static async Task<List<string>> ReadEvents(this HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        return [.. text.Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => line["data: ".Length..])];
    }

    public static async Task<JsonNode> Health(this HttpClient client) => JsonNode.Parse(await client.GetStringAsync("health"))!;

    /// <summary>Waits until the server's state is as told.</summary>
    public static async Task Until(this HttpClient client, Func<JsonNode, bool> state)
    {
        for (var i = 0; i < 1000; i++)
        {
            if (state(await client.Health())) return;
            await Task.Delay(10);
        }
        Assert.Fail($"The server did not come to the awaited state: {await client.Health()}");
    }
}
