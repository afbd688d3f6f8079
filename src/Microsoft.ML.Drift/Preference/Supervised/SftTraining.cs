using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

/// <summary>One stage of supervised fine-tuning on tokenized rows: trains the policy it is given, in place.</summary>
internal sealed class SftTraining : IDisposable
{
    private readonly SftObjective _objective;
    private readonly ParameterOptimizer _optimizer;
    private readonly ComputePrecision _precision;

    /// <param name="policy">Trained in place; float32 weights.</param>
    /// <param name="training">Training rows, at least one.</param>
    /// <param name="evaluation">Held-out rows; may be empty.</param>
    /// <param name="options">Checked options.</param>
    /// <exception cref="ArgumentException">The model cannot be trained.</exception>
    public SftTraining(CausalLM policy, IReadOnlyList<SftTokens> training, IReadOnlyList<SftTokens> evaluation, SftTrainer.Options options)
    {
        string[] problems = [.. ComputePrecision.Problems(policy)];
        if (problems.Length > 0) throw new ArgumentException(string.Join(" ", problems));
        _precision = new ComputePrecision(options.Bfloat16, policy.Decoder);
        _objective = new SftObjective(policy.Decoder, training, evaluation, options) { BatchScored = (rows, loss) => BatchScored?.Invoke(rows, loss) };
        _optimizer = options.CreateOptimizer(TrainedParameters.Of(policy.Decoder));
        Loop = new TrainingLoop(options.LoopSettings(training.Count), _objective, _optimizer)
        {
            Recorded = record => options.Progress?.Report(record),
            Advanced = progress => options.Activity?.Report(progress),
            Adapter = policy.Decoder.Adapter,
        };
    }

    /// <summary>Runs, saves and restores the stage.</summary>
    public TrainingLoop Loop { get; }

    /// <inheritdoc cref="SftObjective.BatchScored"/>
    public Action<int[], double>? BatchScored { get; init; }

    public void Dispose()
    {
        _objective.Dispose();
        _optimizer.Dispose();
        _precision.Dispose();
    }
}
