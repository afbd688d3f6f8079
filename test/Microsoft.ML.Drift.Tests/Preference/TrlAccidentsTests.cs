using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Preference;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>Where TRL 0.19.1 is wrong: what it does, and what this library does by default.</summary>
public sealed class TrlAccidentsTests : IDisposable
{
    private static readonly TrlCompatibility Trl = new();
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void NllMask_TokenZero_CountsUnlessTrl()
    {
        // Answers 5 0 6 and 7: four answer tokens, three of them chosen.
        var pair = Pair([9, 5, 0, 6], 1, [9, 7], 1);
        Assert.Equal([1f, 1, 1, 0], Numbers(Batch(pair, new()).NllMask));
        Assert.Equal([1f, 0, 1, 0], Numbers(Batch(pair, new(Trl: Trl)).NllMask));
        Assert.Equal([1f, 0, 1, 1], Numbers(Batch(pair, new(Trl: Trl with { PaddingFree = true })).NllMask));
    }

    [Fact]
    public void LengthDesensitization_PaperWeighsTheLongAnswersTail_TrlCountsFromThePromptsStart()
    {
        // Prompt of two ids; answers of four and two tokens, at positions 2–5 and 2–3.
        var pair = Pair([9, 9, 1, 2, 3, 4], 2, [9, 9, 5, 6], 2);
        var ours = Batch(pair, new(LengthDesensitizationAlpha: 0.25));
        Assert.Equal([1f, 1, 0.25f, 0.25f, 1, 1], Numbers(ours.PolicyWeights));
        Assert.Equal(Numbers(ours.PolicyWeights), Numbers(ours.ReferenceWeights));

        // TRL compares positions 2–5 with the lengths 2 and 4: 2 and 3 are "rear", 4 and 5 are dropped; the short answer is lost.
        var trl = Batch(pair, new(LengthDesensitizationAlpha: 0.25, Trl: Trl));
        Assert.Equal([0.25f, 0.25f, 0, 0, 0, 0], Numbers(trl.PolicyWeights));
        Assert.Equal([1f, 1, 1, 1, 1, 1], Numbers(trl.ReferenceWeights));

        // With use_logits_to_keep it counts from the last prompt token: positions 1–4.
        var kept = Batch(pair, new(LengthDesensitizationAlpha: 0.25, Trl: Trl with { LogitsToKeep = true }));
        Assert.Equal([1f, 0.25f, 0.25f, 0, 1, 0], Numbers(kept.PolicyWeights));
    }

    [Fact]
    public void LengthDesensitization_PolicyAtItsReference_HasMarginZero_UnlessTrl()
    {
        var options = TinyTraining.Options with { LengthDesensitizationAlpha = 0.5 };
        Assert.Equal(0, TinyTraining.Run(options).Steps.First().Metrics["rewards/margins"]);
        Assert.NotEqual(0, TinyTraining.Run(options with { TrlCompatibility = Trl }).Steps.First().Metrics["rewards/margins"], 1e-3);
    }

    [Fact]
    public void WpoWeights_TrlLeavesOutEachAnswersLastToken()
    {
        var pair = Pair([9, 1, 2], 1, [9, 5], 1);
        var (logProb, normalizer) = Batch(pair, new()).WpoWeights;
        Assert.Equal([0.5f, 0.5f, 1], Numbers(logProb));
        Assert.Equal([0.5f, 0.5f, 1], Numbers(normalizer));
        Assert.Equal([0.5f, 0, 0], Numbers(Batch(pair, new(Trl: Trl)).WpoWeights.LogProb));
    }

    [Fact]
    public void Ipo_AnswerWithoutPrompt_IsAveragedOverThePredictedTokens_UnlessTrl()
    {
        // Nothing predicts the first id of a sequence: three answer tokens, two log-probs.
        var pair = Pair([1, 2, 3], 0, [9, 5], 1);
        Assert.Equal([1 / 2f, 1 / 2f, 1], Numbers(Batch(pair, new(AveragePerToken: true)).PolicyWeights));
        var trl = Batch(pair, new(AveragePerToken: true, Trl: Trl));
        Assert.Equal([1 / 3f, 1 / 3f, 1], Numbers(trl.PolicyWeights));
        Assert.Equal([0L, 1, 3, 2], trl.Positions.data<long>().ToArray()); // and the last position enters TRL's mean logits
        var flattened = Batch(pair, new(AveragePerToken: true, Trl: Trl with { PaddingFree = true }));
        Assert.Equal([1 / 4f, 1 / 4f, 1 / 4f], Numbers(flattened.PolicyWeights));
    }

