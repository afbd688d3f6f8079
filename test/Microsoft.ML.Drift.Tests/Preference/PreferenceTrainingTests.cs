using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>What must hold of every training, whatever its numbers: same thing, two ways.</summary>
public class PreferenceTrainingTests
{
    private static readonly string[] Cost = ["passes", "passes_recomputed", "seconds", "tokens_per_second", "peak_memory_bytes"];

    [Fact]
    public void Run_FirstStep_LosesLn2PlusAlphaNll_AndRewardsAreExactlyZero()
    {
        var first = TinyTraining.Run(TinyTraining.Options).Steps.First().Metrics;
        Assert.Equal(Math.Log(2) + 0.5 * first["nll_loss"], first["loss"], 1e-6);
        foreach (var key in new[] { "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "drift/delta_logps_chosen" })
            Assert.Equal(0, first[key]);
        Assert.Equal(0.5, first["drift/sigma"]);
        Assert.Equal(1, first["drift/share_above_tau"]);
    }

    [Fact]
    public void Run_LaterSteps_TellChosenFromRejected()
    {
        var last = TinyTraining.Run(TinyTraining.Options with { NumberOfEpochs = 10 }).Steps.Last().Metrics;
        Assert.True(last["rewards/margins"] > 0.1, $"margin {last["rewards/margins"]}");
        Assert.True(last["drift/sigma"] < 0.5);
        Assert.True(last["drift/delta_logps_chosen"] > last["drift/delta_logps_rejected"]);
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 4)]
    [InlineData(3, 3)] // 3 + 3 + 2 rows
    public void Run_AnyMicroBatching_IsOneStepOverTheSameRows(int batch, int accumulation)
    {
        var (whole, wholeWeights) = Train(TinyTraining.Options with { BatchSize = 8, NumberOfEpochs = 3 });
        var (parts, partsWeights) = Train(TinyTraining.Options with { BatchSize = batch, GradientAccumulationSteps = accumulation, NumberOfEpochs = 3 });
        Assert.Equal(3, parts.Steps.Count());
        AssertSame(whole, parts, 2e-5);
        AssertClose(wholeWeights, partsWeights, 2e-5);
    }

    [Fact]
    public void Run_RaggedLastStep_IsAMeanOverItsOwnRows()
    {
        // Five rows, two to a step: the third step has one row and weighs no less for it.
        var history = TinyTraining.Run(TinyTraining.Options with { BatchSize = 1, GradientAccumulationSteps = 2, RpoAlpha = null, LearningRate = 0 }, rows: 5);
        Assert.Equal([2, 2, 1], history.Steps.Select(step => step.Epoch * 5).Select((end, i) => (int)Math.Round(end) - (i == 0 ? 0 : i * 2)));
        Assert.All(history.Steps, step => Assert.Equal(Math.Log(2), step.Metrics["loss"], 1e-6));
    }

    [Fact]
    public void Run_GradientCheckpointing_ChangesNothing()
    {
        var (plain, plainWeights) = Train(TinyTraining.Options with { NumberOfEpochs = 2 });
        var (recomputed, recomputedWeights) = Train(TinyTraining.Options with { NumberOfEpochs = 2, GradientCheckpointing = true });
        AssertSame(plain, recomputed, 1e-6);
        AssertClose(plainWeights, recomputedWeights, 1e-6);
    }

    public static TheoryData<PreferenceLossType, bool, bool> DividedLosses => new()
    {
        { PreferenceLossType.Sigmoid, false, false }, { PreferenceLossType.Ipo, false, true }, { PreferenceLossType.BcoPair, false, false },
        { PreferenceLossType.Aot, false, false }, { PreferenceLossType.Sigmoid, true, true },
    };

    [Theory, MemberData(nameof(DividedLosses))]
    public void Run_BatchLargerThanMemory_IsDividedAndGivesTheSameStep(PreferenceLossType loss, bool trl, bool weightPairs)
    {
        var options = TinyTraining.Options with
        {
            BatchSize = 4, NumberOfEpochs = 2, Loss = loss, WeightPairs = weightPairs, TrlCompatibility = trl ? new() : null,
            RpoAlpha = loss == PreferenceLossType.BcoPair ? null : 0.5,
            // With a large ε: RMSprop would turn the rounding of gradients near zero into whole steps.
            Optimizer = OptimizerType.AdamW, AdamEpsilon = 1e-3, LearningRate = 1e-2,
        };
        var (whole, wholeWeights) = Train(options with { MaxMemory = 1L << 30 });
        var (divided, dividedWeights) = Train(options with { MaxMemory = TrainingMemory.Fixed + TinyTraining.StandingBytes / 2 * 3 * 21 / 20 + 1 });
        Assert.All(whole.Steps, step => Assert.Equal((1.0, 0.0), (step.Metrics["passes"], step.Metrics["passes_recomputed"])));
        Assert.All(divided.Steps, step => Assert.Equal((4.0, 4.0), (step.Metrics["passes"], step.Metrics["passes_recomputed"])));
        AssertSame(whole, divided, 2e-5);
        AssertClose(wholeWeights, dividedWeights, 2e-5);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0.5)]
    public void Run_StepAfterStep_HoldsTheSameNumberOfTensors(double? rpoAlpha)
    {
        using var training = new TinyTraining(TinyTraining.Options with { RpoAlpha = rpoAlpha, NumberOfEpochs = 4 });
        training.Loop.Run(until: 1);
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        training.Loop.Run(until: 7);

        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Run_MemoryWithoutRoomForGradients_IsRefused()
    {
        var problem = Assert.Throws<ArgumentException>(() => TinyTraining.Run(TinyTraining.Options with { MaxMemory = TinyTraining.StandingBytes }));
        Assert.Contains("gradients and optimizer state take", problem.Message);
    }

    [Fact]
    public void Run_SameSeed_SameWeights_AnotherSeed_OtherOrder()
    {
        var options = TinyTraining.Options with { Shuffle = true, BatchSize = 2, NumberOfEpochs = 2 };
        Assert.Equal(Train(options).Weights, Train(options).Weights);
        Assert.NotEqual(Train(options).Weights, Train(options with { Seed = 43 }).Weights);
        Assert.NotEqual(Train(options).Weights, Train(options with { Shuffle = false }).Weights);
    }

    [Fact]
    public void Run_ExplicitReference_MeasuresRewardsAgainstIt()
    {
        using var other = TinyModels.Create(seed: 2);
        var first = TinyTraining.Run(TinyTraining.Options, reference: other).Steps.First().Metrics;
        Assert.NotEqual(0, first["rewards/margins"]);
        Assert.Equal(0, first["drift/delta_logps_chosen"]);
    }

    [Fact]
    public void Run_ReferenceSyncedEveryStepCompletely_NeverGivesARewardMovingMargin()
    {
        var options = TinyTraining.Options with { NumberOfEpochs = 3, ReferenceSync = new() { MixupAlpha = 1, Steps = 1 } };
        var history = TinyTraining.Run(options);
        Assert.All(history.Steps, step => Assert.Equal(0, step.Metrics["rewards/margins"], 1e-6));
        Assert.NotEqual(0, history.Steps.Last().Metrics["drift/delta_logps_chosen"]);
    }

    [Theory]
    [InlineData(4, 1)]
    [InlineData(1, 4)]
    public void Evaluate_AnyBatchSize_GivesTheSameMeans(int one, int other)
    {
        var options = TinyTraining.Options with { NumberOfEpochs = 2, LearningRate = 1e-2 };
        var a = TinyTraining.Run(options with { EvaluationBatchSize = one }, evaluationRows: 5);
        var b = TinyTraining.Run(options with { EvaluationBatchSize = other }, evaluationRows: 5);
        Assert.Equal(2, a.Evaluations.Count());
        Assert.NotEqual(0, a.Evaluations.Last().Metrics["eval_rewards/margins"]);
        AssertSame(a, b, 1e-5);
    }

    [Fact]
    public void Evaluate_EverySteps_HappensThenOnly()
    {
        var options = TinyTraining.Options with { BatchSize = 2, Evaluation = EvaluationStrategy.Steps, EvaluationSteps = 3, NumberOfEpochs = 2 };
        Assert.Equal([3, 6], TinyTraining.Run(options, evaluationRows: 2).Evaluations.Select(record => record.Step));
        Assert.Empty(TinyTraining.Run(options with { Evaluation = EvaluationStrategy.None, EvaluationSteps = null }, evaluationRows: 2).Evaluations);
    }

    [Fact]
    public void Evaluate_BcoPair_LeavesTrainingAsItWouldBeWithout()
    {
        var options = TinyTraining.Options with { Loss = PreferenceLossType.BcoPair, RpoAlpha = null, NumberOfEpochs = 3 };
        using var without = new TinyTraining(options);
        using var with = new TinyTraining(options, evaluationRows: 3);
        without.Loop.Run();
        with.Loop.Run();
        Assert.Equal(without.Weights(), with.Weights());
    }

    public static TheoryData<string> ResumableRuns => ["RmsProp", "AdamW", "BcoPair", "ReferenceSync", "Shuffled"];

    [Theory, MemberData(nameof(ResumableRuns))]
    public void Run_StoppedAndResumed_IsBitIdenticalToTheRunThatNeverStopped(string kind)
    {
        var options = TinyTraining.Options with { BatchSize = 2, NumberOfEpochs = 3 };
        options = kind switch
        {
            "AdamW" => options with { Optimizer = OptimizerType.AdamW, WeightDecay = 0.1 },
            "BcoPair" => options with { Loss = PreferenceLossType.BcoPair },
            "ReferenceSync" => options with { ReferenceSync = new() { Steps = 2 } },
            "Shuffled" => options with { Shuffle = true },
            _ => options,
        };
        using var uninterrupted = new TinyTraining(options, evaluationRows: 2);
        var whole = uninterrupted.Loop.Run();

        using var stopped = new TinyTraining(options, evaluationRows: 2);
        stopped.Loop.Run(until: 7); // inside the second epoch
        using var state = stopped.Loop.Save();
        using var resumed = new TinyTraining(options, evaluationRows: 2);
        resumed.SetWeights(stopped.Weights());
        resumed.Loop.Load(state);
        var rest = resumed.Loop.Run();

        Assert.Equal(uninterrupted.Weights(), resumed.Weights());
        AssertSame(new TrainingHistory([.. whole.Records.Where(record => record.Step > 7)]), rest, 0);
    }

    [Fact]
    public void Load_StateOfAnotherKindOfRun_SaysWhatIsMissing()
    {
        using var saved = new TinyTraining(TinyTraining.Options);
        saved.Loop.Run(until: 1);
        using var state = saved.Loop.Save();
        using var other = new TinyTraining(TinyTraining.Options with { ReferenceSync = new() });
        Assert.Contains("reference.weights", Assert.Throws<InvalidDataException>(() => other.Loop.Load(state)).Message);
    }

    [Fact]
    public void Run_Cancelled_LeavesTheWeightsOfTheLastFinishedStepAndNoGradient()
    {
        var options = TinyTraining.Options with { BatchSize = 1, GradientAccumulationSteps = 4, NumberOfEpochs = 2 };
        using var reference = new TinyTraining(options);
        reference.Loop.Run(until: 1);

        using var cancellation = new CancellationTokenSource();
        var scored = 0;
        using var training = new TinyTraining(options, batchScored: (_, _) =>
        {
            if (++scored == 6) cancellation.Cancel(); // in the middle of the second step
        });
        Assert.Throws<OperationCanceledException>(() => training.Loop.Run(cancellation.Token));
        Assert.Equal(1, training.Loop.Step);
        Assert.Equal(reference.Weights(), training.Weights());
        Assert.All(training.Policy.Decoder.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void Run_LossBecomesNaN_StopsNamingStepAndRowsWithTheWeightsOfTheStepBefore()
    {
        var options = TinyTraining.Options with { LearningRate = 1e37, MaximumGradientNorm = null, NumberOfEpochs = 4 };
        using var training = new TinyTraining(options);
        var error = Assert.Throws<TrainingDivergedException>(() => training.Loop.Run());
        Assert.Equal(error.Step - 1, training.Loop.Step);
        Assert.Contains($"Step {error.Step}", error.Message);
        Assert.Contains(error.RowIds[0], error.Message);
        Assert.Equal(4, error.RowIds.Count);
    }

    [Fact]
    public void Run_LossBecomesNaNInTrlsWay_IsLoggedAsZeroAndGoesOn()
    {
        var options = TinyTraining.Options with { LearningRate = 1e37, MaximumGradientNorm = null, NumberOfEpochs = 4, TrlCompatibility = new() };
        var history = TinyTraining.Run(options);
        Assert.Equal(8, history.Steps.Count());
        Assert.Equal(0, history.Steps.Last().Metrics["loss"]);
    }

    [Fact]
    public void Run_ManySteps_LeavesNoTensorBehind()
    {
        using var training = new TinyTraining(TinyTraining.Options with { NumberOfEpochs = 50, ReferenceSync = new() { Steps = 1 } }, evaluationRows: 2);
        training.Loop.Run(until: 2);
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        training.Loop.Run(until: 100);
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void History_AsDataFrame_HasARowForEachRecordAndNullWhereItHasNoMetric()
    {
        var frame = TinyTraining.Run(TinyTraining.Options, evaluationRows: 2).ToDataFrame();
        Assert.Equal(3, frame.Rows.Count); // two steps, one evaluation
        Assert.Equal([1, 2, 2], frame.Columns["step"].Cast<int?>().Select(step => step!.Value));
        Assert.Null(frame["eval_loss"][0]);
        Assert.NotNull(frame["eval_loss"][2]);
        Assert.Null(frame["loss"][2]);
    }

    [Fact]
    public void Run_Bfloat16_KeepsFloat32WeightsAndComesBackToFloat32()
    {
        using var training = new TinyTraining(TinyTraining.Options with { Bfloat16 = true });
        var history = training.Loop.Run();
        Assert.Equal(Math.Log(2) + 0.5 * history.Steps.First().Metrics["nll_loss"], history.Steps.First().Metrics["loss"], 1e-5);
        Assert.All(training.Policy.Decoder.parameters(), parameter => Assert.Equal(torch.ScalarType.Float32, parameter.dtype));
        training.Dispose();
        Assert.Equal(torch.ScalarType.Float32, training.Policy.Decoder.ComputeDtype);
    }

    [Fact]
    public void Create_Bfloat16Weights_AreRefused()
    {
        using var policy = CausalLM.Create(ModelConfiguration.Parse(TinyModels.Llama), null, 1, new() { Dtype = WeightType.BFloat16 });
        var error = Assert.Throws<ArgumentException>(() => new PreferenceTraining(policy, null, TinyTraining.Pairs(1), [], new()));
        Assert.Contains("WeightType.Float32", error.Message);
    }

    [Fact]
    public void Create_ReferenceOfAnotherVocabulary_IsRefused()
    {
        using var reference = TinyModels.Create(1, ("vocab_size", "40"));
        Assert.Contains("40 logits", Assert.Throws<ArgumentException>(() => TinyTraining.Run(TinyTraining.Options, reference: reference)).Message);
    }

    private static (TrainingHistory History, float[] Weights) Train(DpoTrainer.Options options)
    {
        using var training = new TinyTraining(options);
        var history = training.Loop.Run();
        return (history, training.Weights());
    }

    private static void AssertSame(TrainingHistory expected, TrainingHistory actual, double tolerance)
    {
        Assert.Equal(expected.Records.Count, actual.Records.Count);
        foreach (var (a, b) in expected.Records.Zip(actual.Records))
        {
            Assert.Equal(a.Metrics.Keys, b.Metrics.Keys);
            foreach (var key in a.Metrics.Keys.Where(key => !Cost.Contains(key.Replace("eval_", ""))))
                Assert.True(Math.Abs(a.Metrics[key] - b.Metrics[key]) <= tolerance * Math.Max(1, Math.Abs(a.Metrics[key])), $"step {a.Step}, {key}: {a.Metrics[key]:R} and {b.Metrics[key]:R}");
        }
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance) =>
        Assert.True(expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)) <= tolerance);
}
