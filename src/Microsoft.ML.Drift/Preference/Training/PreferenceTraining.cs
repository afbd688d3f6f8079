using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// One stage of preference training on tokenized pairs: trains the policy it is given, in place. What <see cref="DpoTrainer"/> and the iterated
/// trainers run.
/// </summary>
internal sealed class PreferenceTraining : IDisposable
{
    private readonly PreferenceObjective _objective;
    private readonly ParameterOptimizer _optimizer;
    private readonly ComputePrecision _precision;

    /// <param name="policy">Trained in place; float32 weights. Its weights at this moment are the reference unless another is given.</param>
    /// <param name="reference">Another model as the reference, which stays as it is; null: the policy's start.</param>
    /// <param name="training">Training pairs, at least one.</param>
    /// <param name="evaluation">Held-out pairs; may be empty.</param>
    /// <param name="options">Checked options.</param>
    /// <exception cref="ArgumentException">The models cannot be trained with these options.</exception>
    public PreferenceTraining(
        CausalLM policy, CausalLM? reference, IReadOnlyList<PreferenceTokens> training, IReadOnlyList<PreferenceTokens> evaluation, DpoTrainer.Options options)
    {
        string[] problems = [.. Problems(policy, reference, options)];
        if (problems.Length > 0) throw new ArgumentException(string.Join(" ", problems));
        _precision = new ComputePrecision(options.Bfloat16, policy.Decoder, reference?.Decoder);
        _objective = new PreferenceObjective(
            policy.Decoder, reference?.Decoder, training, evaluation, options.ObjectiveSettings,
            new PassPlanner(policy.Decoder, PassPlanner.BudgetOf(policy.Decoder, options), options.GradientCheckpointing, options.ObjectiveSettings.PairsAreIndependent))
        {
            BatchScored = (batch, isEvaluation) => BatchScored?.Invoke(batch, isEvaluation),
        };
        _optimizer = options.CreateOptimizer(TrainedParameters.Of(policy.Decoder));
        Loop = new TrainingLoop(options.LoopSettings(training.Count), _objective, _optimizer)
        {
            Recorded = record => options.Progress?.Report(record),
            Advanced = progress => options.Activity?.Report(progress),
            GradientsReady = step => GradientsReady?.Invoke(step),
            Adapter = policy.Decoder.Adapter,
        };
    }

    /// <summary>Runs, saves and restores the stage.</summary>
    public TrainingLoop Loop { get; }

    /// <summary>Called with every scored micro-batch; the flag is true in evaluation.</summary>
    public Action<ScoredBatch, bool>? BatchScored { get; init; }

    /// <summary>Called with the step's number before its gradients are clipped and used.</summary>
    public Action<int>? GradientsReady { get; init; }

    public void Dispose()
    {
        _objective.Dispose();
        _optimizer.Dispose();
        _precision.Dispose();
    }

    /// <summary>Why these models cannot be trained with these options; nothing if they can.</summary>
    public static IEnumerable<string> Problems(CausalLM policy, CausalLM? reference, DpoTrainer.Options options)
    {
        foreach (var problem in ComputePrecision.Problems(policy)) yield return problem;
        if (reference is not null && reference.Configuration.VocabularySize != policy.Configuration.VocabularySize)
            yield return $"The reference has {reference.Configuration.VocabularySize} logits, the policy {policy.Configuration.VocabularySize}. " +
                "They must share a vocabulary; take a model of the same family.";
        if (reference == policy) yield return "The reference is the policy itself, which training moves. Leave it out: the policy's start is the default reference.";
        if (options.ReferenceSync is not null && policy.Decoder.Adapter is not null)
            yield return "ReferenceSync needs a reference with weights of its own, but the policy has an adapter, whose reference is the model without it.";
    }
}
