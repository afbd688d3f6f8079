using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Generation;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>The forward pass without torch, against recordings and against itself.</summary>
public class CpuDecoderTests
{
    private const double LogitTolerance = 5e-5;
    private static readonly int[] Lengths = [48, 31, 17];

    public CpuDecoderTests() => Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");

    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void Forward_RecordedModels_EqualTransformersLogits(string name)
    {
        using var scope = NewDisposeScope();
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        if (!CpuDecoder.Supports(model.Decoder))
        {
            Assert.Contains(name, (string[])["llama_dynamic_rope", "qwen3_moe"]);   // these go through torch
            return;
        }
        using var decoder = new CpuDecoder(model.Decoder);
        for (var row = 0; row < Lengths.Length; row++)
        {
            var expected = recorded["logits"][row];
            var ids = Ids(recorded["input_ids"][row], Lengths[row]);
            var sequence = new CachedSequence();
            for (var length = 1; length <= ids.Length; length++)
            {
                decoder.Place(sequence, ids, 1, wantsLogits: true, long.MaxValue);
                decoder.Forward();
                var found = tensor(decoder.Logits(0).ToArray());
                Assert.InRange(RecordedModel.Difference(found, expected[length - 1]), 0, LogitTolerance);
            }
        }
    }

    // Alone token by token; in one piece; in pieces of 5 next to other rows: equal bits, whichever way the weights are read.
    [Theory]
    [MemberData(nameof(RecordedModel.Names), MemberType = typeof(RecordedModel))]
    public void Forward_PromptCutInAnyWayBesideOtherRows_GivesEqualBits(string name)
    {
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        if (!CpuDecoder.Supports(model.Decoder)) return;
        using var scope = NewDisposeScope();
        var ids = Ids(recorded["input_ids"][0], Lengths[0]);
        var other = Ids(recorded["input_ids"][1], Lengths[1]);
        foreach (var weights in Enum.GetValues<WeightPrecision>())
        {
            using var decoder = new CpuDecoder(model.Decoder, weights);
            var expected = LogitsAfter(decoder, ids, ids.Length, []);
            foreach (var piece in new[] { 1, 5, 32, 47 }) Assert.Equal(expected, LogitsAfter(decoder, ids, piece, other));
        }
    }

    // Every weight matrix rounded to what eight bits hold, an adapter on top that is not: both ways of reading compute the same products in the same order.
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Forward_WeightsThatEightBitsHold_GivesTheBitsOfFloat32(bool adapted, bool dora)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        using var model = TinyModel.Create();
        int[] ids = [.. Enumerable.Range(0, 40).Select(at => 3 + at * 7 % 90)];
        var plain = Logits(WeightPrecision.Float32);
        Assert.NotEqual(plain, Logits(WeightPrecision.Q8_0));
        foreach (var slice in model.Decoder.Tensors.Values.Where(slice => slice.Shape.Length == 2)) Round(slice.View());
        if (adapted)
        {
            model.AddAdapter(new() { UseDora = dora }, seed: 1);
            foreach (var slice in model.Decoder.Adapter!.Tensors.Where(slice => slice.Name.Contains("lora_B"))) slice.View().fill_(0.01);
        }

        var expected = Logits(WeightPrecision.Float32);

        Assert.Equal(expected, Logits(WeightPrecision.Q8_0));
        Assert.NotEqual(plain, expected);
        if (!adapted) return;
        model.Decoder.Adapter!.Enabled = false;
        Assert.NotEqual(expected, Logits(WeightPrecision.Q8_0));

        float[] Logits(WeightPrecision weights)
        {
            using var decoder = new CpuDecoder(model.Decoder, weights);
            return LogitsAfter(decoder, ids, ids.Length, []);
        }

