using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>The same thing in two ways: padded and alone, cached and recomputed, packed and apart; and nothing leaks.</summary>
public class DecoderTests
{
    private const double Rounding = 2e-5;

    [Fact]
    public void AttentionMask_PaddedRows_ShowsRealTokensBeforeTheQuery()
    {
        using var scope = NewDisposeScope();
        var mask = AttentionMask.Causal(tensor(new long[,] { { 1, 1, 1, 0 }, { 0, 0, 1, 1 } }));

        // queries downwards, keys to the right
        Assert.Equal(["1...", "11..", "111.", "111."], Rows(mask.Additive(null, ScalarType.Float32)!, 0));
        Assert.Equal(["....", "....", "..1.", "..11"], Rows(mask.Additive(null, ScalarType.Float32)!, 1));
        // a window of 2: the query itself and the index before it
        Assert.Equal(["1...", "11..", ".11.", "..1."], Rows(mask.Additive(2, ScalarType.Float32)!, 0));
        Assert.Equal([0, 1, 2, 1, 1, 1, 0, 1], mask.Positions.data<long>().ToArray());
    }

    [Fact]
    public void AttentionMask_BehindACache_ShowsTheRowsOwnPast()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TinyModels.Create();
        using var cache = new KeyValueCache(model.Decoder, rows: 2);
        GreedyLoop.Next(model.Decoder, cache, [[3, 4, 5], [6]]).ToArray();
        Assert.Equal([3L, 1], cache.Lengths);

        var mask = AttentionMask.Cached(cache, [2, 1], width: 2);

