using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Persistence;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

public sealed class DpoTrainerTests : IDisposable
{
    private static readonly DpoTrainer.Options Options = new() { LearningRate = 1e-3, WarmupRatio = 0, Shuffle = false, BatchSize = 2 };

    private readonly MLContext _ml = new(seed: 1);
    private readonly CausalLM _policy;

    public DpoTrainerTests()
    {
        set_num_threads(1);
        _policy = TinyModel.Create();
    }

    public void Dispose() => _policy.Dispose();

    [Fact]
    public void Fit_PairsOfText_TrainsACopyThatPrefersTheChosenAnswers()
    {
        var before = TinyModel.Weights(_policy);
        var trainer = Trainer(Options with { NumberOfEpochs = 8 });
        using var model = trainer.Fit(Pairs()).Model;

        Assert.Equal(before, TinyModel.Weights(_policy));
        Assert.NotEqual(before, TinyModel.Weights(model));
        Assert.Equal(16, trainer.History!.Steps.Count());
        Assert.Equal(4, trainer.TrainingRows!.RowsKept);
        Assert.True(trainer.History.Steps.Last().Metrics["rewards/margins"] > 0.1);
    }

    [Fact]
    public void Fit_Result_AnswersPromptsIntoAColumn()
    {
        var transformer = Trainer(Options).Fit(Pairs());
        using var model = transformer.Model;
        var answers = transformer.With(GenerationOptions.Greedy with { MaxNewTokens = 4 }).Transform(Pairs());
        Assert.Equal(4, answers.GetColumn<string>("Response").Count());
        Assert.Equal(["RowId", "Prompt", "Chosen", "Rejected", "Response"], answers.Schema.Select(column => column.Name));
    }