    [Fact]
    public void RaggedWindow_TrlDividesByTheConfiguredCount_SoTheLossIsTooSmall()
    {
        // Six rows, four to a step: the second step has two micro-batches of one row.
        var options = TinyTraining.Options with { BatchSize = 1, GradientAccumulationSteps = 4, RpoAlpha = null, LearningRate = 0 };
        var ours = TinyTraining.Run(options, rows: 6).Steps.ToArray();
        var trl = TinyTraining.Run(options with { TrlCompatibility = Trl }, rows: 6).Steps.ToArray();
        Assert.Equal(Math.Log(2), ours[1].Metrics["loss"], 1e-6);
        Assert.Equal(Math.Log(2) / 2, trl[1].Metrics["loss"], 1e-6);
        Assert.Equal(ours[1].Metrics["grad_norm"] / 2, trl[1].Metrics["grad_norm"], 1e-5);
    }

    [Fact]
    public void LastWindow_TrlCutsPerPairMetricsToTheLastMicroBatch()
    {
        // Three rows in micro-batches of two and one: TRL's mean log-prob is that of rows 0 and 2, ours that of all.
        var options = TinyTraining.Options with { BatchSize = 2, GradientAccumulationSteps = 2, LearningRate = 0 };
        ScoredPair[] pairs = [];
        using var training = new TinyTraining(options, rows: 3, batchScored: (batch, _) => pairs = [.. pairs, .. batch.Pairs]);
        var ours = training.Loop.Run().Steps.Single().Metrics["logps/chosen"];
        var trl = TinyTraining.Run(options with { TrlCompatibility = Trl }, rows: 3).Steps.Single().Metrics["logps/chosen"];
        Assert.Equal(pairs.Average(pair => pair.Policy.Chosen), ours, 1e-5);
        Assert.Equal((pairs[0].Policy.Chosen + pairs[2].Policy.Chosen) / 2, trl, 1e-5);
        Assert.NotEqual(ours, trl, 1e-2);
    }

    [Fact]
    public void PrecomputedReference_TrlTakesTheEvaluationRowsFromTheWeightsAtTheFirstEvaluation()
    {
        var options = TinyTraining.Options with { NumberOfEpochs = 2, LearningRate = 1e-2 };
        var ours = TinyTraining.Run(options, evaluationRows: 3).Evaluations.First().Metrics["eval_rewards/margins"];
        var trl = TinyTraining.Run(options with { TrlCompatibility = Trl with { PrecomputedReference = true } }, evaluationRows: 3)
            .Evaluations.Select(record => record.Metrics["eval_rewards/margins"]).ToArray();
        Assert.NotEqual(0, ours, 1e-3);
        Assert.Equal(0, trl[0]);
        Assert.NotEqual(0, trl[1], 1e-3);
    }

    [Fact]
    public void Wpo_TrlWeighsTheNllTermToo()
    {
        var options = TinyTraining.Options with { WeightPairs = true, LearningRate = 0, BatchSize = 8 };
        ScoredPair[] pairs = [];
        using var training = new TinyTraining(options, batchScored: (batch, _) => pairs = [.. batch.Pairs]);
        var ours = training.Loop.Run().Steps.Single().Metrics;
        Assert.Contains(pairs, pair => pair.Weight < 1);
        Assert.Equal(Math.Log(2) * pairs.Average(pair => pair.Weight) + 0.5 * ours["nll_loss"], ours["loss"], 1e-5);

        using var trl = new TinyTraining(options with { TrlCompatibility = Trl }, batchScored: (batch, _) => pairs = [.. batch.Pairs]);
        var theirs = trl.Loop.Run().Steps.Single().Metrics;
        Assert.Equal((Math.Log(2) + 0.5 * theirs["nll_loss"]) * pairs.Average(pair => pair.Weight), theirs["loss"], 1e-5);
    }

    private static PreferenceTokens Pair(int[] chosen, int chosenStart, int[] rejected, int rejectedStart) =>
        TestPairs.Pair("pair", new TokenSequence(chosen, chosenStart), new TokenSequence(rejected, rejectedStart));

    private static PairBatch Batch(PreferenceTokens pair, PairBatchRules rules) => PairBatch.Create([pair], rules, CPU);

    private static float[] Numbers(Tensor tensor) => tensor.data<float>().ToArray();
}
