using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Evaluation.Judging;

namespace Microsoft.ML.Drift.Evaluation.Tests.Judging;

public sealed class OpenAICompatibleChatClientTests
{
    [Fact]
    public async Task Request_Options_AreTheProtocols()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => "p=0.75");
        using var client = JudgeTests.Client(endpoint);
        var options = new ChatOptions
        {
            Temperature = 0.5f, TopP = 0.9f, TopK = 3, MaxOutputTokens = 7, FrequencyPenalty = 0.1f, PresencePenalty = 0.2f, Seed = 5, ModelId = "other", StopSequences = ["x"], Instructions = "be brief",
            ResponseFormat = ChatResponseFormat.Json, AdditionalProperties = new() { ["logprobs"] = true, ["top_logprobs"] = 2, ["user"] = "me" },
        };

        var response = await client.GetResponseAsync([new(ChatRole.System, "s"), new(ChatRole.User, "ü")], options);

        var body = endpoint.Bodies.Single();
        body["messages"]!.AsArray().RemoveAt(0);
        Assert.Equal("""[{"role":"system","content":"s"},{"role":"user","content":"\u00FC"}]""", body["messages"]!.ToJsonString());
        body.AsObject().Remove("messages");
        Assert.Equal(
            """{"model":"other","temperature":0.5,"top_p":0.9,"top_k":3,"max_tokens":7,"frequency_penalty":0.1,"presence_penalty":0.2,"seed":5,"stop":["x"],"response_format":{"type":"json_object"},"logprobs":true,"top_logprobs":2,"user":"me"}""",
            body.ToJsonString());
        Assert.Equal(("p=0.75", "judge-2024", ChatFinishReason.Stop, 10, 2), (response.Text, response.ModelId, response.FinishReason, response.Usage!.InputTokenCount, response.Usage.OutputTokenCount));
        var first = CandidateToken.ReadFirst((JsonElement)response.AdditionalProperties!["logprobs"]!)!;
        Assert.Equal([("m", 0.75), ("M", 0.25)], first.Select(token => (token.Text, Math.Round(Math.Exp(token.LogProb), 12))));
    }

    [Fact]
    public async Task Stream_Answer_ComesInPiecesWithUsage()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync(replyOf: _ => "héllo");
        using var client = JudgeTests.Client(endpoint);

        var updates = await client.GetStreamingResponseAsync([new(ChatRole.User, "q")]).ToListAsync();

        Assert.Equal(["h", "é", "l", "l", "o"], updates.Select(update => update.Text).Where(text => text.Length > 0));
        var response = updates.ToChatResponse();
        Assert.Equal((ChatFinishReason.Stop, 10, 5), (response.FinishReason, response.Usage!.InputTokenCount, response.Usage.OutputTokenCount));
    }

    [Fact]
    public async Task Stream_BrokenOff_IsAnError()
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, _) => Fault.TruncatedBody, _ => "hello");
        using var client = JudgeTests.Client(endpoint);

        var error = await Assert.ThrowsAsync<ChatEndpointException>(async () => await client.GetStreamingResponseAsync([new(ChatRole.User, "q")]).ToListAsync());

        Assert.True(Judge.IsTransient(error));
    }

    [Theory]
    [InlineData(Fault.RateLimitWithRetryAfter, true)]
    [InlineData(Fault.ServerError, true)]
    [InlineData(Fault.NotJson, true)]
    [InlineData(Fault.NotTheProtocol, true)]
    [InlineData(Fault.Reset, true)]
    [InlineData(Fault.TruncatedBody, true)]
    [InlineData(Fault.Unauthorized, false)]
    [InlineData(Fault.BadRequest, false)]
    public async Task Response_Fault_IsAnErrorOfItsKind(Fault fault, bool transient)
    {
        await using var endpoint = await FaultyEndpoint.StartAsync((_, _) => fault);
        using var client = JudgeTests.Client(endpoint);

        var error = await Assert.ThrowsAnyAsync<Exception>(() => client.GetResponseAsync("q"));

        Assert.Equal(transient, Judge.IsTransient(error));
        if (fault == Fault.RateLimitWithRetryAfter) Assert.Equal(TimeSpan.FromSeconds(1), Assert.IsType<ChatEndpointException>(error).RetryAfter);
    }

    [Fact]
    public async Task Refusals_ToolsAndOtherContents_AreNotSupported()
    {
        using var client = new OpenAICompatibleChatClient(new("http://127.0.0.1:1/v1"), "m");

        await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("q", new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1)] }));
        await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync(new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])));
        Assert.Throws<ArgumentException>(() => new OpenAICompatibleChatClient(new("ftp://x"), "m"));
        Assert.Contains("DRIFT_NO_SUCH_KEY", Assert.Throws<ArgumentException>(() => OpenAICompatibleChatClient.FromEnvironment(new("http://x"), "m", "DRIFT_NO_SUCH_KEY")).Message);
    }

    [Fact]
    public void Metadata_Client_NamesEndpointAndModel()
    {
        using var client = new OpenAICompatibleChatClient(new("http://127.0.0.1:1/v1/"), "m", "k");

        var metadata = client.GetService<ChatClientMetadata>()!;

        Assert.Equal(("http://127.0.0.1:1/v1/", "m"), (metadata.ProviderUri!.ToString(), metadata.DefaultModelId));
    }
}