    [Fact]
    public void Fit_InsideAChain_BehindOrdinaryTransforms()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows().Select(row => new { Question = row.Prompt, row.Chosen, row.Rejected }));
        var chain = _ml.Transforms.CopyColumns("Prompt", "Question").Append(_ml.Drift().Trainers.Dpo(_policy, learningRate: 1e-3, numberOfEpochs: 2, beta: 0.2));
        Assert.Contains(chain.GetOutputSchema(ShapeOf(data)), column => column.Name == "Response" && column.ItemType is TextDataViewType);
        var transformer = chain.Fit(data);
        using var model = transformer.LastTransformer.Model;
        Assert.NotEqual(TinyModel.Weights(_policy), TinyModel.Weights(model));
    }

    [Fact]
    public void Fit_ColumnsOfOtherNames_AreReadAndKept()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows().Select(row => new { Q = row.Prompt, Good = row.Chosen, Bad = row.Rejected }));
        var transformer = Trainer(Options with { PromptColumnName = "Q", ChosenColumnName = "Good", RejectedColumnName = "Bad" }).Fit(data);
        using var model = transformer.Model;
        Assert.Equal("Q", transformer.InputColumnName);
    }

    [Fact]
    public void Fit_ColumnMissingOrOfAnotherType_IsRefusedBeforeAnyWork()
    {
        var trainer = Trainer(Options with { Progress = new Recorder(_ => Assert.Fail("trained")) });
        var missing = _ml.Data.LoadFromEnumerable(Rows().Select(row => new { row.Prompt, row.Chosen }));
        Assert.Contains("\"Rejected\"", Assert.ThrowsAny<ArgumentException>(() => trainer.Fit(missing)).Message);
        Assert.Contains("\"Rejected\"", Assert.ThrowsAny<ArgumentException>(() => trainer.GetOutputSchema(ShapeOf(missing))).Message);
        var number = _ml.Data.LoadFromEnumerable(Rows().Select(row => new { row.Prompt, Chosen = 1f, row.Rejected }));
        Assert.Contains("\"Chosen\"", Assert.ThrowsAny<ArgumentException>(() => trainer.Fit(number)).Message);
        Assert.Contains("\"Chosen\"", Assert.ThrowsAny<ArgumentException>(() => trainer.Fit(Pairs(), number)).Message);
    }

    [Fact]
    public void Fit_NoRows_SaysSo() =>
        Assert.Contains("No row of the training data", Assert.Throws<ArgumentException>(() => Trainer(Options).Fit(_ml.Data.LoadFromEnumerable(Array.Empty<Row>()))).Message);

    [Fact]
    public void Fit_EvaluationRows_AreMeasuredAfterEachEpochAndReported()
    {
        var reported = new List<TrainingRecord>();
        var trainer = Trainer(Options with { NumberOfEpochs = 2, Progress = new Recorder(reported.Add) });
        using var model = trainer.Fit(Pairs(), Pairs()).Model;
        Assert.Equal([2, 4], trainer.History!.Evaluations.Select(record => record.Step));
        Assert.Equal(trainer.History.Records, reported);
    }

    [Fact]
    public void Fit_SameDataAndOptions_GivesTheSameWeights()
    {
        using var one = Trainer(Options with { Shuffle = true }).Fit(Pairs()).Model;
        using var other = Trainer(Options with { Shuffle = true }).Fit(Pairs()).Model;
        Assert.Equal(TinyModel.Weights(one), TinyModel.Weights(other));
    }

    [Fact]
    public void Fit_InPlace_TrainsThePolicyItselfToTheSameWeights()
    {
        using var copy = Trainer(Options).Fit(Pairs()).Model;

        var model = Trainer(Options with { TrainInPlace = true }).Fit(Pairs()).Model;

        Assert.Same(_policy, model);
        Assert.Equal(TinyModel.Weights(copy), TinyModel.Weights(_policy));
        Assert.All(_policy.Decoder.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void Fit_InPlaceCancelled_LeavesThePolicyUsableWithItsLastStepsWeights()
    {
        var before = TinyModel.Weights(_policy);
        using var cancellation = new CancellationTokenSource();
        var trainer = Trainer(Options with { TrainInPlace = true, CancellationToken = cancellation.Token, Progress = new Recorder(_ => cancellation.Cancel()) });

        Assert.Throws<OperationCanceledException>(() => trainer.Fit(Pairs()));

        Assert.NotEqual(before, TinyModel.Weights(_policy));
        Assert.All(_policy.Decoder.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void Fit_Cancelled_ThrowsAndFreesTheCopy()
    {
        using var cancellation = new CancellationTokenSource();
        var trainer = Trainer(Options with { CancellationToken = cancellation.Token, Progress = new Recorder(_ => cancellation.Cancel()) });
        var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Throws<OperationCanceledException>(() => trainer.Fit(Pairs()));
        Assert.InRange(TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount, 0, live);
    }

    [Fact]
    public void Fit_Lora_TrainsTheAdapterAlone_AgainstTheModelWithoutIt()
    {
        var trainer = Trainer(Options with { Lora = new() { Rank = 2, TargetModules = ["q_proj", "v_proj"] }, NumberOfEpochs = 4 });
        using var model = trainer.Fit(Pairs()).Model;
        Assert.Equal(TinyModel.Weights(_policy), TinyModel.Weights(model));
        Assert.NotNull(model.Decoder.Adapter);
        Assert.Equal(0, trainer.History!.Steps.First().Metrics["rewards/margins"]);
        Assert.NotEqual(0, trainer.History.Steps.Last().Metrics["rewards/margins"]);
    }

    [Theory]
    [InlineData("MaxLength")]
    [InlineData("MaxPromptLength")]
    [InlineData("MaxCompletionLength")]
    [InlineData("Truncation")]
    public void Fit_OtherLimits_GiveOtherWeights(string option)
    {
        var changed = option switch
        {
            "MaxLength" => Options with { MaxLength = 24, MaxPromptLength = null },
            "MaxPromptLength" => Options with { MaxPromptLength = 5 },
            "MaxCompletionLength" => Options with { MaxCompletionLength = 2 },
            _ => Options with { MaxLength = 24, MaxPromptLength = null, Truncation = TruncationMode.KeepEnd },
        };
        var reference = option == "Truncation" ? Options with { MaxLength = 24, MaxPromptLength = null } : Options;
        using var one = Trainer(reference).Fit(Pairs()).Model;
        using var other = Trainer(changed).Fit(Pairs()).Model;
        Assert.NotEqual(TinyModel.Weights(one), TinyModel.Weights(other));
    }

    [Fact]
    public void Create_BadOptionsAndModels_AreAllNamedAtOnce()
    {
        using var half = TinyModel.Create(WeightType.BFloat16);
        var error = Assert.Throws<ArgumentException>(() => _ml.Drift().Trainers.Dpo(half, new DpoTrainer.Options { Beta = 0, BatchSize = 0 }, reference: half));
        foreach (var part in new[] { "Beta is 0", "BatchSize is 0", "training needs Float32", "the policy itself" }) Assert.Contains(part, error.Message);
    }

    [Fact]
    public void Fit_PolicyWithoutTokenizer_SaysWhatIsMissing()
    {
        using var policy = Models.TinyModels.Create();
        Assert.Contains("tokenizer.json", Assert.Throws<ArgumentException>(() => _ml.Drift().Trainers.Dpo(policy).Fit(Pairs())).Message);
    }

    private DpoTrainer Trainer(DpoTrainer.Options options) => _ml.Drift().Trainers.Dpo(_policy, options);

    private IDataView Pairs() => _ml.Data.LoadFromEnumerable(Rows());

    private static SchemaShape ShapeOf(IDataView view)
    {
        var create = typeof(SchemaShape).GetMethod("Create", System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.NonPublic)!;
        return (SchemaShape)create.Invoke(null, [view.Schema])!;
    }

    private static Row[] Rows() =>
    [
        new("a", "what is it", "a good answer", "bad"), new("b", "say more", "certainly", "no"),
        new("c", "how are you", "well", "i do not know"), new("d", "bye", "good bye", "what"),
    ];

    private sealed record Row(string RowId, string Prompt, string Chosen, string Rejected);

    private sealed class Recorder(Action<TrainingRecord> record) : IProgress<TrainingRecord>
    {
        public void Report(TrainingRecord value) => record(value);
    }
}
