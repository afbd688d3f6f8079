namespace Microsoft.ML.Drift.Preference;

/// <summary>Turns scored batches into what is logged, under TRL's keys and the dashboard of DRIFT's theory.</summary>
/// <param name="beta">β, the scale of rewards.</param>
/// <param name="hasNll">Whether the loss has an NLL term.</param>
internal sealed class PreferenceMetrics(double beta, bool hasNll)
{
    /// <summary>A pair still teaches while σ(−s) is at least this: a tenth of the largest possible weight of its gradient.</summary>
    public const double SigmaThreshold = 0.1;

    /// <summary>Means over all pairs, and over all tokens for logits and NLL, however they were batched.</summary>
    public IEnumerable<(string Name, double Value)> Exact(IReadOnlyList<ScoredBatch> batches)
    {
        var merged = new ScoredBatch(
            [.. batches.SelectMany(batch => batch.Pairs)], double.NaN, batches.Sum(batch => batch.NllSum), batches.Sum(batch => batch.NllCount),
            batches.Aggregate(new PositionSums(), (sum, batch) => sum + batch.Chosen), batches.Aggregate(new PositionSums(), (sum, batch) => sum + batch.Rejected), 0);
        return OfBatch(merged, merged.Pairs.Count);
    }

    /// <summary>TRL's way: plain means of the batches' means.</summary>
    /// <param name="batches">At least one.</param>
    /// <param name="pairsCounted">Per-pair metrics see only this many pairs of each batch; null: all.</param>
    public IEnumerable<(string Name, double Value)> AsTrl(IReadOnlyList<ScoredBatch> batches, int? pairsCounted) =>
        batches.SelectMany(batch => OfBatch(batch, pairsCounted ?? batch.Pairs.Count))
            .GroupBy(metric => metric.Name, metric => metric.Value)
            .Select(group => (group.Key, group.Average()));

    private IEnumerable<(string Name, double Value)> OfBatch(ScoredBatch batch, int pairsCounted)
    {
        var pairs = batch.Pairs.Take(pairsCounted).ToArray();
        yield return ("rewards/chosen", pairs.Average(RewardChosen));
        yield return ("rewards/rejected", pairs.Average(RewardRejected));
        yield return ("rewards/accuracies", pairs.Average(pair => RewardChosen(pair) > RewardRejected(pair) ? 1.0 : 0.0));
        yield return ("rewards/margins", pairs.Average(Margin));
        yield return ("logps/chosen", pairs.Average(pair => (double)pair.Policy.Chosen));
        yield return ("logps/rejected", pairs.Average(pair => (double)pair.Policy.Rejected));
        yield return ("logits/chosen", batch.Chosen.Logits / batch.Chosen.Count);
        yield return ("logits/rejected", batch.Rejected.Logits / batch.Rejected.Count);
        yield return ("entropy/chosen", batch.Chosen.Entropies / batch.Chosen.Count);
        yield return ("entropy/rejected", batch.Rejected.Entropies / batch.Rejected.Count);
        if (hasNll) yield return ("nll_loss", batch.Nll);
        yield return ("drift/sigma", pairs.Average(Sigma));
        yield return ("drift/share_above_tau", pairs.Average(pair => Sigma(pair) >= SigmaThreshold ? 1.0 : 0.0));
        yield return ("drift/delta_logps_chosen", pairs.Average(pair => (double)pair.Policy.Chosen - pair.Start.Chosen));
        yield return ("drift/delta_logps_rejected", pairs.Average(pair => (double)pair.Policy.Rejected - pair.Start.Rejected));
    }

    private double RewardChosen(ScoredPair pair) => beta * ((double)pair.Policy.Chosen - pair.Reference.Chosen);

    private double RewardRejected(ScoredPair pair) => beta * ((double)pair.Policy.Rejected - pair.Reference.Rejected);

    private double Margin(ScoredPair pair) => RewardChosen(pair) - RewardRejected(pair);

    /// <summary>σ(−s), the factor of the pair's gradient in DPO (arXiv 2305.18290, section 4).</summary>
    private double Sigma(ScoredPair pair) => 1 / (1 + Math.Exp(Margin(pair)));
}
