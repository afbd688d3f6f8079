using Microsoft.ML.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Persistence;

public sealed class ModelFileTests : IDisposable
{
    private readonly MLContext _ml = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Zip => Path.Combine(_folder, "model.zip");

    private IDataView Questions => _ml.Data.LoadFromEnumerable([new { Question = "a" }]);

    [Theory]
    [InlineData(WeightType.Float32)]
    [InlineData(WeightType.BFloat16)]
    public void Load_SavedTransformer_HasTheSameWeightsAndSettings(WeightType type)
    {
        using var model = TinyModel.Create(type);
        var saved = TinyModel.Transformer(model);
        _ml.Model.Save(saved, Questions.Schema, Zip);

        var loaded = Assert.IsType<CausalLMTransformer>(new MLContext().Model.Load(Zip, out var schema));

        using var again = loaded.Model;
        Assert.Equal(TinyModel.Weights(model), TinyModel.Weights(again));
        Assert.Equal(model.ConfigurationFiles["config.json"], again.ConfigurationFiles["config.json"]);
        Assert.Equal(model.Tokenizer!.Files, again.Tokenizer!.Files);
        // Records compare lists by identity.
        Assert.Equal(saved.Generation with { StopTexts = [] }, loaded.Generation with { StopTexts = [] });
        Assert.Equal(["zz"], loaded.Generation.StopTexts);
        Assert.Equal(("Answer", "Question", saved.Batching), (loaded.OutputColumnName, loaded.InputColumnName, loaded.Batching));
        Assert.Equal(["Question"], schema.Select(column => column.Name));
    }

    [Fact]
    public void Load_InAChainWithOtherTransforms_KeepsTheChain()
    {
        using var model = TinyModel.Create();
        var copying = _ml.Transforms.CopyColumns("Question", "Text");
        var input = _ml.Data.LoadFromEnumerable([new { Text = "a", Number = 1f }]);
        var chain = new TransformerChain<ITransformer>(copying.Fit(input), TinyModel.Transformer(model), _ml.Transforms.CopyColumns("Copy", "Answer").Fit(
            _ml.Data.LoadFromEnumerable([new { Answer = "a" }])));
        _ml.Model.Save(chain, input.Schema, Zip);

        var loaded = Assert.IsType<TransformerChain<ITransformer>>(_ml.Model.Load(Zip, out var schema));

        Assert.Equal(["Text", "Number", "Question", "Answer", "Copy"], loaded.GetOutputSchema(schema).Select(column => column.Name));
        Assert.True(((ITransformer)loaded).IsRowToRowMapper);
        using var again = loaded.OfType<CausalLMTransformer>().Single().Model;
        Assert.Equal(TinyModel.Weights(model), TinyModel.Weights(again));
    }

    [Fact]
    public void CausalLMLoad_ModelFile_ReadsTheModelAlone()
    {
        using var model = TinyModel.Create();
        var chain = new TransformerChain<ITransformer>(_ml.Transforms.CopyColumns("Question", "Text").Fit(_ml.Data.LoadFromEnumerable([new { Text = "a" }])), TinyModel.Transformer(model));
        _ml.Model.Save(chain, null, Zip);

        using var loaded = CausalLM.Load(Zip);

        Assert.Equal(TinyModel.Weights(model), TinyModel.Weights(loaded));
    }

    /// <summary>Unzipped, the model's entry is a Hugging Face folder.</summary>
    [Fact]
    public void Save_Unzipped_IsAModelFolder()
    {
        using var model = TinyModel.Create();
        _ml.Model.Save(TinyModel.Transformer(model), null, Zip);
        System.IO.Compression.ZipFile.ExtractToDirectory(Zip, Path.Combine(_folder, "unzipped"));

        using var loaded = CausalLM.Load(Path.Combine(_folder, "unzipped", "TransformerChain"));

        Assert.Equal(TinyModel.Weights(model), TinyModel.Weights(loaded));
    }

    [Fact]
    public void Load_Twice_LeavesNoTemporaryFiles()
    {
        using var model = TinyModel.Create();
        _ml.Model.Save(TinyModel.Transformer(model), null, Zip);
        var before = Directory.GetFileSystemEntries(Path.GetTempPath(), "drift-model-*").Concat(Directory.GetFiles(Path.GetTempPath(), "drift-*.tmp")).ToHashSet();

        CausalLM.Load(Zip).Dispose();
        ((CausalLMTransformer)_ml.Model.Load(Zip, out _)).Model.Dispose();

        var after = Directory.GetFileSystemEntries(Path.GetTempPath(), "drift-model-*").Concat(Directory.GetFiles(Path.GetTempPath(), "drift-*.tmp"));
        Assert.Empty(after.Except(before));
    }

    [Fact]
    public void Transform_MissingColumn_IsRefusedBeforeAnyWork()
    {
        using var model = TinyModel.Create();
        var transformer = TinyModel.Transformer(model);
        var input = _ml.Data.LoadFromEnumerable([new { Prompt = "a" }]);

        Assert.Contains("\"Question\"", Assert.ThrowsAny<ArgumentException>(() => transformer.Transform(input)).Message);
        Assert.Contains("\"Question\"", Assert.ThrowsAny<ArgumentException>(() => transformer.GetOutputSchema(input.Schema)).Message);
    }
}
