namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>How much a finding should worry.</summary>
internal enum FindingKind
{
    Good,
    Note,
    Warning,
}

/// <summary>Something about a run that its reader should not have to discover alone.</summary>
internal sealed record Finding(FindingKind Kind, string Text)
{
    private const int FewPairs = 30;
    private const double ManyDropped = 0.3;
    private const double SameOpening = 0.2;

    public static IReadOnlyList<Finding> Of(ReportModel model)
    {
        var findings = new List<Finding>();
        findings.AddRange(model.Notices.Select(notice => new Finding(FindingKind.Warning, notice)));
        if (model.IsRun)
        {
            findings.AddRange(HeldOut(model));
            findings.AddRange(Sampling(model));
        }
        findings.AddRange(Training(model));
        return [.. findings.OrderByDescending(finding => finding.Kind)];
    }

    private static IEnumerable<Finding> HeldOut(ReportModel model)
    {
        if (model.Selected is not { } stage) yield break;
        if (HeldOutFigures.Of(stage) is not { } figures)
        {
            yield return new(FindingKind.Warning, "No pairs were held out, so that nothing here says whether the model became better.");
            yield break;
        }
        if (figures.Margin is { Low: > 0 }) yield return new(FindingKind.Good, $"{Words.Stage(stage.Name)} prefers the better answers more than the starting model does: the interval of the held-out margin lies above 0.");
        if (figures.Margin is { High: < 0 }) yield return new(FindingKind.Warning, $"{Words.Stage(stage.Name)} prefers the better answers less than the starting model does: the interval of the held-out margin lies below 0.");
        if (figures.Margin is { Low: <= 0, High: >= 0 }) yield return new(FindingKind.Note, "The interval of the held-out margin holds 0: these pairs do not show a difference from the starting model.");
        if (figures.DeltaChosen.Value < 0 && figures.Margin.Value > 0)
            yield return new(FindingKind.Warning, $"The better answers became less likely (Δ log-prob {Words.Change(figures.DeltaChosen.Value)} nats) while the margin grew: the sign of over-optimization. A smaller learning rate, fewer steps or rpo_alpha help.");
        if (figures.Pairs is > 0 and < FewPairs) yield return new(FindingKind.Note, $"Only {Words.Plural(figures.Pairs, "pair")} {(figures.Pairs == 1 ? "is" : "are")} held out; intervals of so few are wide, and an illustration rather than a measurement.");
        var finished = model.Stages.Where(one => one.IsFinished).ToList();
        for (var i = 1; i < finished.Count; i++)
            if (HeldOutFigures.Change(finished[i - 1], finished[i]) is { High: < 0 } change)
                yield return new(FindingKind.Warning, $"{Words.Stage(finished[i].Name)} lost against {Words.Stage(finished[i - 1].Name).ToLowerInvariant()} on the same held-out pairs: margin {Words.Change(change.Value)} ({change.Range(Words.Change)}).");
    }

    private static IEnumerable<Finding> Sampling(ReportModel model)
    {
        foreach (var (stage, index) in model.Stages.Select((stage, index) => (stage, index)))
        {
            var samples = model.Samples.Where(sample => sample.Stage == index && !sample.IsHeldOut && sample.Samples > 0).ToList();
            if (samples.Count == 0) continue;
            var dropped = samples.Where(sample => sample.Dropped is not null).ToList();
            if (dropped.Count > ManyDropped * samples.Count)
            {
                var reason = dropped.GroupBy(sample => sample.Dropped!).MaxBy(group => group.Count())!;
                yield return new(FindingKind.Warning, $"{Words.Stage(stage.Name)}: {Words.Percent((double)dropped.Count / samples.Count)} of the sampled rows gave no pair, most of them because of “{Words.Verdict(reason.Key)}” ({Words.Count(reason.Count())}).{(reason.Key == "Unfinished" ? " A larger max_new_tokens keeps them." : "")}");
            }
            if (samples.Count(sample => sample.TokensCut > 0) is > 0 and var cut) yield return new(FindingKind.Note, $"{Words.Stage(stage.Name)}: {Words.Plural(cut, "prompt was", "prompts were")} cut before sampling.");
            if (samples.Count(sample => sample.Hazards.Count > 0) is > 0 and var hazards) yield return new(FindingKind.Warning, $"{Words.Stage(stage.Name)}: {Words.Plural(hazards, "row")} ran into hazards of paper mode.");
            if (SharedOpening(samples) is { } opening)
                yield return new(FindingKind.Warning, $"{Words.Stage(stage.Name)}: {Words.Count(opening.Count)} of {Words.Plural(opening.Of, "chosen answer")} begin with the same words, “{opening.Text} …”. Look at them: this is what the training teaches.");
        }
    }

    /// <summary>The commonest first words, where they open a good part of the chosen answers.</summary>
    private static (string Text, int Count, int Of)? SharedOpening(List<ReportSample> samples)
    {
        const int words = 5;
        var chosen = samples.Select(sample => sample.Chosen).OfType<string>().ToList();
        var openings = chosen.Select(text => text.Length > 400 ? text[..400] : text).Select(text => text.Split((char[]?)null, words + 1, StringSplitOptions.RemoveEmptyEntries))
            .Where(parts => parts.Length >= words).Select(parts => string.Join(' ', parts.Take(words)).ToLowerInvariant()).ToList();
        var commonest = openings.GroupBy(text => text).MaxBy(group => group.Count());
        return commonest is not null && commonest.Count() >= Math.Max(3, SameOpening * chosen.Count) ? (commonest.Key, commonest.Count(), chosen.Count) : null;
    }

    private static IEnumerable<Finding> Training(ReportModel model)
    {
        foreach (var stage in model.Stages)
        {
            var broken = stage.Records.Where(record => record.Metrics.Values.Any(value => !double.IsFinite(value))).ToList();
            if (broken.Count > 0) yield return new(FindingKind.Warning, $"{Words.Stage(stage.Name)}: {Words.Plural(broken.Count, "line")} of metrics, the first at step {Words.Count(broken[0].Step)}, hold numbers that are not finite.");
            foreach (var (name, rows, tokens) in stage.Cuts.Where(cut => cut.Rows > 0))
                yield return new(FindingKind.Note, $"{Words.Stage(stage.Name)}: {Words.Count(rows)} {name}{(tokens is { } count ? $" ({Words.Plural(count, "token")})" : "")}.");
        }
    }
}
