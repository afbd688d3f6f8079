using System.Net;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>What requests may say, and what they are told when they say something else.</summary>
public sealed class RequestTests(ServedModels models) : IClassFixture<ServedModels>
{
    [Fact]
    public async Task Chat_ServerWithWeightsInEightBits_AnswersWithTheirLogProbs()
    {
        Assert.SkipUnless(Avx512F.IsSupported, "This processor has no AVX-512.");
        var logProbs = new List<double>();
        foreach (var weights in new[] { WeightPrecision.Float32, WeightPrecision.Q8_0 })
        {
            await using var server = await ServedModels.Start(models.Trained, new() { Generation = new() { Weights = weights } });
            using var client = Http.Client(server);
            var answer = await client.Answer(Http.Chat(more: "\"temperature\": 0, \"logprobs\": true"));
            logProbs.Add((double)answer["choices"]![0]!["logprobs"]!["content"]![0]!["logprob"]!);
        }
        Assert.NotEqual(logProbs[0], logProbs[1]);
        Assert.Equal(logProbs[0], logProbs[1], 0.1);
    }

    public static TheoryData<string, string?, string> WrongBodies => new()
    {
        { "", null, "not valid JSON" },
        { "{", null, "not valid JSON" },
        { "[]", null, "one JSON object" },
        { "\"text\"", null, "one JSON object" },
        { """{"messages": [], "messages": []}""", null, "not valid JSON" },
        { $"{string.Concat(Enumerable.Repeat("[", 200))}", null, "not valid JSON" },
        { "{}", "messages", "'messages' is missing" },
        { """{"messages": null}""", "messages", "'messages' is missing" },
        { """{"messages": "hi"}""", "messages", "is a text; it must be a list of messages" },
        { """{"messages": []}""", "messages", "at least one message" },
        { """{"messages": ["hi"]}""", "messages[0]", "object with role and content" },
        { """{"messages": [{"content": "hi"}]}""", "messages[0].role", "missing" },
        { """{"messages": [{"role": "robot", "content": "hi"}]}""", "messages[0].role", "'robot'; allowed are system" },
        { """{"messages": [{"role": "user"}]}""", "messages[0].content", "missing" },
        { """{"messages": [{"role": "user", "content": 5}]}""", "messages[0].content", "a text or a list of text parts" },
        { """{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}""", "messages[0].content[0].type", "reads text only" },
        { """{"messages": [{"role": "user", "content": "\ud800"}]}""", "messages[0].content", "surrogate" },
        { Http.Chat(more: "\"model\": 5"), "model", "must be a text" },
        { Http.Chat(more: "\"temperature\": \"hot\""), "temperature", "must be a number" },
        { Http.Chat(more: "\"temperature\": -1"), "temperature", "between 0 and 2" },
        { Http.Chat(more: "\"temperature\": 1e999"), "temperature", "between 0 and 2" },
        { Http.Chat(more: "\"top_p\": 1.5"), "top_p", "between 0 and 1" },
        { Http.Chat(more: "\"max_tokens\": 0"), "max_tokens", "between 1 and 4096" },
        { Http.Chat(more: "\"max_tokens\": 2.5"), "max_tokens", "whole number" },
        { Http.Chat(more: "\"max_tokens\": 99999999999"), "max_tokens", "between 1 and 4096" },
        { Http.Chat(more: "\"max_tokens\": 250"), "max_tokens", "at most" },
        { Http.Chat(more: "\"max_tokens\": 5, \"max_completion_tokens\": 6"), "max_tokens", "differ" },
        { Http.Chat(more: "\"n\": 0"), "n", "between 1 and 8" },
        { Http.Chat(more: "\"n\": 9"), "n", "between 1 and 8" },
        { Http.Chat(more: "\"n\": [2]"), "n", "a list; it must be a whole number" },
        { Http.Chat(more: "\"stream\": \"yes\""), "stream", "true or false" },
        { Http.Chat(more: "\"stream_options\": {\"include_usage\": true}"), "stream_options", "needs 'stream': true" },
        { Http.Chat(more: "\"stop\": 5"), "stop", "a text or a list of texts" },
        { Http.Chat(more: "\"stop\": [5]"), "stop[0]", "must be a text" },
        { Http.Chat(more: "\"stop\": \"\""), null, "empty text" },
        { Http.Chat(more: "\"stop\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]"), "stop", "at most 16" },
        { Http.Chat(more: "\"seed\": 1.5"), "seed", "64 bits" },
        { Http.Chat(more: "\"top_logprobs\": 3"), "top_logprobs", "needs 'logprobs'" },
        { Http.Chat(more: "\"logprobs\": true, \"top_logprobs\": 21"), "top_logprobs", "between 0 and 20" },
        { Http.Chat(more: "\"frequency_penalty\": 3"), "frequency_penalty", "between -2 and 2" },
        { Http.Chat(more: "\"tools\": [{\"type\": \"function\"}]"), "tools", "not supported" },
        { Http.Chat(more: "\"logit_bias\": {\"5\": 1}"), "logit_bias", "not supported" },
        { Http.Chat(more: "\"response_format\": {\"type\": \"json_object\"}"), "response_format", "not supported" },
        { Http.Chat(more: "\"modalities\": [\"audio\"]"), "modalities", "not supported" },
        { Http.Chat(new string('x', 400)), "messages", "at most 255 are allowed" },
    };

    public static TheoryData<string, string?, string> WrongCompletions => new()
    {
        { "{}", "prompt", "missing" },
        { """{"prompt": []}""", "prompt", "empty" },
        { """{"prompt": ""}""", "prompt", "no token" },
        { """{"prompt": {}}""", "prompt", "must be a text" },
        { """{"prompt": [5, 260]}""", "prompt", "from 0 to 259" },
        { """{"prompt": [5, "a"]}""", "prompt", "no number" },
        { """{"prompt": [[5], []]}""", "prompt[1]", "empty" },
        { """{"prompt": ["a", "b", "c"], "n": 3}""", "n", "ask for 9 answers" },
        { """{"prompt": "a", "best_of": 2}""", "best_of", "not supported" },
        { """{"prompt": "a", "echo": true}""", "echo", "not supported" },
        { """{"prompt": "a", "suffix": "b"}""", "suffix", "not supported" },
    };

    [Theory]
    [MemberData(nameof(WrongBodies))]
    public async Task Chat_WrongBody_IsRefusedWithTheFieldsName(string body, string? parameter, string message) => await Refused("v1/chat/completions", body, parameter, message);

    [Theory]
    [MemberData(nameof(WrongCompletions))]
    public async Task Completion_WrongBody_IsRefusedWithTheFieldsName(string body, string? parameter, string message) => await Refused("v1/completions", body, parameter, message);

    private async Task Refused(string path, string body, string? parameter, string message)
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);

