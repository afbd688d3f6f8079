using System.IO.Compression;
using System.Text;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Persistence;
using Microsoft.ML.Drift.Tests.Data.Tokenization;
using Microsoft.ML.Drift.Tests.Models;
using Microsoft.ML.Drift.Tests.Models.Formats;

namespace Microsoft.ML.Drift.Tests.Security;

/// <summary>Model files that were made to hurt: what the fuzz program found, and what nobody should have to find.</summary>
public class HostileModelTests
{
    [Theory]
    [InlineData("""{"model_type":"llama","hidden_act":"\ud800"}""")]
    [InlineData("""{"\udc00":1,"model_type":"llama"}""")]
    [InlineData("""{"model_type":"llama","architectures":["\ud83d"]}""")]
    public void ModelConfiguration_LoneSurrogate_NamesTheFile(string json) =>
        Assert.Contains("config.json: a text holds half of a UTF-16 surrogate pair", Assert.Throws<InvalidDataException>(() => ModelConfiguration.Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Load_MillionsOfExpertsOverAFewTensors_IsRefusedBeforeTheyAreBuilt()
    {
        var config = ModelConfiguration.Parse(TinyModels.With(TinyModels.Llama, ("model_type", "\"qwen3_moe\""), ("architectures", "[\"Qwen3MoeForCausalLM\"]"), ("num_hidden_layers", "4096"), ("num_experts", "4096"),
            ("num_experts_per_tok", "1"), ("moe_intermediate_size", "4"), ("tie_word_embeddings", "false")));
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model.safetensors");
        File.WriteAllBytes(path, [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        using var weights = SafetensorsFile.Open(path);

        Assert.Contains("holds 0 tensors; the 4096 layers", Assert.Throws<InvalidDataException>(() => DecoderWeights.Check(config.Specification, weights)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("consolidated.00.pth")]
    public void Load_PickledWeights_AreRefusedByName(string name)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "config.json"), TinyModels.Llama);
        File.WriteAllText(Path.Combine(folder.Path, name), "cos\nsystem\n(S'id'\ntR.");

        var byFolder = Assert.Throws<InvalidDataException>(() => CausalLM.Load(folder.Path));
        var byFile = Assert.Throws<InvalidDataException>(() => CausalLM.Load(Path.Combine(folder.Path, name)));

        Assert.Equal(byFolder.Message, byFile.Message);
        Assert.Contains($"{name} holds pickled weights, which are a program", byFolder.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadAdapter_HugeRank_IsRefusedBeforeMemoryIsReserved()
    {
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Create();
        SaveAdapter(model, folder.Path, ("r", "268435456"));

        Assert.Contains("it must have 268435456 rows", Assert.Throws<InvalidDataException>(() => model.LoadAdapter(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rank_pattern", """{"[":2}""", "is not a regular expression")]
    [InlineData("rank_pattern", """{"q_proj":0}""", "allowed is an object of module patterns and whole numbers of at least 1")]
    [InlineData("rank_pattern", """{"q_proj":1e300}""", "allowed is an object of module patterns and whole numbers of at least 1")]
    [InlineData("target_modules", "\"(?=((.*)*)*x).*\"", "takes more than 0.1 s for one module")]
    public void LoadAdapter_BadPattern_SaysSo(string field, string json, string message)
    {
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Create();
        SaveAdapter(model, folder.Path, (field, json));

        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => model.LoadAdapter(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AdapterThatNamesItselfAsItsBase_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Create();
        SaveAdapter(model, folder.Path, ("base_model_name_or_path", "\".\""));

        Assert.Contains("which is an adapter too", Assert.Throws<InvalidDataException>(() => CausalLM.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"a\\u0000b\"")]
    [InlineData("\"//host/share/model\"")]
    [InlineData("\"\\\\\\\\host\\\\share\\\\model\"")]
    public void Load_AdapterWhoseBaseIsNoLocalPath_IsNotFollowed(string name)
    {
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Create();
        SaveAdapter(model, folder.Path, ("base_model_name_or_path", name));

        Assert.Throws<DirectoryNotFoundException>(() => CausalLM.Load(folder.Path));
    }

    [Theory]
    [InlineData("(?:a|aa|aaa)+[bd]", "takes more than 1 s for one match")]
    [InlineData("((((", "a group without its ')'")]
    public void Encode_PatternThatGoesBackForever_IsRefused(string pattern, string message)
    {
        var files = SmallTokenizer.Files("a b", preTokenizer: $$"""{"type":"Split","pattern":{"Regex":"{{pattern}}"},"behavior":"Isolated","invert":false}""");

        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(files).Encode(new string('a', 40) + "c")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("(?i)")]
    public void Tokenizer_PatternOfGreatDepth_IsRefused(string piece)
    {
        var deep = string.Concat(Enumerable.Repeat(piece, 2000));
        var files = SmallTokenizer.Files("a b", preTokenizer: $$"""{"type":"Split","pattern":{"Regex":"{{deep}}"},"behavior":"Isolated","invert":false}""");

        Assert.Contains("groups more than 100 deep", Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(files)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["\ud800 a"]}}""")]
    [InlineData("""{"model":{"type":"BPE","dropout":"x","vocab":{"a":0},"merges":[]}}""")]
    public void Tokenizer_BrokenModel_NamesTheFile(string json) =>
        Assert.StartsWith("tokenizer.json", Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(new Dictionary<string, byte[]> { ["tokenizer.json"] = Encoding.UTF8.GetBytes(json) })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1000, 999L, "at most 999 are expected")]
    [InlineData(70 << 20, long.MaxValue, "more than 100 times as many")]
    public void ZipEntry_ThatUnpacksToTooMuch_IsRefusedBeforeItIsUnpacked(int bytes, long longest, string message)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        using (var packed = archive.CreateEntry("model.safetensors").Open()) packed.Write(new byte[bytes]);
        using var read = new ZipArchive(stream);

        var error = Assert.Throws<InvalidDataException>(() => new ZipEntries(read, "").Open("model.safetensors", longest, unpacked => unpacked.Length));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static void SaveAdapter(CausalLM model, string folder, params (string Field, string? Json)[] changes)
    {
        model.AddAdapter(new() { Rank = 2, TargetModules = ["q_proj"] }, seed: 1);
        model.SaveAdapter(folder);
        model.RemoveAdapter();
        var path = Path.Combine(folder, "adapter_config.json");
        File.WriteAllText(path, TinyModels.With(File.ReadAllText(path), changes));
    }
}
