using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.ML.Drift.Models;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

#pragma warning disable OPENAI001 // The client calls seeds experimental.

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>The official client against the real server.</summary>
public sealed class OpenAIClientTests(ServedModels models) : IClassFixture<ServedModels>
{
    private static readonly ChatCompletionOptions Greedy = new() { Temperature = 0, MaxOutputTokenCount = 40 };

    private static OpenAIClientOptions Options(DriftServer server) => new() { Endpoint = new Uri(server.Address, "v1"), RetryPolicy = new ClientRetryPolicy(0) };

    private static ChatClient Chat(DriftServer server, string model = "drift", string key = "none") => new(model, new ApiKeyCredential(key), Options(server));

    private static ChatMessage[] Ask(string text) => [new UserChatMessage(text)];

    [Fact]
    public async Task Chat_Question_IsAnsweredAsTheModelDoes()
    {
        await using var server = await ServedModels.Start(models.Trained);

        ChatCompletion answer = await Chat(server).CompleteChatAsync(Ask("sort pie cat"), Greedy);

        // The quickstart's model sorts words.
        Assert.Equal("cat pie", answer.Content[0].Text);
        Assert.Equal((ChatFinishReason.Stop, ChatMessageRole.Assistant, "drift"), (answer.FinishReason, answer.Role, answer.Model));
        Assert.StartsWith("chatcmpl-", answer.Id);
        Assert.Equal(answer.Usage.InputTokenCount + answer.Usage.OutputTokenCount, answer.Usage.TotalTokenCount);
        Assert.True(answer.Usage is { InputTokenCount: > 10, OutputTokenCount: > 3 });
        Assert.InRange(answer.CreatedAt, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
    }

    [Fact]
    public async Task ChatStreaming_Pieces_AreTheWholeAnswerAndEndWithItsUsage()
    {
        await using var server = await ServedModels.Start(models.Trained);
        ChatCompletion whole = await Chat(server).CompleteChatAsync(Ask("sort pie cat pen in capitals"), Greedy);

        var updates = new List<StreamingChatCompletionUpdate>();
        await foreach (var update in Chat(server).CompleteChatStreamingAsync(Ask("sort pie cat pen in capitals"), Greedy)) updates.Add(update);

        Assert.Equal(whole.Content[0].Text, string.Concat(updates.SelectMany(update => update.ContentUpdate).Select(part => part.Text)));
        Assert.Equal(ChatMessageRole.Assistant, updates[0].Role);
        Assert.Equal(ChatFinishReason.Stop, updates.Single(update => update.FinishReason is not null).FinishReason);
        Assert.Equal((whole.Usage.InputTokenCount, whole.Usage.OutputTokenCount), (updates[^1].Usage.InputTokenCount, updates[^1].Usage.OutputTokenCount));
        Assert.True(updates.Count(update => update.ContentUpdate.Count > 0) > 3);
        Assert.Single(updates.Select(update => update.CompletionId).Distinct());
    }

    [Fact]
    public async Task Chat_LogProbabilities_AreThoseOfTheTokensAndTheBestOfTheirPlaces()
    {
        await using var server = await ServedModels.Start(models.Trained);

        ChatCompletion answer = await Chat(server).CompleteChatAsync(Ask("first sun map"), new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 20, IncludeLogProbabilities = true, TopLogProbabilityCount = 3 });

        Assert.Equal(answer.Content[0].Text, string.Concat(answer.ContentTokenLogProbabilities.Select(token => token.Token)));
        foreach (var token in answer.ContentTokenLogProbabilities)
        {
            Assert.Equal(3, token.TopLogProbabilities.Count);
            Assert.Equal((token.Token, token.LogProbability), (token.TopLogProbabilities[0].Token, token.TopLogProbabilities[0].LogProbability));
            Assert.Equal(token.Token, System.Text.Encoding.UTF8.GetString(token.Utf8Bytes!.Value.Span));
            Assert.InRange(token.LogProbability, -20, 0);
        }
    }

