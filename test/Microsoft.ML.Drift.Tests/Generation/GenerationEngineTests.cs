using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Generation;

public class GenerationEngineTests
{
    private static readonly GenerationOptions Sampled = new() { MaxNewTokens = 24, Temperature = 1, TopP = 0.95 };

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(8, false)]
    [InlineData(1, true)]
    [InlineData(3, true)]
    [InlineData(8, true)]
    public void Generate_AnyBatchSizeAndOrder_GivesEachRowTheSameAnswer(int batchSize, bool torch)
    {
        using var model = TinyModel.Create();
        var requests = TinyModel.Requests(20);
        var expected = TinyModel.Engine(model, Sampled, new() { BatchSize = 20 }).Generate(requests).ToDictionary(result => result.Request.RowId);
        var shuffled = requests.OrderBy(request => request.RowId.GetHashCode(StringComparison.Ordinal) * 31 % 101).ToList();

        var found = TinyModel.Engine(model, Sampled, new() { BatchSize = batchSize }, alwaysTorch: torch).Generate(shuffled);

        Assert.Equal(shuffled.Select(request => request.RowId), found.Select(result => result.Request.RowId));
        foreach (var result in found) Assert.Equal(expected[result.Request.RowId].TokenIds, result.TokenIds);
        Assert.True(found.Count(result => result.FinishReason == FinishReason.Stop) is > 0 and < 20);
    }

    // The same answers and, to the last bit, the same log-probabilities: a row does not feel its neighbours.
    [Fact]
    public void Generate_OwnKernelsInAnyBatch_GiveEqualBits()
    {
        Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");
        using var model = TinyModel.Create();
        var requests = TinyModel.Requests(30);
        var alone = TinyModel.Engine(model, Sampled, new() { BatchSize = 1 }).Generate(requests);
        foreach (var batching in new GenerationBatching[] { new() { BatchSize = 7 }, new() { BatchSize = 30 }, new() { BatchSize = 30, MaxCacheTokens = 200 } })
        {
            var together = TinyModel.Engine(model, Sampled, batching).Generate(requests);
            for (var row = 0; row < requests.Length; row++)
            {
                Assert.Equal(alone[row].TokenIds, together[row].TokenIds);
                Assert.Equal(alone[row].LogProbs, together[row].LogProbs);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Generate_CacheBoundOfOneRow_GivesTheSameAnswers(bool torch)
    {
        using var model = TinyModel.Create();
        var requests = TinyModel.Requests(9);
        var expected = TinyModel.Engine(model, Sampled).Generate(requests);
        var found = TinyModel.Engine(model, Sampled, new() { MaxCacheTokens = 1 }, alwaysTorch: torch).Generate(requests);
        Assert.Equal(expected.Select(result => string.Join(' ', result.TokenIds)), found.Select(result => string.Join(' ', result.TokenIds)));
    }

    // Prompts of 3 to 363 tokens, 40 more for the answer. With torch the longest need 512 each, so that a bound of 1,200 leaves room for two of them, or for more
    // short ones; in blocks of 32 they need 416.
    [Theory]
    [InlineData(1200, false)]
    [InlineData(600, false)]
    [InlineData(1200, true)]
    [InlineData(600, true)]
    public void Generate_MixedLengths_NeverHoldsMoreKeysAndValuesThanAllowed(int maxCacheTokens, bool torch)
    {
        using var model = TinyModel.Create();
        var requests = Enumerable.Range(0, 10).Select(row => new GenerationRequest($"{row}", [.. Enumerable.Range(0, 3 + 40 * row).Select(at => 3 + at * 7 % 90)])).ToList();
        var options = Sampled with { MaxNewTokens = 40 };
        var expected = TinyModel.Engine(model, options).Generate(requests);

        var engine = TinyModel.Engine(model, options, new() { MaxCacheTokens = maxCacheTokens }, alwaysTorch: torch);
        var found = engine.Generate(requests);

        Assert.InRange(engine.PeakCacheTokens, maxCacheTokens / 2, maxCacheTokens);
        Assert.Equal(expected.Select(result => string.Join(' ', result.TokenIds)), found.Select(result => string.Join(' ', result.TokenIds)));
    }

    [Fact]
    public void Generate_LongRopeChangesItsFrequencies_EqualsComputingEverySequenceAnew()
    {
        using var model = TinyModels.Create(1, ("model_type", "\"phi3\""), ("original_max_position_embeddings", "16"), ("pad_token_id", "0"),
            ("rope_scaling", """{"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 4.0]}"""));
        int[] prompt = [3, 9, 27, 4, 12, 5, 15, 8, 24, 7];
        var expected = new List<int>();
        for (var step = 0; step < 20; step++) expected.Add(GreedyLoop.Run(model.Decoder, [[.. prompt, .. expected]], 1)[0][0]);

        var requests = new[] { new GenerationRequest("a", prompt), new GenerationRequest("b", prompt[..3]) };
        var results = TinyModel.Engine(model, GenerationOptions.Greedy with { MaxNewTokens = 20, IgnoreEos = true }).Generate(requests);

        Assert.Equal(expected, results[0].TokenIds);
    }

    [Fact]
    public void Generate_TemperatureZero_EqualsThePlainGreedyLoopAndIgnoresTheSeed()
    {
        using var model = TinyModel.Create();
        var requests = TinyModel.Requests(6);
        var greedy = GenerationOptions.Greedy with { MaxNewTokens = 12, IgnoreEos = true };
        var expected = requests.Select(request => GreedyLoop.Run(model.Decoder, [[.. request.PromptIds]], 12)[0]).ToList();
        foreach (var seed in new[] { 1, 2 })
            Assert.Equal(expected, TinyModel.Engine(model, greedy with { Seed = seed }).Generate(requests).Select(result => result.TokenIds.ToArray()));
    }

    [Fact]
    public void Generate_OtherSeedOrSampleNumberOrIteration_GivesOtherAnswers()
    {
        using var model = TinyModel.Create();
        GenerationRequest[] requests = [.. TinyModel.Requests(1), new("row-0", TinyModel.Requests(1)[0].PromptIds) { SampleNumber = 1 }, new("row-0", TinyModel.Requests(1)[0].PromptIds) { Iteration = 1 }];
        var texts = TinyModel.Engine(model, Sampled).Generate(requests).Concat(TinyModel.Engine(model, Sampled with { Seed = 7 }).Generate(requests)).Select(result => string.Join(' ', result.TokenIds));
        Assert.Equal(6, texts.Distinct().Count());
    }

    [Fact]
    public void Generate_EndToken_StopsWithItAsTheLastId()
    {
        using var model = TinyModel.Create();
        var stopped = TinyModel.Engine(model, Sampled with { MaxNewTokens = 200 }).Generate(TinyModel.Requests(8)).First(result => result.FinishReason == FinishReason.Stop);
        Assert.Equal(2, stopped.TokenIds[^1]);
        Assert.DoesNotContain(2, stopped.TokenIds.SkipLast(1));
        Assert.Null(stopped.Text);
    }

    [Fact]
    public void Generate_IgnoreEos_RunsToTheLimit()
    {
        using var model = TinyModel.Create();
        var results = TinyModel.Engine(model, Sampled with { MaxNewTokens = 60, IgnoreEos = true }).Generate(TinyModel.Requests(8));
        Assert.All(results, result => Assert.Equal((60, FinishReason.Length), (result.TokenIds.Count, result.FinishReason)));
        Assert.Contains(results, result => result.TokenIds.Contains(2));
    }

    [Fact]
    public void Generate_LogProbs_AreThoseOfTheUntemperedModel()
    {
        using var model = TinyModel.Create();
        var request = TinyModel.Requests(6)[5];
        var result = TinyModel.Engine(model, Sampled with { Temperature = 0.4, TopK = 5, RepetitionPenalty = 1.3 }).Generate([request])[0];

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        long[] ids = [.. request.PromptIds.Concat(result.TokenIds).Select(id => (long)id)];
        var input = tensor(ids).unsqueeze(0);
        var mask = AttentionMask.Causal(ones_like(input));
        var expected = RecordedModel.NextLogProbs(model.Decoder.Logits(model.Decoder.forward(input, mask.Positions, mask)), input)[0];
        for (var i = 0; i < result.TokenIds.Count; i++)
            Assert.Equal(expected[request.PromptIds.Count - 1 + i].item<float>(), result.LogProbs[i], 1e-4f);
    }

    // A hundred more tokens for each of four rows allocate nothing: what a row needs is made when it starts.
    [Fact]
    public void Generate_LongerAnswers_AllocateNothingMorePerToken()
    {
        Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");
        using var model = TinyModel.Create();
        using var batch = RunningBatch.Create(model.Decoder, new(), WeightPrecision.Float32);
        var options = Sampled with { MaxNewTokens = 300, IgnoreEos = true };
        foreach (var request in TinyModel.Requests(4)) Assert.True(batch.TryAdd(new(request, 0, new TokenSampler(options, [], TinyModel.VocabularySize), null)));
        for (var step = 0; step < 20; step++) batch.Step();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 0; step < 100; step++) batch.Step();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // Three new blocks of keys and values per row are noted down meanwhile.
        Assert.InRange(allocated / (100.0 * 4), 0, 16);
    }

    [Fact]
    public void GenerateAsFinished_ShortAndLongAnswers_GivesEachOutWhenItIsComplete()
    {
        using var model = TinyModel.Create();
        var requests = TinyModel.Requests(12);
        var options = Sampled with { MaxNewTokens = 100 };
        var results = TinyModel.Engine(model, options, new() { BatchSize = 4 }).GenerateAsFinished(requests).ToList();
        Assert.Equal(12, results.Select(result => result.Request.RowId).Distinct().Count());
        var first = TinyModel.Engine(model, options, new() { BatchSize = 4 }).GenerateAsFinished(requests).First();
        Assert.Equal(results[0].Request.RowId, first.Request.RowId);
    }

    [Fact]
    public void Generate_Progress_EndsWithAllRowsAndTokens()
    {
        using var model = TinyModel.Create();
        var reports = new List<GenerationProgress>();
        var results = TinyModel.Engine(model, Sampled).Generate(TinyModel.Requests(5), new Recorder(reports.Add));
        Assert.Equal((5, 5, results.Sum(result => result.TokenIds.Count)), (reports[^1].FinishedRows, reports[^1].TotalRows, reports[^1].NewTokens));
        Assert.True(reports[^1].TokensPerSecond > 0);
    }

    [Fact]
    public void Generate_CancelledWhileRunning_Throws()
    {
        using var model = TinyModel.Create();
        using var source = new CancellationTokenSource();
        var options = Sampled with { MaxNewTokens = 1000, IgnoreEos = true };
        var results = TinyModel.Engine(model, options, new() { BatchSize = 1 }).GenerateAsFinished(TinyModel.Requests(3), cancellationToken: source.Token).GetEnumerator();
        Assert.True(results.MoveNext());
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => results.MoveNext());
    }

    [Fact]
    public void Generate_NoRequests_GivesNothing()
    {
        using var model = TinyModel.Create();
        Assert.Empty(TinyModel.Engine(model, Sampled).Generate([]));
    }

    [Fact]
    public void Generate_IdOutsideTheVocabulary_NamesRowAndId()
    {
        using var model = TinyModel.Create();
        var error = Assert.Throws<ArgumentException>(() => TinyModel.Engine(model, Sampled).Generate([new("r7", [5, 97])]));
        Assert.Contains("r7", error.Message);
        Assert.Contains("97", error.Message);
    }

    [Fact]
    public void Generate_DamagedWeights_SaysThatTheLogitsAreNotNumbers()
    {
        using var model = TinyModel.Create();
        using (no_grad()) foreach (var parameter in model.Decoder.parameters()) parameter.fill_(float.NaN);
        Assert.Contains("not numbers", Assert.Throws<InvalidOperationException>(() => TinyModel.Engine(model, Sampled).Generate(TinyModel.Requests(1))).Message);
    }

    [Fact]
    public void Engine_BadOptions_ReportsAllProblems()
    {
        using var model = TinyModel.Create();
        var error = Assert.Throws<ArgumentException>(() => TinyModel.Engine(model, new() { TopP = 3, StopTexts = ["x"] }, new() { BatchSize = 0, MaxCacheTokens = 0 }));
        foreach (var part in new[] { "TopP is 3", "StopTexts needs", "BatchSize is 0", "MaxCacheTokens is 0" }) Assert.Contains(part, error.Message);
    }

    [Fact]
    public void Generate_ManyRows_LeavesNoTensorBehind()
    {
        using var model = TinyModel.Create();
        var engine = TinyModel.Engine(model, Sampled, new() { BatchSize = 3 });
        engine.Generate(TinyModel.Requests(4));
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        engine.Generate(TinyModel.Requests(16));
        engine.GenerateAsFinished(TinyModel.Requests(16)).First();
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void Generate_RecordedModels_EqualTransformersGreedyText(string name)
    {
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        var told = recorded.Greedy;
        var requests = told.GetProperty("prompts").EnumerateArray().Select((prompt, row) => new GenerationRequest($"{row}", [.. prompt.EnumerateArray().Select(id => id.GetInt32())])).ToList();
        var greedy = GenerationOptions.Greedy with { MaxNewTokens = told.GetProperty("max_new_tokens").GetInt32(), IgnoreEos = true };
        var expected = told.GetProperty("alone").EnumerateArray().Select(row => string.Join(' ', row.GetProperty("tokens").EnumerateArray())).ToList();
        foreach (var torch in new[] { false, true })
            Assert.Equal(expected, TinyModel.Engine(model, greedy, alwaysTorch: torch).Generate(requests).Select(result => string.Join(' ', result.TokenIds)));
    }

    private sealed class Recorder(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }
}
