namespace Microsoft.ML.Drift.Preference;

/// <summary>What a <see cref="PreferenceObjective"/> minimises.</summary>
/// <param name="Loss">The preference loss.</param>
/// <param name="RpoAlpha">α of the NLL term on chosen answers; null: no such term.</param>
/// <param name="LengthDesensitizationAlpha">LD-DPO's α; null: off.</param>
/// <param name="WeightPairs">WPO's weights.</param>
/// <param name="ReferenceSync">TR-DPO's moving reference; null: it stays.</param>
/// <param name="AccumulationSteps">Micro-batches of a full step; only TRL's mean divides by it.</param>
/// <param name="EvaluationBatchSize">Pairs of an evaluation batch.</param>
/// <param name="Trl">Reproduce TRL's accidents.</param>
/// <param name="MemoryIsFixed">Whether the options say how much memory there is.</param>
internal sealed record PreferenceObjectiveSettings(
    PreferenceLossSettings Loss, double? RpoAlpha, double? LengthDesensitizationAlpha, bool WeightPairs, ReferenceSync? ReferenceSync,
    int AccumulationSteps, int EvaluationBatchSize, TrlCompatibility? Trl, bool MemoryIsFixed = false)
{
    /// <summary>Whether a micro-batch's loss is a sum over its pairs. Not where pairs are ranked or compared with a running mean, nor with TRL's means of micro-batches.</summary>
    public bool PairsAreIndependent => Trl is null && Loss.Type is not (PreferenceLossType.BcoPair or PreferenceLossType.Aot or PreferenceLossType.AotPair);

    public PairBatchRules BatchRules => new(Loss.Type == PreferenceLossType.Ipo, LengthDesensitizationAlpha, Trl);
}