        Assert.Equal(["1111.", "11111"], Rows(mask.Additive(null, ScalarType.Float32)!, 0));
        Assert.Equal(["11...", "111.."], Rows(mask.Additive(null, ScalarType.Float32)!, 1));
        Assert.Equal(["..11.", "...11"], Rows(mask.Additive(2, ScalarType.Float32)!, 0));
        Assert.Equal([3, 4, 1, 2], mask.Positions.data<long>().ToArray());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("4")]
    public void Forward_CachedInPieces_EqualsWhole(string window)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TinyModels.Create(1, ("model_type", "\"mistral\""), ("sliding_window", window));
        int[] row = [3, 9, 4, 8, 5, 7, 6, 10, 11, 12];
        var whole = Logits(model, row);

        using var cache = new KeyValueCache(model.Decoder, rows: 1, capacity: 1);
        var pieces = new[] { row[..4], row[4..5], row[5..9], row[9..] }.Select(piece =>
        {
            var mask = AttentionMask.Cached(cache, [piece.Length], piece.Length);
            return model.Decoder.Logits(model.Decoder.forward(Ids(piece), mask.Positions, mask, cache));
        }).ToArray();

        Assert.InRange(RecordedModel.Difference(whole, cat(pieces, 1)), 0, Rounding);
    }

    [Fact]
    public void KeyValueCache_RowsDroppedRepeatedAndAdded_ContinueAsIfAlone()
    {
        using var _ = no_grad();
        using var model = TinyModels.Create();
        int[][] prompts = [[3, 4, 5, 6, 7], [8, 9], [10, 11, 12]];
        using var cache = new KeyValueCache(model.Decoder, rows: 2);
        GreedyLoop.Next(model.Decoder, cache, [prompts[0], prompts[1]]).ToArray();

        // The first row leaves, the second is needed twice, a third one joins with a longer history than the cache has room for.
        cache.Select([1, 1]);
        using var joining = new KeyValueCache(model.Decoder, rows: 1, capacity: KeyValueCache.Block + 1);
        GreedyLoop.Next(model.Decoder, joining, [prompts[2]]).ToArray();
        cache.Append(joining);
        Assert.Equal([2L, 2, 3], cache.Lengths);
        Assert.Equal(2 * KeyValueCache.Block, cache.Capacity);

        using var scope = NewDisposeScope();
        var mask = AttentionMask.Cached(cache, [1, 1, 1], 1);
        var together = model.Decoder.Logits(model.Decoder.forward(tensor(new long[,] { { 20 }, { 21 }, { 22 } }), mask.Positions, mask, cache)).squeeze(1);
        var alone = cat([Logits(model, [8, 9, 20])[0, 2..], Logits(model, [8, 9, 21])[0, 2..], Logits(model, [10, 11, 12, 22])[0, 3..]], 0);

        Assert.InRange(RecordedModel.Difference(alone, together), 0, Rounding);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("3")]
    public void AttentionMask_Explicit_PacksTwoCompletionsBehindOnePrompt(string window)
    {
        // prompt 3 4 5, then 6 7 and 8 9 10, which do not see each other; both begin at position 3.
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TinyModels.Create(1, ("model_type", "\"mistral\""), ("sliding_window", window));
        var positions = tensor(new long[,] { { 0, 1, 2, 3, 4, 3, 4, 5 } });
        var allowed = tensor(new[,]
        {
            { 1, 0, 0, 0, 0, 0, 0, 0 },
            { 1, 1, 0, 0, 0, 0, 0, 0 },
            { 1, 1, 1, 0, 0, 0, 0, 0 },
            { 1, 1, 1, 1, 0, 0, 0, 0 },
            { 1, 1, 1, 1, 1, 0, 0, 0 },
            { 1, 1, 1, 0, 0, 1, 0, 0 },
            { 1, 1, 1, 0, 0, 1, 1, 0 },
            { 1, 1, 1, 0, 0, 1, 1, 1 },
        }).to(ScalarType.Bool).unsqueeze(0);

        var packed = model.Decoder.Logits(model.Decoder.forward(Ids(3, 4, 5, 6, 7, 8, 9, 10), positions, AttentionMask.Explicit(allowed, positions)));

        Assert.InRange(RecordedModel.Difference(Logits(model, [3, 4, 5, 6, 7])[0], packed[0, ..5]), 0, Rounding);
        Assert.InRange(RecordedModel.Difference(Logits(model, [3, 4, 5, 8, 9, 10])[0, 3..], packed[0, 5..]), 0, Rounding);
    }

    [Theory]
    [InlineData(false, ScalarType.Float32)]
    [InlineData(true, ScalarType.Float32)]
    [InlineData(false, ScalarType.BFloat16)]
    [InlineData(true, ScalarType.BFloat16)]
    public void TrainingForward_WithAndWithoutCheckpointing_GivesTheGradientsOfPlainBackward(bool checkpoint, ScalarType compute)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create(1, ("pad_token_id", "5"));
        model.Decoder.ComputeDtype = compute;
        var mask = AttentionMask.Causal(ones(1, 4));
        model.Decoder.Logits(model.Decoder.forward(Ids(3, 4, 5, 6), mask.Positions, mask)).square().mean().backward();
        var expected = model.Decoder.parameters().Select(parameter => parameter.grad!.clone()).ToArray();
        foreach (var parameter in model.Decoder.parameters()) parameter.grad!.zero_();

        var pass = model.Decoder.TrainingForward(Packed(3, 4, 5, 6), checkpoint);
        model.Decoder.Logits(pass.Hidden).square().mean().backward();
        pass.Backward();

        // In bfloat16 each product is rounded to three digits, and ours are not the same products.
        var tolerance = compute == ScalarType.BFloat16 ? 2e-2 : 1e-5;
        foreach (var (gradient, parameter) in expected.Zip(model.Decoder.parameters()))
            Assert.InRange(((gradient - parameter.grad!).norm() / gradient.norm()).item<float>(), 0, tolerance);
    }

    [Fact]
    public void Backward_PaddingToken_GetsNoGradientThroughTheInput()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create(1, ("pad_token_id", "5"), ("tie_word_embeddings", "false"));
        var mask = AttentionMask.Causal(ones(1, 3));

        model.Decoder.Logits(model.Decoder.forward(Ids(4, 5, 6), mask.Positions, mask)).square().sum().backward();

        var gradient = model.Decoder.Tensors["model.embed_tokens.weight"].GradientView()!;
        Assert.NotEqual(0, gradient[4].abs().sum().item<float>());
        Assert.Equal(0, gradient[5].abs().sum().item<float>());
    }

    [Fact]
    public void Forward_ComputeInBFloat16_KeepsMastersAndComesClose()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        var exact = Logits(model, [3, 4, 5]);

        model.Decoder.ComputeDtype = ScalarType.BFloat16;
        var mask = AttentionMask.Causal(ones(1, 3));
        var rounded = model.Decoder.Logits(model.Decoder.forward(Ids(3, 4, 5), mask.Positions, mask));
        rounded.square().mean().backward();

        Assert.Equal(ScalarType.Float32, rounded.dtype);
        Assert.InRange(RecordedModel.Difference(exact, rounded), 1e-5, 0.05);
        Assert.All(model.Decoder.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.grad!.dtype));
    }

    [Fact]
    public void Forward_CacheWithGradient_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        using var cache = new KeyValueCache(model.Decoder, rows: 1);
        var mask = AttentionMask.Cached(cache, [2], 2);

        Assert.Throws<InvalidOperationException>(() => model.Decoder.forward(Ids(3, 4), mask.Positions, mask, cache));
        Assert.Throws<ArgumentException>(() => AttentionMask.Cached(cache, [3], 2));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TrainingAndGeneration_Repeated_LeaveNoTensorBehind(bool checkpoint)
    {
        using var model = TinyModels.Create();
        Step();
        var (before, live) = (DisposeScopeManager.Statistics.ThreadTotalLiveCount, 0L);
        for (var i = 0; i < 20; i++) Step();
        live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Equal(before, live);

        void Step()
        {
            GreedyLoop.Run(model.Decoder, [[3, 4, 5], [6]], steps: 2);
            using var scope = NewDisposeScope();
            var mask = AttentionMask.Causal(ones(1, 4));
            var pass = model.Decoder.TrainingForward(Packed(3, 4, 5, 6), checkpoint);
            model.Decoder.Logits(pass.Hidden).square().mean().backward();
            pass.Backward();
        }
    }

    private static PackedSequences Packed(params int[] ids) => new([new(ids)], CPU);

    private static Tensor Ids(params int[] ids) => tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0);

    private static Tensor Logits(CausalLM model, int[] row)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var mask = AttentionMask.Causal(ones(1, row.Length));
        return model.Decoder.Logits(model.Decoder.forward(Ids(row), mask.Positions, mask)).MoveToOuterDisposeScope();
    }

    /// <summary>One row of the batch as text: 1 where the query sees the key.</summary>
    private static string[] Rows(Tensor additive, int batch) =>
        [.. Enumerable.Range(0, (int)additive.shape[2]).Select(query =>
            string.Concat(additive[Math.Min(batch, (int)additive.shape[0] - 1), 0, query].data<float>().ToArray().Select(value => value == 0 ? '1' : '.')))];
}
