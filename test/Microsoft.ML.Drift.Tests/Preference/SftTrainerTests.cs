using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;
using Microsoft.ML.Drift.Tests.Persistence;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

public sealed class SftTrainerTests : IDisposable
{
    private static readonly SftTrainer.Options Options = new() { LearningRate = 1e-3, WarmupRatio = 0, Shuffle = false, BatchSize = 2 };

    private readonly MLContext _ml = new(seed: 1);
    private readonly CausalLM _policy;

    public SftTrainerTests()
    {
        set_num_threads(1);
        _policy = TinyModel.Create();
    }

    public void Dispose() => _policy.Dispose();

    [Fact]
    public void Fit_PromptsWithCompletions_TrainsACopyThatExpectsThem()
    {
        var before = TinyModel.Weights(_policy);
        var trainer = Trainer(Options with { NumberOfEpochs = 10 });
        using var model = trainer.Fit(Rows()).Model;
        Assert.Equal(before, TinyModel.Weights(_policy));
        Assert.Equal(20, trainer.History!.Steps.Count());
        Assert.Equal(4, trainer.TrainingRows!.RowsKept);
        var (first, last) = (trainer.History.Steps.First().Metrics, trainer.History.Steps.Last().Metrics);
        Assert.True(last["loss"] < 0.8 * first["loss"], $"{first["loss"]} → {last["loss"]}");
        Assert.True(last["mean_token_accuracy"] > first["mean_token_accuracy"]);
        Assert.Equal(last["num_tokens"], trainer.History.Steps.Sum(step => step.Metrics["tokens"]));
    }

    [Fact]
    public void Fit_InPlace_TrainsThePolicyItselfToTheSameWeights()
    {
        using var copy = Trainer(Options).Fit(Rows()).Model;

        var model = Trainer(Options with { TrainInPlace = true }).Fit(Rows()).Model;

        Assert.Same(_policy, model);
        Assert.Equal(TinyModel.Weights(copy), TinyModel.Weights(_policy));
    }

    [Fact]
    public void Fit_Conversations_AreReadFromTheMessagesColumn()
    {
        var rows = _ml.Data.LoadFromEnumerable(new[] { new Chat { Messages = [new(ChatRole.User, "say"), new(ChatRole.Assistant, "more"), new(ChatRole.User, "bye"), new(ChatRole.Assistant, "good")] } });
        var (answers, all) = (Trainer(Options), Trainer(Options with { Labels = SftLabels.All }));
        using var one = answers.Fit(rows).Model;
        using var other = all.Fit(rows).Model;
        Assert.Equal(answers.History!.Steps.Single().Metrics["num_tokens"], all.History!.Steps.Single().Metrics["num_tokens"]);
        Assert.NotEqual(answers.History.Steps.Single().Metrics["loss"], all.History.Steps.Single().Metrics["loss"]);
    }

    [Fact]
    public void Fit_StepLoss_IsTheMeanOverItsLabels_HoweverTheStepIsDivided()
    {
        var (whole, divided) = (Trainer(Options with { BatchSize = 4 }), Trainer(Options with { BatchSize = 1, GradientAccumulationSteps = 4 }));
        using var one = whole.Fit(Rows()).Model;
        using var other = divided.Fit(Rows()).Model;
        foreach (var name in new[] { "loss", "grad_norm", "mean_token_accuracy", "num_tokens" })
            Assert.Equal(whole.History!.Steps.Single().Metrics[name], divided.History!.Steps.Single().Metrics[name], 1e-5);
    }

    [Fact]
    public void Accumulate_FirstTokenIsALabel_CountsForTrlAlone()
    {
        // Three labels, of which the first is predicted by nothing: TRL divides the two losses by 3.
        var row = new SftTokens("a", new([3, 4, 5], [true, true, true]));
        double Loss(TrlCompatibility? trl)
        {
            using var model = TinyModels.Create();
            using var training = new SftTraining(model, [row], [], Options with { TrlCompatibility = trl });
            return training.Loop.Run().Steps.Single().Metrics["loss"];
        }
        Assert.Equal(2.0 / 3, Loss(new()) / Loss(null), 1e-6);
    }

    [Fact]
    public void Evaluate_RaggedBatches_LossIsTheMeanOverAllLabels()
    {
        SftTokens[] rows = [.. new[] { 3, 7, 4 }.Select(length => new SftTokens("r", new([.. Enumerable.Range(3, length)], [.. Enumerable.Repeat(true, length)])))];
        double Loss(int batchSize, TrlCompatibility? trl = null)
        {
            using var model = TinyModels.Create();
            using var training = new SftTraining(model, rows, rows, Options with { EvaluationBatchSize = batchSize, LearningRate = 0, TrlCompatibility = trl });
            return training.Loop.Run().Evaluations.Single().Metrics["eval_loss"];
        }
        Assert.Equal(Loss(3), Loss(2), 1e-6);
        Assert.NotEqual(Loss(3, new()), Loss(2, new()), 1e-4); // TRL weighs batches by rows
    }

