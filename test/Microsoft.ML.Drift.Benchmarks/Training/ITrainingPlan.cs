using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>A way to train on pairs, batch after batch in their order and again from the first.</summary>
internal interface ITrainingPlan : IDisposable
{
    /// <summary>One optimizer step on the next batch.</summary>
    StepOutcome Step();

    /// <summary>The reference model's log-prob of each answer of the first batch, chosen ones first.</summary>
    float[] Score();
}

/// <summary>By which two plans that compute the same can be told from others.</summary>
internal readonly record struct StepOutcome(double Loss, double GradientNorm);

internal enum PlanKind
{
    Trl,
    TrlCheckpointed,
    Ours,
    OursCheckpointed,
}

internal static class TrainingPlans
{
    public static string Name(this PlanKind kind) => kind switch
    {
        PlanKind.Trl => "TRL's plan",
        PlanKind.TrlCheckpointed => "TRL's plan, checkpointed",
        PlanKind.Ours => "ours",
        _ => "ours, checkpointed",
    };

    /// <summary>Whether it is ours.</summary>
    public static bool IsOurs(this PlanKind kind) => kind is PlanKind.Ours or PlanKind.OursCheckpointed;

    /// <summary>A plan for training a copy of the model.</summary>
    /// <param name="kind">Whose.</param>
    /// <param name="model">Weights at the start, and of the reference.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="batch">Pairs of a step.</param>
    /// <param name="maxMemory">Bytes beside the weights; ours only.</param>
    public static ITrainingPlan Create(PlanKind kind, CausalLM model, IReadOnlyList<PreferenceTokens> pairs, int batch, long? maxMemory = null) => kind.IsOurs()
        ? new OurPlan(model, pairs, batch, kind == PlanKind.OursCheckpointed, maxMemory)
        : new TrlPlan(model, pairs, batch, kind == PlanKind.TrlCheckpointed);

    /// <summary>Refuses a comparison of plans that take different steps.</summary>
    /// <exception cref="InvalidOperationException">Loss or gradient norm of a step differ by more than rounding explains.</exception>
    public static void MustAgree(IEnumerable<StepOutcome> one, IEnumerable<StepOutcome> other)
    {
        MustAgree(one.Select(step => (float)step.Loss), other.Select(step => (float)step.Loss));
        MustAgree(one.Select(step => (float)step.GradientNorm), other.Select(step => (float)step.GradientNorm));
    }

    /// <inheritdoc cref="MustAgree(IEnumerable{StepOutcome}, IEnumerable{StepOutcome})"/>
    public static void MustAgree(IEnumerable<float> one, IEnumerable<float> other)
    {
        foreach (var (a, b) in one.Zip(other))
            if (!(Math.Abs(a - b) <= 1e-3 * Math.Abs(a))) throw new InvalidOperationException($"The plans do not compute the same: {a} and {b}.");
    }
}
