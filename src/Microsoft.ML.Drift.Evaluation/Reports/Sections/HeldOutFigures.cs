namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>A stage's held-out figures with their intervals; from <c>stage.json</c> alone, without intervals, where single pairs are not known.</summary>
internal sealed record HeldOutFigures(int Pairs, Interval Margin, Interval Accuracy, Interval DeltaChosen, Interval DeltaRejected)
{
    public static HeldOutFigures? Of(ReportStage stage)
    {
        var pairs = stage.HeldOutScores.Values;
        if (pairs.Any())
            return new(
                stage.HeldOutScores.Count, Mean(pair => pair.Margin), Interval.OfShare(pairs.Count(pair => pair.Margin > 0), stage.HeldOutScores.Count),
                Mean(pair => pair.DeltaChosen), Mean(pair => pair.DeltaRejected));
        return stage.HeldOutMargin is null ? null : new(0, Bare(stage.HeldOutMargin), Bare(stage.HeldOutAccuracy), Bare(stage.HeldOutDeltaChosen), Bare(stage.HeldOutDeltaRejected));

        Interval Mean(Func<PairFigures, double> figure) => Interval.OfMean([.. pairs.Select(figure)]);
        static Interval Bare(double? value) => new(value ?? double.NaN, null, null, 0);
    }

    /// <summary>By how much the margins of the same pairs changed from one stage to the next; null where no pair was measured in both.</summary>
    public static Interval? Change(ReportStage before, ReportStage after)
    {
        var changes = after.HeldOutScores.Where(pair => before.HeldOutScores.ContainsKey(pair.Key)).Select(pair => pair.Value.Margin - before.HeldOutScores[pair.Key].Margin).ToList();
        return changes.Count == 0 ? null : Interval.OfMean(changes);
    }
}