    [Fact]
    public void Save_InTheMiddle_ContinuesBitForBit()
    {
        SftTokens[] rows = [.. Enumerable.Range(0, 6).Select(i => new SftTokens($"{i}", new([3 + i, 9, 4, 12 + i], [false, true, true, true])))];
        var options = Options with { Shuffle = true, NumberOfEpochs = 2 };
        using var model = TinyModels.Create();
        using var whole = new SftTraining(model, rows, [], options);
        whole.Loop.Run(until: 3);
        using var middle = model.Clone();
        using var state = whole.Loop.Save();
        whole.Loop.Run();
        using var resumed = new SftTraining(middle, rows, [], options);
        resumed.Loop.Load(state);
        resumed.Loop.Run();
        Assert.Equal(TinyModel.Weights(model), TinyModel.Weights(middle));
        Assert.Equal(whole.Loop.History.Steps.Last().Metrics["num_tokens"], resumed.Loop.History.Steps.Last().Metrics["num_tokens"]);
    }

    [Fact]
    public void Fit_Lora_TrainsTheAdapterAlone()
    {
        using var model = Trainer(Options with { Lora = new() { Rank = 2, TargetModules = ["q_proj"] } }).Fit(Rows()).Model;
        Assert.Equal(TinyModel.Weights(_policy), TinyModel.Weights(model));
        Assert.NotNull(model.Decoder.Adapter);
    }

    [Fact]
    public void Fit_ShorterMaxLength_GivesOtherWeights()
    {
        using var one = Trainer(Options).Fit(Rows()).Model;
        using var other = Trainer(Options with { MaxLength = 12 }).Fit(Rows()).Model;
        Assert.NotEqual(TinyModel.Weights(one), TinyModel.Weights(other));
    }

    [Fact]
    public void Fit_OtherColumnNames_AreReadAndGivenToTheTransformer()
    {
        var rows = _ml.Data.LoadFromEnumerable(new[] { new { Question = "bye", Answer = "good bye" } });
        var transformer = Trainer(Options with { PromptColumnName = "Question", CompletionColumnName = "Answer" }).Fit(rows);
        using var model = transformer.Model;
        Assert.Equal("Question", transformer.InputColumnName);
        Assert.Contains("\"Completion\"", Assert.ThrowsAny<ArgumentException>(() => Trainer(Options with { PromptColumnName = "Question" }).Fit(rows)).Message);
    }

    public static TheoryData<string, SftTrainer.Options> Bad => new()
    {
        { "Labels is 9", new() { Labels = (SftLabels)9 } },
        { "MaxLength is 1", new() { MaxLength = 1 } },
        { "Lora: Rank is 0", new() { Lora = new() { Rank = 0 } } },
        { "concern preference training alone", new() { TrlCompatibility = new() { PaddingFree = true } } },
        { "MessagesColumnName is empty", new() { MessagesColumnName = "" } },
        { "PromptColumnName is empty", new() { PromptColumnName = "" } },
        { "CompletionColumnName is empty", new() { CompletionColumnName = "" } },
        { "LearningRate is -1", new() { LearningRate = -1 } },
    };

    [Theory, MemberData(nameof(Bad))]
    public void Problems_OneBadValue_IsNamedAlone(string message, SftTrainer.Options options) => Assert.Contains(message, Assert.Single(options.Problems()));

    [Fact]
    public void Create_BadOptionsAndModel_AreNamedAtOnce()
    {
        using var half = TinyModel.Create(WeightType.BFloat16);
        var error = Assert.Throws<ArgumentException>(() => _ml.Drift().Trainers.Sft(half, new SftTrainer.Options { MaxLength = 0, BatchSize = 0 }));
        foreach (var part in new[] { "MaxLength is 0", "BatchSize is 0", "training needs Float32" }) Assert.Contains(part, error.Message);
    }

    private SftTrainer Trainer(SftTrainer.Options options) => _ml.Drift().Trainers.Sft(_policy, options);

    private IDataView Rows() => _ml.Data.LoadFromEnumerable(new[]
    {
        new { Prompt = "what is it", Completion = "a good answer" }, new { Prompt = "say more", Completion = "certainly" },
        new { Prompt = "how are you", Completion = "well" }, new { Prompt = "bye", Completion = "good bye" },
    });

    private sealed class Chat
    {
        [ChatType]
        public IReadOnlyList<ChatMessage> Messages { get; set; } = [];
    }
}