        static void Round(Tensor matrix) => matrix.copy_(
            tensor(QuantizedMatrixTests.Rounded(matrix.contiguous().data<float>().ToArray(), (int)matrix.shape[0], (int)matrix.shape[1])).reshape(matrix.shape));
    }

    [Fact]
    public void Open_PromptWithAKnownBeginning_ComputesTheRestOnlyAndGivesEqualBits()
    {
        using var model = TinyModel.Create();
        int[] prompt = [.. Enumerable.Range(0, 100).Select(at => 3 + at * 7 % 90)];
        using var fresh = new CpuDecoder(model.Decoder);
        var expected = LogitsAfter(fresh, prompt, prompt.Length, []);

        using var decoder = new CpuDecoder(model.Decoder);
        var first = decoder.Open(prompt.AsSpan(0, 70));
        decoder.Place(first, prompt.AsSpan(0, 70), 70, wantsLogits: false, long.MaxValue);
        decoder.Forward();
        var second = decoder.Open(prompt);   // 64 of its tokens are in two full blocks
        decoder.Close(first);
        decoder.Place(second, prompt, prompt.Length - second.Length, wantsLogits: true, long.MaxValue);
        decoder.Forward();

        Assert.Equal(64 + 36, second.Length);
        Assert.Equal(70 + 36, decoder.ComputedTokens);
        Assert.Equal(expected, decoder.Logits(0).ToArray());
    }

    // The second of two equal prompts finds the blocks of the first although both are computed in the same pass.
    [Fact]
    public void Open_EqualPromptInTheSamePass_SharesItsBlocks()
    {
        using var model = TinyModel.Create();
        int[] prompt = [.. Enumerable.Range(0, 65).Select(at => 3 + at * 5 % 90)];
        using var decoder = new CpuDecoder(model.Decoder);
        for (var row = 0; row < 2; row++)
        {
            var sequence = decoder.Open(prompt);
            decoder.Place(sequence, prompt, prompt.Length - sequence.Length, wantsLogits: true, long.MaxValue);
        }
        decoder.Forward();
        Assert.Equal(65 + 1, decoder.ComputedTokens);
        Assert.Equal(decoder.Logits(0).ToArray(), decoder.Logits(1).ToArray());
    }

    // LoRA, rsLoRA, DoRA, and an output layer trained as a whole.
    [Theory]
    [MemberData(nameof(LoraAdapterTests.Recorded), MemberType = typeof(LoraAdapterTests))]
    public void Forward_RecordedAdapter_EqualsPeftsLogits(string name, string baseName)
    {
        using var scope = NewDisposeScope();
        using var recorded = new RecordedModel(baseName);
        using var model = recorded.Load();
        model.LoadAdapter(Golden.Folder("hf", "peft", name));
        using var expected = SafetensorsFile.Open(Path.Combine(Golden.Folder("hf", "peft", name), "expected.safetensors"));
        var ids = Ids(recorded["input_ids"][0], Lengths[0]);
        foreach (var adapted in new[] { true, false })
        {
            model.Decoder.Adapter!.Enabled = adapted;
            using var decoder = new CpuDecoder(model.Decoder);
            var logits = (adapted ? expected.Read("logits") : recorded["logits"])[0];
            foreach (var length in new[] { 1, 20, ids.Length })
                Assert.InRange(RecordedModel.Difference(tensor(LogitsAfter(decoder, ids[..length], length, [])), logits[length - 1]), 0, LogitTolerance);
        }
    }

    [Fact]
    public void Dispose_DecoderWithAdapter_LeavesNoTensorBehind()
    {
        using var model = TinyModel.Create();
        model.AddAdapter(new() { UseDora = true }, seed: 1);
        new CpuDecoder(model.Decoder).Dispose();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        new CpuDecoder(model.Decoder).Dispose();
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Supports_OtherComputeType_LeavesItToTorch()
    {
        using var model = TinyModel.Create();
        Assert.True(CpuDecoder.Supports(model.Decoder));
        model.Decoder.ComputeDtype = ScalarType.BFloat16;
        Assert.Equal("the model's weights are not float32", CpuDecoder.WhyUnsupported(model.Decoder));
    }

    [Theory]
    [InlineData("qwen3_moe", "the model is a mixture of experts")]
    [InlineData("llama_dynamic_rope", "the model's rotary angles depend on the length of the text")]
    public void WhyUnsupported_ModelThatNeedsTorch_SaysWhatItIs(string name, string reason)
    {
        using var recorded = new RecordedModel(name);
        using var model = recorded.Load();
        Assert.Equal(reason, CpuDecoder.WhyUnsupported(model.Decoder));
        Assert.Contains(reason, Assert.Throws<NotSupportedException>(() => new CpuDecoder(model.Decoder)).Message);
    }

    private static float[] LogitsAfter(CpuDecoder decoder, int[] ids, int piece, int[] other)
    {
        var (sequence, neighbour) = (new CachedSequence(), new CachedSequence());
        for (var start = 0; start < ids.Length; start += piece)
        {
            if (neighbour.Length < other.Length) decoder.Place(neighbour, other, Math.Min(3, other.Length - neighbour.Length), wantsLogits: true, long.MaxValue);
            decoder.Place(sequence, ids, Math.Min(piece, ids.Length - start), wantsLogits: start + piece >= ids.Length, long.MaxValue);
            var line = neighbour.Length > 0 && start / piece * 3 < other.Length ? 1 : 0;
            decoder.Forward();
            if (start + piece < ids.Length) continue;
            var logits = decoder.Logits(line).ToArray();
            decoder.Close(sequence);
            decoder.Close(neighbour);
            return logits;
        }
        throw new ArgumentException("No ids.", nameof(ids));
    }

    private static int[] Ids(Tensor row, int length) => [.. row.data<long>().ToArray().Take(length).Select(id => (int)id)];
}
