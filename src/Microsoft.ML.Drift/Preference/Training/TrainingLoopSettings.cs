namespace Microsoft.ML.Drift.Preference;

/// <summary>When a <see cref="TrainingLoop"/> evaluates.</summary>
public enum EvaluationStrategy
{
    /// <summary>Never. TRL's <c>no</c>.</summary>
    None,

    /// <summary>After each epoch, where there are evaluation rows. TRL's <c>epoch</c>.</summary>
    Epoch,

    /// <summary>After every so many steps, where there are evaluation rows. TRL's <c>steps</c>.</summary>
    Steps,
}

/// <summary>What a <see cref="TrainingLoop"/> does around its objective.</summary>
/// <param name="Plan">Which rows when.</param>
/// <param name="Schedule">The rate's factor at each step.</param>
/// <param name="LearningRate">The rate at factor 1.</param>
/// <param name="MaximumGradientNorm">Clip to this norm; null: never.</param>
/// <param name="Evaluation">When to evaluate.</param>
/// <param name="EvaluationSteps">Steps between evaluations, with <see cref="EvaluationStrategy.Steps"/>.</param>
/// <param name="Seed">Decides what dropout drops.</param>
/// <param name="NonFinite">What happens to a step whose loss or gradient is NaN or infinite.</param>
internal sealed record TrainingLoopSettings(
    TrainingPlan Plan, LearningRateSchedule Schedule, double LearningRate, double? MaximumGradientNorm,
    EvaluationStrategy Evaluation, int EvaluationSteps, int Seed, NonFiniteRule NonFinite);

/// <summary>What a <see cref="TrainingLoop"/> does with a step whose loss or gradient is NaN or infinite.</summary>
internal enum NonFiniteRule
{
    /// <summary>Throw.</summary>
    Stop,

    /// <summary>Leave the weights as they are, count, go on.</summary>
    SkipStep,

    /// <summary>Log 0 and use what there is, as TRL does.</summary>
    Ignore,
}
