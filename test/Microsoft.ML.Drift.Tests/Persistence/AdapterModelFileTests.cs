using Microsoft.ML.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tests.Persistence;

/// <summary>A model file with an adapter holds the adapter and says which base model it belongs to.</summary>
public sealed class AdapterModelFileTests : IDisposable
{
    private static readonly string[] s_prompts = ["hello", "who is there", "abc"];

    private readonly MLContext _ml = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-adapter-file-").FullName;

    public AdapterModelFileTests()
    {
        using var model = TinyModel.Create();
        model.Save(Base);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Base => Path.Combine(_folder, "base");

    private string Zip => Path.Combine(_folder, "adapted.zip");

    private sealed record Question(string Prompt);

    private sealed record Pair(string Prompt, string Chosen, string Rejected);

    private IDataView Questions => _ml.Data.LoadFromEnumerable(s_prompts.Select(prompt => new Question(prompt)));

    private string[] Answers(ITransformer transformer) => [.. transformer.Transform(Questions).GetColumn<string>("Response")];

    /// <summary>A transformer whose adapter was trained, greedy.</summary>
    private CausalLMTransformer Trained(bool useDora = false)
    {
        using var policy = CausalLM.Load(Base);
        var pairs = _ml.Data.LoadFromEnumerable(s_prompts.Select(prompt => new Pair(prompt, "yes please", "no")));
        var options = new DpoTrainer.Options { LearningRate = 0.05, NumberOfEpochs = 5, WarmupRatio = 0, Lora = new() { Rank = 2, UseDora = useDora } };
        return _ml.Drift().Trainers.Dpo(policy, options).Fit(pairs).With(GenerationOptions.Greedy with { MaxNewTokens = 12 });
    }

    private CausalLMTransformer Save(bool merged = false)
    {
        var transformer = Trained();
        _ml.Model.Save(merged ? transformer.WithAdapterMerged() : transformer, Questions.Schema, Zip);
        return transformer;
    }

    [Fact]
    public void SaveAndLoad_TrainedAdapter_GivesTheSameAnswersAndKeepsTheAdapter()
    {
        using var trained = Save().Model;
        var expected = Answers(CausalLMTransformer.Create(trained, "Prompt").With(GenerationOptions.Greedy with { MaxNewTokens = 12 }));
        using var policy = CausalLM.Load(Base);
        Assert.NotEqual(expected, Answers(new CausalLMTransformer(policy, GenerationOptions.Greedy with { MaxNewTokens = 12 })));

        var loaded = (CausalLMTransformer)new MLContext().Model.Load(Zip, out _);

        using var again = loaded.Model;
        Assert.Equal(expected, Answers(loaded));
        Assert.True(again.HasAdapter);
        Assert.Equal(AdapterWeights(trained), AdapterWeights(again));
        using var archive = System.IO.Compression.ZipFile.OpenRead(Zip);
        Assert.DoesNotContain(archive.Entries, entry => entry.Name == "model.safetensors");
        Assert.Equal(
            ["adapter_config.json", "adapter_model.safetensors", "config.json", "drift.base.json"],
            archive.Entries.Select(entry => entry.Name).Where(name => name.StartsWith("adapter", StringComparison.Ordinal) || name is "config.json" or "drift.base.json").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Load_FreshProcess_GivesTheSameAnswers()
    {
        var transformer = Save();
        using var trained = transformer.Model;

        var (exitCode, output) = await FreshProcess.Run(["answer", Zip, .. s_prompts]);

        Assert.True(exitCode == 0, output);
        Assert.Equal(Answers(transformer).Select(answer => $"transform: {answer}"), output.TrimEnd('\n').Split('\n')[..s_prompts.Length]);
    }

    /// <summary>The base has moved: found by its folder's name below a folder of models, or as the folder itself.</summary>
    [Theory]
    [InlineData("models")]
    [InlineData("models/base")]
    public async Task Load_BaseInAFolderOfTheVariable_IsFound(string listed)
    {
        var transformer = Save();
        using var trained = transformer.Model;
        Move("models/base");

        var (exitCode, output) = await FreshProcess.Run(
            new Dictionary<string, string> { ["DRIFT_BASE_MODELS"] = string.Join(Path.PathSeparator, Path.Combine(_folder, "nothing"), Path.Combine(_folder, listed)) }, ["answer", Zip, .. s_prompts]);

        Assert.True(exitCode == 0, output);
        Assert.Equal(Answers(transformer).Select(answer => $"transform: {answer}"), output.TrimEnd('\n').Split('\n')[..s_prompts.Length]);
    }

    [Theory]
    [InlineData(WeightType.Float32)]
    [InlineData(WeightType.BFloat16)]
    public void CausalLMLoad_BaseNamed_IsUsed(WeightType type)
    {
        using var trained = Save().Model;
        Move("elsewhere");

        using var loaded = CausalLM.Load(Zip, new() { BaseModel = Path.Combine(_folder, "elsewhere"), Dtype = type });

        Assert.Equal(AdapterWeights(trained), AdapterWeights(loaded));
    }

    [Fact]
    public void Load_BaseIsGone_SaysWhatIsExpectedAndHowToProvideIt()
    {
        Save().Model.Dispose();
        Move("elsewhere");

        var error = Assert.Throws<InvalidDataException>(() => CausalLM.Load(Zip)).Message;

        Assert.Contains("base model \"base\" (", error);
        Assert.Contains($"{Base}: there is nothing", error);
        Assert.Contains("fingerprint ", error);
        Assert.Contains("BaseModel (--base-model)", error);
        Assert.Contains("DRIFT_BASE_MODELS", error);
    }

    [Fact]
    public void Load_BaseHasOtherWeights_IsRefused()
    {
        Save().Model.Dispose();
        Directory.Delete(Base, recursive: true);
        using (var other = TinyModel.Create(seed: 2)) other.Save(Base);

        Assert.Contains($"{Base}: other weights, fingerprint ", Assert.Throws<InvalidDataException>(() => CausalLM.Load(Zip)).Message);
    }

    [Fact]
    public void Load_BaseIsAnotherArchitecture_IsRefused()
    {
        Save().Model.Dispose();
        using (var small = CausalLM.Create(ModelConfiguration.Parse(File.ReadAllText(Path.Combine(Base, "config.json")).Replace("\"intermediate_size\": 48", "\"intermediate_size\": 40")), 1))
        {
            Directory.Delete(Base, recursive: true);
            small.Save(Base);
        }

        Assert.Contains("_proj.weight", Assert.Throws<InvalidDataException>(() => CausalLM.Load(Zip)).Message);
    }

    [Fact]
    public void Save_WithAdapterMerged_IsWholeAndLeavesTheAdapter()
    {
        var transformer = Save(merged: true);
        using var trained = transformer.Model;
        Directory.Delete(Base, recursive: true);

        var loaded = (CausalLMTransformer)_ml.Model.Load(Zip, out _);

        using var again = loaded.Model;
        Assert.False(again.HasAdapter);
        Assert.True(trained.HasAdapter);
        Assert.Equal(Answers(transformer), Answers(loaded));
        trained.MergeAdapter();
        Assert.Equal(TinyModel.Weights(trained), TinyModel.Weights(again));
    }

    [Fact]
    public void Load_WholeModelWithABaseNamed_IsRefused()
    {
        Save(merged: true).Model.Dispose();

        Assert.Contains("BaseModel is set", Assert.ThrowsAny<ArgumentException>(() => CausalLM.Load(Zip, new() { BaseModel = Base })).Message);
        Assert.Contains("BaseModel is set", Assert.ThrowsAny<ArgumentException>(() => CausalLM.Load(Base, new() { BaseModel = Base })).Message);
    }

    /// <summary>Tokenizer and template are in the file: text needs no base model.</summary>
    [Fact]
    public void ModelText_BaseIsGone_StillReadsTheTokenizer()
    {
        Save().Model.Dispose();
        Directory.Delete(Base, recursive: true);

        Assert.Equal([4, 5], ModelText.LoadTokenizer(Zip).EncodeToIds("ab"));
        Assert.NotNull(ModelText.LoadChatTemplate(Zip));
    }

    [Fact]
    public void CausalLMLoad_PeftFolderWithBaseNamed_IsLoaded()
    {
        using var trained = Trained(useDora: true).Model;
        trained.SaveAdapter(Path.Combine(_folder, "adapter"));
        Move("elsewhere");

        using var loaded = CausalLM.Load(Path.Combine(_folder, "adapter"), new() { BaseModel = Path.Combine(_folder, "elsewhere") });

        Assert.Equal(AdapterWeights(trained), AdapterWeights(loaded));
    }

    private void Move(string place)
    {
        var target = Path.Combine(_folder, place);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        Directory.Move(Base, target);
    }

    private static float[][] AdapterWeights(CausalLM model)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        return [.. model.Decoder.Adapter!.Tensors.OrderBy(slice => slice.Name, StringComparer.Ordinal).Select(slice => slice.View().detach().contiguous().data<float>().ToArray())];
    }
}
