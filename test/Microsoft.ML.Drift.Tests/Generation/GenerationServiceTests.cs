using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tests.Generation;

public class GenerationServiceTests
{
    private static readonly GenerationOptions Endless = new() { MaxNewTokens = 100_000, Temperature = 1, IgnoreEos = true };

    private static GenerationRequest Request(int row = 0) => new($"row-{row}", [.. "ab c"u8.ToArray().Select(id => (int)id), row]);

    private static async Task<List<GeneratedToken>> Read(IAsyncEnumerable<GeneratedToken> tokens)
    {
        var read = new List<GeneratedToken>();
        await foreach (var token in tokens) read.Add(token);
        return read;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(40)]
    public async Task Generate_RequestsWithOwnSettings_AreAnsweredAsEachAlone(int batchSize)
    {
        using var model = TinyPolicy.Create();
        GenerationOptions[] settings =
        [
            new() { MaxNewTokens = 20, Temperature = 1, Seed = 1 }, GenerationOptions.Greedy with { MaxNewTokens = 9 }, new() { MaxNewTokens = 30, Temperature = 1.5, Seed = 2, IgnoreEos = true },
            new() { MaxNewTokens = 25, Temperature = 1, StopTexts = ["e", "a"] }, new() { MaxNewTokens = 12, Temperature = 1, FrequencyPenalty = 1, TopK = 7 },
        ];
        var expected = Enumerable.Range(0, 40).Select(row => new GenerationEngine(model, settings[row % 5]).Generate([Request(row)])[0]).ToList();

        using var service = new GenerationService(model, new() { BatchSize = batchSize });
        var found = await Task.WhenAll(Enumerable.Range(0, 40).Select(row => Read(service.Generate(Request(row), settings[row % 5]))));

        for (var row = 0; row < 40; row++)
        {
            Assert.Equal(expected[row].TokenIds, found[row].Select(token => token.Id));
            Assert.Equal(expected[row].Text, string.Concat(found[row].Select(token => token.Text)));
            Assert.Equal(expected[row].FinishReason, found[row][^1].FinishReason);
            Assert.All(found[row].SkipLast(1), token => Assert.Null(token.FinishReason));
        }
        Assert.Contains(expected, result => result.FinishReason == FinishReason.Stop);
        service.Dispose();
        Assert.Equal(expected.Sum(result => result.TokenIds.Count), service.GeneratedTokens);
    }

    [Fact]
    public async Task Generate_CancelledInMidAnswer_FreesItsPlaceForTheNext()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model, new() { BatchSize = 1 });
        using var giveUp = new CancellationTokenSource();
        var endless = service.Generate(Request(), Endless, cancellationToken: giveUp.Token).GetAsyncEnumerator();
        Assert.True(await endless.MoveNextAsync());
        var next = Read(service.Generate(Request(1), GenerationOptions.Greedy with { MaxNewTokens = 3, IgnoreEos = true }));
        Assert.Equal((1, 1), (service.Running, service.Waiting));

        await giveUp.CancelAsync();

        Assert.Equal(3, (await next).Count);
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            while (await endless.MoveNextAsync()) { }
        });
    }

    [Fact]
    public async Task Generate_EnumerationAbandoned_FreesItsPlace()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model, new() { BatchSize = 1 });
        await foreach (var _ in service.Generate(Request(), Endless)) break;

        Assert.Single(await Read(service.Generate(Request(1), new() { MaxNewTokens = 1 })));
    }

    [Fact]
    public async Task Generate_CancelledWhileItWaits_NeverRuns()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model, new() { BatchSize = 1 });
        using var giveUp = new CancellationTokenSource();
        await using var endless = service.Generate(Request(), Endless).GetAsyncEnumerator();
        var waiting = service.Generate(Request(1), Endless, cancellationToken: giveUp.Token);
        await giveUp.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => Read(waiting));
    }

    [Fact]
    public async Task Generate_ReaderThatDoesNotRead_KeepsNobodyWaiting()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model, new() { BatchSize = 2 });
        var unread = service.Generate(Request(), GenerationOptions.Greedy with { MaxNewTokens = 50, IgnoreEos = true });

        for (var row = 1; row < 6; row++) Assert.Equal(30, (await Read(service.Generate(Request(row), GenerationOptions.Greedy with { MaxNewTokens = 30, IgnoreEos = true }))).Count);

        Assert.Equal(50, (await Read(unread)).Count);
    }

    [Fact]
    public async Task Generate_MostProbable_AreTheBestTokensWithTheirLogProbs()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model);

        var tokens = await Read(service.Generate(Request(), GenerationOptions.Greedy with { MaxNewTokens = 5, IgnoreEos = true }, mostProbable: model.Configuration.VocabularySize));

        foreach (var token in tokens)
        {
            Assert.Equal((token.Id, token.LogProb), (token.MostProbable[0].Id, token.MostProbable[0].LogProb));
            Assert.Equal(token.MostProbable.OrderByDescending(other => other.LogProb).ThenBy(other => other.Id).Select(other => other.Id), token.MostProbable.Select(other => other.Id));
            Assert.Equal(1, token.MostProbable.Sum(other => Math.Exp(other.LogProb)), 4);
        }
    }

    // With no token allowed twice, a vocabulary of 259 is used up before 400 tokens.
    [Fact]
    public async Task Generate_RowThatCannotGoOn_FailsAlone()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model);
        var impossible = service.Generate(Request(), new() { MaxNewTokens = 400, Temperature = 1, TopP = 1, NoRepeatNgramSize = 1, IgnoreEos = true });
        var other = Read(service.Generate(Request(1), GenerationOptions.Greedy with { MaxNewTokens = 400, IgnoreEos = true }));

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Read(impossible));

        Assert.Contains("NoRepeatNgramSize", error.Message);
        Assert.Equal(400, (await other).Count);
    }

    [Fact]
    public async Task Dispose_AnswersUnderWay_AreCancelledAndNewOnesRefused()
    {
        using var model = TinyPolicy.Create();
        var service = new GenerationService(model, new() { BatchSize = 1 });
        var running = service.Generate(Request(), Endless);
        var waiting = service.Generate(Request(1), Endless);

        service.Dispose();

        await Assert.ThrowsAsync<OperationCanceledException>(() => Read(running));
        await Assert.ThrowsAsync<OperationCanceledException>(() => Read(waiting));
        Assert.Throws<ObjectDisposedException>(() => service.Generate(Request()));
        service.Dispose();
    }

    [Fact]
    public void Generate_BadSettingsOrIds_AreRefusedAtOnce()
    {
        using var model = TinyPolicy.Create();
        using var service = new GenerationService(model);

        Assert.Contains("Temperature is -1", Assert.Throws<ArgumentException>(() => service.Generate(Request(), new() { Temperature = -1 })).Message);
        Assert.Contains("holds the id 259", Assert.Throws<ArgumentException>(() => service.Generate(new("row", [259]))).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => service.Generate(Request(), mostProbable: 260));
        Assert.Contains("BatchSize is 0", Assert.Throws<ArgumentException>(() => new GenerationService(model, new() { BatchSize = 0 })).Message);
    }
}