    [Fact]
    public async Task Chat_Seed_DecidesTheAnswer()
    {
        await using var server = await ServedModels.Start(models.Endless);
        async Task<string> Sample(long? seed) =>
            ((ChatCompletion)await Chat(server).CompleteChatAsync(Ask("sing"), new ChatCompletionOptions { Seed = seed, Temperature = 1, TopP = 1, MaxOutputTokenCount = 20 })).Content[0].Text;

        Assert.Equal(await Sample(7), await Sample(7));
        Assert.NotEqual(await Sample(7), await Sample(8));
        Assert.NotEqual(await Sample(null), await Sample(null));
    }

    [Fact]
    public async Task Chat_StopText_EndsTheAnswerBeforeIt()
    {
        await using var server = await ServedModels.Start(models.Trained);
        var options = new ChatCompletionOptions { Temperature = 0 };
        options.StopSequences.Add("pie");

        ChatCompletion answer = await Chat(server).CompleteChatAsync(Ask("sort pie cat"), options);

        Assert.Equal(("cat ", ChatFinishReason.Stop), (answer.Content[0].Text, answer.FinishReason));
    }

    [Fact]
    public async Task Chat_LongestLength_IsToldAsTheReason()
    {
        await using var server = await ServedModels.Start(models.Endless);

        ChatCompletion answer = await Chat(server).CompleteChatAsync(Ask("sing"), new ChatCompletionOptions { MaxOutputTokenCount = 5 });

        Assert.Equal((ChatFinishReason.Length, 5), (answer.FinishReason, answer.Usage.OutputTokenCount));
    }

    [Theory]
    [InlineData("wrong", "drift", 401, "API key")]
    [InlineData("right", "gpt-4", 404, "'gpt-4' does not exist here; this server has 'drift'")]
    public async Task Chat_WrongKeyOrModel_IsTheClientsException(string key, string model, int status, string message)
    {
        await using var server = await ServedModels.Start(models.Trained, new() { ApiKey = "right" });

        var error = await Assert.ThrowsAsync<ClientResultException>(() => Chat(server, model, key).CompleteChatAsync(Ask("sort a b"), Greedy));

        Assert.Equal(status, error.Status);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public async Task Chat_PromptTooLong_SaysHowLongItIs()
    {
        await using var server = await ServedModels.Start(models.Trained);

        var error = await Assert.ThrowsAsync<ClientResultException>(() => Chat(server).CompleteChatAsync(Ask(new string('x', 5000)), Greedy));

        Assert.Equal(400, error.Status);
        Assert.Contains("context_length_exceeded", error.Message);
        Assert.Contains("at most 255 are allowed", error.Message);
    }

    [Fact]
    public async Task ChatStreaming_Cancelled_FreesTheServer()
    {
        await using var server = await ServedModels.Start(models.Endless, new() { Batching = new() { BatchSize = 1 } });
        using var http = Http.Client(server);
        using var giveUp = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var update in Chat(server).CompleteChatStreamingAsync(Ask("sing"), new ChatCompletionOptions { MaxOutputTokenCount = 4096 }, giveUp.Token))
                if (update.ContentUpdate.Count > 0) await giveUp.CancelAsync();
        });

        await http.Until(health => (int)health["running"]! == 0);
        Assert.True((long)(await http.Health())["generated_tokens"]! < 4096);
    }

    [Fact]
    public async Task Models_List_HasTheServedOne()
    {
        await using var server = await ServedModels.Start(models.Trained, new() { ModelName = "org/small" });
        var client = new OpenAIModelClient(new ApiKeyCredential("none"), Options(server));

        OpenAIModelCollection all = await client.GetModelsAsync();
        OpenAIModel one = await client.GetModelAsync("org/small");

        Assert.Equal(("org/small", "org/small"), (Assert.Single(all).Id, one.Id));
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => client.GetModelAsync("other"))).Status);
    }
}