        using var response = await client.PostAsync(path, Http.Json(body));
        var error = (await response.ReadJson())["error"]!;

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(("invalid_request_error", parameter), ((string)error["type"]!, (string?)error["param"]));
        Assert.Contains(message, (string)error["message"]!);
        Assert.Equal("cat pie", await client.Content(Http.Chat(more: "\"temperature\": 0")));
    }

    [Fact]
    public async Task Chat_UnknownFieldsAndThoseThatSayNothing_AreTolerated()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);

        var text = await client.Content(Http.Chat(more: """
            "temperature": 0, "user": "u", "metadata": {"a": "b"}, "store": false, "service_tier": "auto", "reasoning_effort": "low", "parallel_tool_calls": true, "made_up": [1],
            "tools": [], "logit_bias": {}, "response_format": {"type": "text"}, "modalities": ["text"], "stop": null, "seed": null, "max_tokens": 20.0
            """));

        Assert.Equal("cat pie", text);
    }

    [Fact]
    public async Task Chat_TextPartsAndFinalAssistantMessage_AreJoinedAndContinued()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);

        var parts = await client.Content("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "sort pie"}, {"type": "text", "text": " cat"}]}], "temperature": 0}""");
        var continued = await client.Content("""{"messages": [{"role": "user", "content": "sort pie cat"}, {"role": "assistant", "content": "cat"}], "temperature": 0}""");

        Assert.Equal(("cat pie", " pie"), (parts, continued));
    }

    [Fact]
    public async Task Chat_SeveralChoices_AreSamplesOfTheirOwnAndRepeatable()
    {
        await using var server = await ServedModels.Start(models.Endless);
        using var client = Http.Client(server);
        var body = Http.Chat(more: "\"n\": 4, \"seed\": 3, \"temperature\": 1, \"max_tokens\": 12");

        var first = (await client.Answer(body))["choices"]!.AsArray();
        var second = (await client.Answer(body))["choices"]!.AsArray();

        Assert.Equal([0, 1, 2, 3], first.Select(choice => (int)choice!["index"]!));
        Assert.Equal(4, first.Select(choice => (string)choice!["message"]!["content"]!).Distinct().Count());
        Assert.Equal(first.ToJsonString(), second.ToJsonString());
    }

    [Fact]
    public async Task ChatStream_SeveralChoices_EachComesInOrderWithItsEnd()
    {
        await using var server = await ServedModels.Start(models.Endless);
        using var client = Http.Client(server);
        const string More = "\"n\": 3, \"seed\": 3, \"ignore_eos\": true, \"temperature\": 1, \"max_tokens\": 12";
        var whole = (await client.Answer(Http.Chat(more: More)))["choices"]!.AsArray().Select(choice => (string)choice!["message"]!["content"]!);

        using var response = await client.PostChat(Http.Chat(more: More + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}"));
        var events = await response.ReadEvents();
        var chunks = events.SkipLast(1).Select(data => System.Text.Json.Nodes.JsonNode.Parse(data)!).ToList();
        var deltas = chunks.SkipLast(1).Select(chunk => chunk["choices"]![0]!).ToList();

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("[DONE]", events[^1]);
        Assert.Equal(whole, Enumerable.Range(0, 3).Select(index => string.Concat(deltas.Where(delta => (int)delta["index"]! == index).Select(delta => (string?)delta["delta"]!["content"]))));
        Assert.Equal(3, deltas.Count(delta => (string?)delta["finish_reason"] == "length"));
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
        Assert.Equal(36, (int)chunks[^1]["usage"]!["completion_tokens"]!);
        Assert.All(chunks.SkipLast(1), chunk => Assert.True(chunk.AsObject().ContainsKey("usage") && chunk["usage"] is null));
    }

    [Fact]
    public async Task Completion_TextsIdsAndLogProbs_AreAnswered()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);
        var prompt = models.Trained.ChatTemplate!.Render([new(Extensions.AI.ChatRole.User, "sort pie cat")], new() { AddGenerationPrompt = true });
        var ids = models.Trained.Tokenizer!.Encode(prompt);

        var byText = await client.Answer($$"""{"prompt": {{System.Text.Json.JsonSerializer.Serialize(prompt)}}, "temperature": 0, "logprobs": 2}""", "v1/completions");
        var byIds = await client.Answer($$"""{"prompt": [[{{string.Join(',', ids)}}], [{{string.Join(',', ids)}}]], "temperature": 0}""", "v1/completions");

        var choice = byText["choices"]![0]!;
        Assert.Equal(("text_completion", "cat pie", "stop"), ((string)byText["object"]!, (string)choice["text"]!, (string)choice["finish_reason"]!));
        Assert.Equal("cat pie", string.Concat(choice["logprobs"]!["tokens"]!.AsArray().Select(token => (string)token!)));
        Assert.Equal(0, (int)choice["logprobs"]!["text_offset"]![0]!);
        Assert.All(choice["logprobs"]!["top_logprobs"]!.AsArray(), top => Assert.Equal(2, top!.AsObject().Count));
        Assert.Equal(["cat pie", "cat pie"], byIds["choices"]!.AsArray().Select(each => (string)each!["text"]!));
        Assert.Equal(2 * ids.Length, (int)byIds["usage"]!["prompt_tokens"]!);
    }

    [Fact]
    public async Task CompletionStream_Pieces_AreTheWholeText()
    {
        await using var server = await ServedModels.Start(models.Endless);
        using var client = Http.Client(server);
        const string Body = "\"prompt\": \"la la\", \"temperature\": 0, \"max_tokens\": 20";
        var whole = (string)(await client.Answer($"{{{Body}}}", "v1/completions"))["choices"]![0]!["text"]!;

        using var response = await client.PostAsync("v1/completions", Http.Json($"{{{Body}, \"stream\": true}}"));
        var pieces = (await response.ReadEvents()).SkipLast(1).Select(data => (string)System.Text.Json.Nodes.JsonNode.Parse(data)!["choices"]![0]!["text"]!);

        Assert.Equal(whole, string.Concat(pieces));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Chat_BodyTooLarge_IsRefusedUnread(bool announced)
    {
        await using var server = await ServedModels.Start(models.Trained, new() { MaxRequestBytes = 1000 });
        using var client = Http.Client(server);
        HttpContent content = announced ? Http.Json(Http.Chat(new string('x', 2000))) : new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes(Http.Chat(new string('x', 200_000)))));
        content.Headers.ContentType = new("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = content };
        request.Headers.TransferEncodingChunked = !announced;

        using var response = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Contains("1000 bytes", (string)(await response.ReadJson())["error"]!["message"]!);
    }

    [Fact]
    public async Task Chat_PromptLimit_IsHeeded()
    {
        await using var server = await ServedModels.Start(models.Trained, new() { MaxPromptTokens = 5 });
        using var client = Http.Client(server);

        using var response = await client.PostChat(Http.Chat());

        Assert.Contains("at most 5 are allowed", (string)(await response.ReadJson())["error"]!["message"]!);
    }

    [Fact]
    public async Task Options_BadOnes_AreAllNamedAtOnce()
    {
        var options = new DriftServingOptions
        {
            ModelName = " ", MaxQueueLength = -1, MaxPromptTokens = 0, MaxAnswerTokens = 0, MaxChoices = 0, MaxRequestBytes = 0, RequestTimeout = TimeSpan.Zero, ApiKey = "",
            AllowedOrigins = ["example.com"], SeedPairsPath = "pairs.jsonl", Generation = new() { Temperature = -1 }, Batching = new() { BatchSize = 0 },
        };

        var error = await Assert.ThrowsAsync<ArgumentException>(() => ServedModels.Start(models.Trained, options));

        foreach (var name in new[] { "ModelName", "MaxQueueLength", "MaxPromptTokens", "MaxAnswerTokens", "MaxChoices", "MaxRequestBytes", "RequestTimeout", "ApiKey", "AllowedOrigins", "SeedPairsPath", "Temperature", "BatchSize" })
            Assert.Contains(name, error.Message);
    }
}
