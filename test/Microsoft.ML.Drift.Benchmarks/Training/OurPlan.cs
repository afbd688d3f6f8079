using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>A DPO step as <see cref="DpoTrainer"/> takes it: the reference's log-probs come from one pass over all pairs before the first step.</summary>
internal sealed class OurPlan : ITrainingPlan
{
    private readonly CausalLM _trained;
    private readonly PreferenceTraining _training;
    private readonly PassPlanner _planner;
    private readonly PreferenceTokens[][] _batches;

    /// <param name="model">Weights at the start.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="batch">Pairs of a step.</param>
    /// <param name="checkpoint">Whether layers are computed again.</param>
    /// <param name="maxMemory">Bytes beside the weights; null: the default.</param>
    /// <param name="gradientsReady">Called before a step's gradients are clipped and used.</param>
    public OurPlan(CausalLM model, IReadOnlyList<PreferenceTokens> pairs, int batch, bool checkpoint, long? maxMemory = null, Action<int>? gradientsReady = null)
    {
        var options = Options(batch) with { GradientCheckpointing = checkpoint, MaxMemory = maxMemory };
        _trained = model.Clone();
        _training = new PreferenceTraining(_trained, null, pairs, [], options) { GradientsReady = gradientsReady };
        _planner = new PassPlanner(_trained.Decoder, PassPlanner.BudgetOf(_trained.Decoder, options), checkpoint);
        _batches = [.. pairs.Chunk(batch)];
    }

    /// <summary>The weights that are trained.</summary>
    public CausalLM Trained => _trained;

    /// <summary>Bytes beside the weights that the planner expects the largest pass to take.</summary>
    public long EstimatedBytes
    {
        get
        {
            using var scope = NewDisposeScope();
            return PassPlanner.StandingBytes(_trained.Decoder, Options(1)) + _batches.Max(pairs =>
            {
                var rows = PairBatch.Create(pairs, new(), CPU).RowSizes;
                return _planner.Plan(rows).Max(pass => _planner.Bytes(
                    rows.Skip(pass.First).Take(pass.Count).Sum(row => (long)row.Tokens), rows.Skip(pass.First).Take(pass.Count).Sum(row => (long)row.Scored), pass.Checkpoint));
            });
        }
    }

    /// <summary>What TRL's plan does, with its optimizer and rate.</summary>
    public static DpoTrainer.Options Options(int batch) =>
        new() { BatchSize = batch, MaximumSteps = int.MaxValue / 2, RpoAlpha = null, Shuffle = false, Schedule = LearningRateScheduleType.Constant };

    public StepOutcome Step()
    {
        var metrics = _training.Loop.Run(until: _training.Loop.Step + 1).Records[^1].Metrics;
        return new(metrics["loss"], metrics["grad_norm"]);
    }

    public float[] Score()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var batch = PairBatch.Create(_batches[0], new(), CPU);
        var scores = new TokenScorer(_trained.Decoder, _planner).Score(batch, new());
        return batch.SumPerAnswer(scores.LogProbs, batch.ReferenceWeights).data<float>().ToArray();
    }

    /// <summary>The pass over all pairs that comes before the first step.</summary>
    public void ComputeReference() => _training.Loop.Run(until: 0);

    public void Dispose()
    {
        _training.Dispose();
        _trained.Dispose();
    }
}
