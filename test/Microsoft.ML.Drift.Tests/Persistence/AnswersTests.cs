using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Persistence;

/// <summary>One set of answers, and every way to get it.</summary>
public sealed class AnswersTests : IDisposable
{
    private static readonly string[] s_prompts = ["hello", "who is there", "a", "tell me more", "abc"];

    private readonly MLContext _ml = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-answers-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class Question
    {
        public string Prompt { get; set; } = "";
    }

    private sealed class Chat
    {
        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];
    }

    private sealed class Reply
    {
        public string Response { get; set; } = "";
    }

    private IDataView Questions => _ml.Data.LoadFromEnumerable(s_prompts.Select(prompt => new Question { Prompt = prompt }));

    private static string[] Responses(IDataView answered) => [.. answered.GetColumn<string>(answered.Schema["Response"])];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Transform_AnyBatchSize_GivesTheAnswersOfThePredictionEngine(int batchSize)
    {
        using var model = TinyModel.Create();
        var transformer = new CausalLMTransformer(model, GenerationOptions.Greedy with { MaxNewTokens = 12 }, batching: new() { BatchSize = batchSize });
        var engine = _ml.Model.CreatePredictionEngine<Question, Reply>(transformer);

        var predicted = s_prompts.Select(prompt => engine.Predict(new() { Prompt = prompt }).Response).ToArray();

        Assert.Equal(predicted, Responses(transformer.Transform(Questions)));
        Assert.True(predicted.Distinct().Count() > 1, "the answers depend on the prompts");
    }

    /// <summary>Sampled rows without a RowId are keyed by position, so a view and an engine that starts anew agree.</summary>
    [Fact]
    public void Transform_Sampled_DependsOnSeedAndNotOnBatchSize()
    {
        using var model = TinyModel.Create();
        var options = new GenerationOptions { Temperature = 1, TopP = 1, MaxNewTokens = 12, Seed = 1 };
        var one = new CausalLMTransformer(model, options, batching: new() { BatchSize = 1 });
        var three = one.With(options, new() { BatchSize = 3 });
        var other = one.With(options with { Seed = 2 });

        Assert.Equal(Responses(one.Transform(Questions)), Responses(three.Transform(Questions)));
        Assert.NotEqual(Responses(one.Transform(Questions)), Responses(other.Transform(Questions)));
    }

    [Fact]
    public void Predict_ChatPrompt_AnswersLikeTheSameTextPrompt()
    {
        using var model = TinyModel.Create();
        var transformer = new CausalLMTransformer(model, GenerationOptions.Greedy with { MaxNewTokens = 12 });

        var chat = _ml.Model.CreatePredictionEngine<Chat, Reply>(transformer).Predict(new() { Prompt = [new(ChatRole.User, "hello")] });
        var text = _ml.Model.CreatePredictionEngine<Question, Reply>(transformer).Predict(new() { Prompt = "hello" });

        Assert.Equal(text.Response, chat.Response);
    }

    [Fact]
    public void Predict_EngineDisposed_LeavesTheModelUsable()
    {
        using var model = TinyModel.Create();
        var transformer = new CausalLMTransformer(model, GenerationOptions.Greedy with { MaxNewTokens = 3 });
        string first;
        using (var engine = _ml.Model.CreatePredictionEngine<Question, Reply>(transformer)) first = engine.Predict(new() { Prompt = "hello" }).Response;

        using var next = _ml.Model.CreatePredictionEngine<Question, Reply>(transformer);
        Assert.Equal(first, next.Predict(new() { Prompt = "hello" }).Response);
    }

    [Fact]
    public async Task Load_FreshProcess_GivesTheSameAnswersWithoutRegistration()
    {
        using var model = TinyModel.Create();
        var transformer = new CausalLMTransformer(model, GenerationOptions.Greedy with { MaxNewTokens = 12 });
        var expected = Responses(transformer.Transform(Questions));
        var zip = Path.Combine(_folder, "model.zip");
        _ml.Model.Save(transformer, Questions.Schema, zip);

        var (exitCode, output) = await FreshProcess.Run(["answer", zip, .. s_prompts]);

        Assert.True(exitCode == 0, output);
        Assert.Equal(
            expected.Select(answer => $"transform: {answer}").Concat(expected.Select(answer => $"predict: {answer}")),
            output.TrimEnd('\n').Split('\n'));
    }

    /// <summary>In the middle of a chain with ML.NET's own transforms, before and after.</summary>
    [Fact]
    public async Task Load_FreshProcessInAChain_GivesTheSameAnswers()
    {
        using var model = TinyModel.Create();
        var transformer = new CausalLMTransformer(model, GenerationOptions.Greedy with { MaxNewTokens = 12 }, "Answer", "Question");
        var before = _ml.Transforms.Text.NormalizeText("Question", "Prompt").Fit(Questions).Transform(Questions);
        var chain = new TransformerChain<ITransformer>(
            _ml.Transforms.Text.NormalizeText("Question", "Prompt").Fit(Questions),
            transformer,
            _ml.Transforms.CopyColumns("Response", "Answer").Fit(transformer.Transform(before)));
        var expected = Responses(chain.Transform(Questions));
        var zip = Path.Combine(_folder, "model.zip");
        _ml.Model.Save(chain, Questions.Schema, zip);

        var (exitCode, output) = await FreshProcess.Run(["answer", zip, .. s_prompts]);

        Assert.True(exitCode == 0, output);
        Assert.Equal(expected.Select(answer => $"predict: {answer}"), output.TrimEnd('\n').Split('\n')[s_prompts.Length..]);
    }

    [Fact]
    public async Task Load_FreshProcessTamperedFile_IsRefusedInWords()
    {
        using var model = TinyModel.Create();
        var zip = Path.Combine(_folder, "model.zip");
        _ml.Model.Save(new CausalLMTransformer(model, GenerationOptions.Greedy), Questions.Schema, zip);
        using (var archive = System.IO.Compression.ZipFile.Open(zip, System.IO.Compression.ZipArchiveMode.Update)) archive.GetEntry("TransformerChain/config.json")!.Delete();

        var (exitCode, output) = await FreshProcess.Run("answer", zip, "a");

        Assert.Equal(1, exitCode);
        Assert.StartsWith("InvalidDataException: Model file, entry 'TransformerChain/config.json': it is missing.", output);
    }

    // On a machine that cannot read weights so, the file opens all the same, and With changes the setting.
    [Fact]
    public void Load_WeightsInEightBits_KeepsTheSetting()
    {
        using var model = TinyModel.Create();
        var zip = Path.Combine(_folder, "model.zip");
        var settings = GenerationOptions.Greedy with { MaxNewTokens = 3, Weights = WeightPrecision.Q8_0 };
        _ml.Model.Save(new CausalLMTransformer(model, settings), null, zip);

        var loaded = (CausalLMTransformer)_ml.Model.Load(zip, out _);

        using var owner = loaded.Model;
        Assert.Equal(WeightPrecision.Q8_0, loaded.Generation.Weights);
        Assert.Equal(s_prompts.Length, Responses(loaded.With(GenerationOptions.Greedy with { MaxNewTokens = 3 }).Transform(Questions)).Length);
    }

    [Fact]
    public void AnswerPrompts_InAPipeline_AnswersBetweenOtherTransforms()
    {
        using var model = TinyModel.Create();
        var greedy = GenerationOptions.Greedy with { MaxNewTokens = 12 };
        // Before it fits, a pipeline checks that each estimator's input is among the columns that those before it promise.
        var pipeline = _ml.Transforms.Text.NormalizeText("Question", "Prompt")
            .Append(_ml.Transforms.AnswerPrompts(model, "Answer", "Question", greedy))
            .Append(_ml.Transforms.CopyColumns("Copy", "Answer"));

        var answered = pipeline.Fit(Questions).Transform(Questions);

        Assert.Equal(Responses(new CausalLMTransformer(model, greedy).Transform(Questions)), answered.GetColumn<string>(answered.Schema["Copy"]));
    }

    [Fact]
    public void AnswerPrompts_BadSettings_NamesEveryOne()
    {
        using var model = TinyModel.Create();

        var error = Assert.ThrowsAny<ArgumentException>(() => _ml.Transforms.AnswerPrompts(model, generation: new() { TopP = 2 }, batching: new() { BatchSize = 0 }));
        Assert.Contains("TopP is 2", error.Message);
        Assert.Contains("BatchSize is 0", error.Message);
    }
}
