using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Models.Formats;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

public sealed class GgufModelParityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory, Trait("Parity", "measured")]
    [InlineData("llama-f32")]
    [InlineData("qwen2-f16")]
    [InlineData("llama-q8_0")]
    [InlineData("llama-q4_0")]
    public void Load_RecordedGguf_GivesTheRecordedLogits(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var folder = Golden.Folder("hf", "gguf");
        using var expected = SafetensorsFile.Open(Path.Combine(folder, $"{name}.expected.safetensors"));
        using var model = CausalLM.Load(Path.Combine(folder, $"{name}.gguf"));

        var difference = RecordedModel.Difference(Logits(model, expected.Read("input_ids")), expected.Read("logits"));
        Assert.InRange(difference, 0, 5e-5);
        ParityPage.Add("GGUF models", name, "logits", difference, 5e-5);
        Assert.NotNull(model.Tokenizer);
        Assert.Equal([2], model.EndOfSequenceIds);
    }

    [Fact]
    public void Save_OfAGguf_IsAHuggingFaceFolder()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var expected = SafetensorsFile.Open(Path.Combine(Golden.Folder("hf", "gguf"), "llama-q8_0.expected.safetensors"));
        using var model = CausalLM.Load(Path.Combine(Golden.Folder("hf", "gguf"), "llama-q8_0.gguf"));
        model.Save(_folder.File("model"));
        using var loaded = CausalLM.Load(_folder.File("model"));

        Assert.Equal(0, RecordedModel.Difference(Logits(model, expected.Read("input_ids")), Logits(loaded, expected.Read("input_ids"))));
        Assert.Equal(model.Tokenizer!.Encode("hello there"), loaded.Tokenizer!.Encode("hello there"));
    }

    [Fact]
    public void Load_FolderWithSeveralGgufs_NamesThem()
    {
        File.WriteAllText(_folder.File("a.gguf"), "");
        File.WriteAllText(_folder.File("b.gguf"), "");

        Assert.Contains("a.gguf, b.gguf", Assert.Throws<InvalidDataException>(() => CausalLM.Load(_folder.Path)).Message);
    }

    [Fact]
    public void Load_FolderWithoutWeights_SaysWhatIsExpected() =>
        Assert.Contains("model.safetensors", Assert.Throws<FileNotFoundException>(() => CausalLM.Load(_folder.Path)).Message);

    internal static Tensor Logits(CausalLM model, Tensor ids)
    {
        var mask = AttentionMask.Causal(ones_like(ids));
        return model.Decoder.Logits(model.Decoder.forward(ids, mask.Positions, mask));
    }
}
