using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Generation;
using TorchSharp;

namespace Microsoft.ML.Drift.Tests.Iteration;

/// <summary>Rows nobody expects: what docs/reliability.md says of them.</summary>
public sealed class OddInputTests : IDisposable
{
    private static readonly DpoTrainer.Options Training = new() { BatchSize = 2, LearningRate = 1e-3, WarmupRatio = 0, MaxLength = 64, MaxPromptLength = 32 };

    private readonly MLContext _ml = new(1);
    private readonly CausalLM _policy;

    public OddInputTests()
    {
        torch.set_num_threads(1);
        _policy = TinyPolicy.Create();
    }

    public void Dispose() => _policy.Dispose();

    [Fact]
    public void NoRows_AreRefusedBeforeAnyWork()
    {
        Assert.Contains("No row of the training data can be trained on", Assert.Throws<ArgumentException>(() => Train()).Message);
        Assert.Contains("There are 0 rows", Assert.Throws<ArgumentException>(() => Run()).Message);
        var (pairs, summary) = TinyPolicy.Sample(_policy, TinyPolicy.Options, []);
        Assert.Empty(pairs);
        Assert.Equal((0, 0L), (summary.Rows, summary.NewTokens));
    }

    [Fact]
    public void OneRow_IsEnough()
    {
        Assert.Single(Train(Pair()).Steps);
        Assert.Equal(1, Run(Complaint()).Stages[0].TrainingPairs);
    }

    [Fact]
    public void TwoRowsOfOneId_AreRefusedBySampling_AndNoMatterInTraining()
    {
        Assert.Contains("\"a\" occurs a second time", Assert.Throws<InvalidDataException>(() => Run(Complaint(), Complaint())).Message);
        Assert.Single(Train(Pair(), Pair()).Steps);
    }

    [Fact]
    public void EmptyAnswer_IsTrainedAsItsEndToken()
    {
        var step = Train(Pair(chosen: "")).Steps.Single().Metrics;

        Assert.True(double.IsFinite(step["loss"]));
        Assert.True(step["logps/chosen"] < 0);
    }

    [Fact]
    public void EqualAnswers_HaveMarginZeroAndLossLnTwo()
    {
        var steps = Train(Training with { NumberOfEpochs = 3, RpoAlpha = null }, Pair(chosen: "same", rejected: "same")).Steps.ToList();

        Assert.All(steps, step =>
        {
            Assert.Equal(0, step.Metrics["rewards/margins"], 5);
            Assert.Equal(Math.Log(2), step.Metrics["loss"], 6);
        });
    }

    [Fact]
    public void PromptAndAnswerOfTenMegabytes_AreCutAndCounted()
    {
        var huge = string.Concat(Enumerable.Repeat("all work and no play ", 10_000_000 / 21));
        var trainer = _ml.Drift().Trainers.Dpo(_policy, Training);
        trainer.Fit(View(Pair(prompt: huge, chosen: huge))).Model.Dispose();
        Assert.Equal(1, trainer.TrainingRows!.RowsKept);
        Assert.Contains("cut", trainer.TrainingRows.ToString());

        var (pairs, summary) = TinyPolicy.Sample(_policy, TinyPolicy.Options with { MaxPromptLength = 200 }, [Complaint(prompt: huge)]);
        Assert.Single(pairs);
        Assert.True(summary.PromptTokensCut > 1_000_000);
    }

    [Fact]
    public void PromptThatCannotBeCut_IsDroppedAndCounted()
    {
        var (pairs, summary) = TinyPolicy.Sample(_policy, TinyPolicy.Options with { MaxPromptLength = 5 }, [Complaint()]);

        Assert.Empty(pairs);
        Assert.Equal(1, summary.Dropped[DropReason.PromptTooLong]);
    }

    [Fact]
    public void NulCharacters_AreTextLikeAnyOther()
    {
        Assert.Single(Train(Pair(prompt: "a\0b", chosen: "\0", rejected: "c\0")).Steps);
        var run = Run(Complaint(prompt: "what\0", feedback: "no\0"));
        Assert.Equal(1, run.Stages[0].TrainingPairs);
    }

    [Theory]
    [InlineData("\ud800")]
    [InlineData("a\udc00b")]
    public void HalfASurrogatePairInMemory_BecomesAReplacementCharacter(string text)
    {
        var replaced = text.Replace('\ud800', '\ufffd').Replace('\udc00', '\ufffd');

        Assert.Equal(Train(Pair(chosen: replaced)).Steps.Single().Metrics["logps/chosen"], Train(Pair(chosen: text)).Steps.Single().Metrics["logps/chosen"]);
        var odd = TinyPolicy.Sample(_policy, TinyPolicy.Options, [Complaint(prompt: text, feedback: text)]).Pairs;
        var plain = TinyPolicy.Sample(_policy, TinyPolicy.Options, [Complaint(prompt: replaced, feedback: replaced)]).Pairs;
        Assert.Equal(plain.Single().Chosen, odd.Single().Chosen);
    }

    [Fact]
    public void HalfASurrogatePairInAFile_IsNamedWithItsPlace()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, """{"prompt":"a","chosen":"b","rejected":"\ud800"}""");
        try
        {
            var message = Assert.Throws<InvalidDataException>(() => _ml.Drift().Trainers.Dpo(_policy, Training).Fit(_ml.Data.LoadFromChatJsonLines(file))).Message;
            Assert.Contains($"{file}, line 1", message);
            Assert.Contains("surrogate", message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void LogitsThatAreNoNumbers_StopSamplingAndNameRowAndToken(float value)
    {
        using (torch.no_grad()) _policy.Decoder.Tensors["lm_head.weight"].Parameter.fill_(value);

        var message = Assert.Throws<InvalidOperationException>(() => TinyPolicy.Sample(_policy, TinyPolicy.Options, [Complaint()])).Message;

        Assert.Contains("logits for token 1 of row \"a\" are not numbers", message);
    }

    private TrainingHistory Train(params Row[] rows) => Train(Training, rows);

    private TrainingHistory Train(DpoTrainer.Options options, params Row[] rows)
    {
        var trainer = _ml.Drift().Trainers.Dpo(_policy, options);
        trainer.Fit(View(rows)).Model.Dispose();
        return trainer.History!;
    }

    private DriftRun Run(params TinyPolicy.Complaint[] rows)
    {
        var folder = Directory.CreateTempSubdirectory("drift-odd-").FullName;
        try
        {
            var options = new DriftIterationEstimator.Options { NumberOfIterations = 1, NumberOfHeldOutRows = 0, Sampling = TinyPolicy.Options, Training = Training, RunFolder = Path.Combine(folder, "run") };
            var run = _ml.Drift().Trainers.Drift(_policy, options).Run(TinyPolicy.View(rows));
            run.Transformer.Model.Dispose();
            return run;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private IDataView View(params Row[] rows) => _ml.Data.LoadFromEnumerable(rows.ToList());

    private static Row Pair(string prompt = "question", string chosen = "good", string rejected = "bad") => new("a", prompt, chosen, rejected);

    private static TinyPolicy.Complaint Complaint(string prompt = "question", string feedback = "no, not this") =>
        new() { RowId = "a", Prompt = [new(ChatRole.User, prompt)], Rejected = "bad", Feedback = feedback };

    private sealed record Row(string RowId, string Prompt, string Chosen, string Rejected);
}
