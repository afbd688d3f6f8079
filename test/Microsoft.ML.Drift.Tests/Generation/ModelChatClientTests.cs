using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Generation;

public sealed class ModelChatClientTests : IDisposable
{
    private readonly CausalLM _model = Persistence.TinyModel.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task Response_Greedy_IsTheTransformersAnswer()
    {
        var ml = new MLContext();
        var transformer = Greedy(9);
        var rows = ml.Data.LoadFromEnumerable(new[] { new Row { Prompt = "tell me" } });
        var expected = ml.Data.CreateEnumerable<Row>(transformer.Transform(rows), false, ignoreMissingColumns: true).Single().Response;

        using var client = transformer.AsChatClient();
        var response = await client.GetResponseAsync("tell me");

        Assert.Equal(expected, response.Text);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        // <user>tell me<assistant>: each letter and each bracket is a token.
        Assert.Equal((24, 9, 33), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
    }

    [Fact]
    public async Task Stream_Pieces_JoinToTheResponse()
    {
        using var client = Greedy(12).AsChatClient();
        var whole = await client.GetResponseAsync("abc");

        var updates = await client.GetStreamingResponseAsync("abc").ToListAsync();

        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.True(updates.Count > 5);
        Assert.Single(updates, update => update.FinishReason is not null);
        Assert.Equal(whole.Usage!.OutputTokenCount, updates.ToChatResponse().Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task Options_EachOfThem_ChangesTheAnswer()
    {
        using var client = _transformer(new() { MaxNewTokens = 16, Temperature = 1 }).AsChatClient();
        var plain = (await client.GetResponseAsync("abc")).Text;

        Assert.Equal(plain, (await client.GetResponseAsync("abc", new ChatOptions { Seed = 42, Temperature = 1 })).Text);
        foreach (var changed in new ChatOptions[]
        {
            new() { Seed = 7 }, new() { Temperature = 0 }, new() { TopK = 1 }, new() { TopP = 0.01f }, new() { MaxOutputTokens = 3 }, new() { FrequencyPenalty = 100 }, new() { PresencePenalty = 100 },
            new() { StopSequences = [plain[2..3]] }, new() { Instructions = "zz" },
        }) Assert.NotEqual(plain, (await client.GetResponseAsync("abc", changed)).Text);
    }

    [Fact]
    public async Task LogProbs_AskedFor_AreTheModelsOwn()
    {
        using var client = Greedy(3).AsChatClient();

        var response = await client.GetResponseAsync("abc", new ChatOptions { AdditionalProperties = new() { ["logprobs"] = true, ["top_logprobs"] = 4 } });

        var tokens = ((JsonElement)response.AdditionalProperties!["logprobs"]!).GetProperty("content").EnumerateArray().ToList();
        Assert.Equal(3, tokens.Count);
        Assert.Equal(response.Text, string.Concat(tokens.Select(token => token.GetProperty("token").GetString())));
        Assert.All(tokens, token =>
        {
            var top = token.GetProperty("top_logprobs").EnumerateArray().Select(candidate => candidate.GetProperty("logprob").GetDouble()).ToList();
            Assert.Equal(4, top.Count);
            Assert.Equal(token.GetProperty("logprob").GetDouble(), top[0]); // greedy: the token is the most probable one
            Assert.Equal(top.OrderDescending(), top);
        });
    }

    [Fact]
    public async Task Calls_ThatOverlap_AnswerAsAlone()
    {
        using var client = _transformer(new() { MaxNewTokens = 20 }).AsChatClient();
        var prompts = Enumerable.Range(0, 12).Select(number => $"ask {(char)('a' + number)}").ToList();
        var alone = new List<string>();
        foreach (var prompt in prompts) alone.Add((await client.GetResponseAsync(prompt)).Text);

        var together = await Task.WhenAll(prompts.Select(async prompt => (await client.GetResponseAsync(prompt)).Text));

        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task Cancel_InTheMiddle_LeavesTheClientUsable()
    {
        using var client = _transformer(new() { MaxNewTokens = 200, IgnoreEos = true }).AsChatClient();
        using var cancellation = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("abc", cancellationToken: cancellation.Token)) cancellation.Cancel();
        });

        Assert.NotEmpty((await client.GetResponseAsync("abc", new ChatOptions { MaxOutputTokens = 4 })).Text);
    }

    [Fact]
    public async Task Refusals_WhatALocalModelDoesNot_AreSaid()
    {
        using var client = Greedy(2).AsChatClient();

        foreach (var options in new ChatOptions[] { new() { Tools = [AIFunctionFactory.Create(() => 1)] }, new() { ResponseFormat = ChatResponseFormat.Json }, new() { ConversationId = "c" }, new() { ModelId = "gpt" } })
            await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("abc", options));
        foreach (var options in new ChatOptions[] { new() { Temperature = -1 }, new() { AdditionalProperties = new() { ["top_logprobs"] = 21 } }, new() { AdditionalProperties = new() { ["top_logprobs"] = "x" } } })
            await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync("abc", options));
    }

    [Fact]
    public void Metadata_OtherWeightsOrSettings_AreAnotherModel()
    {
        using var other = Persistence.TinyModel.Create(seed: 2);
        using var client = Greedy(2).AsChatClient();
        using var same = Greedy(2).AsChatClient();
        using var longer = Greedy(3).AsChatClient();
        using var otherWeights = new CausalLMTransformer(other, GenerationOptions.Greedy with { MaxNewTokens = 2 }).AsChatClient();

        var ids = new[] { client, same, longer, otherWeights }.Select(each => each.GetService<ChatClientMetadata>()!.DefaultModelId!).ToList();

        Assert.Equal(ids[0], ids[1]);
        Assert.Equal(3, ids.Distinct().Count());
        Assert.Same(_model, client.GetService<CausalLM>());
    }

    private CausalLMTransformer Greedy(int tokens) => _transformer(GenerationOptions.Greedy with { MaxNewTokens = tokens, IgnoreEos = true });

    private CausalLMTransformer _transformer(GenerationOptions generation) => new(_model, generation);

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public string Response { get; set; } = "";
    }
}
