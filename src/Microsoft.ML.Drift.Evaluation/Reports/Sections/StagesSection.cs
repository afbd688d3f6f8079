namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Iterations side by side.</summary>
internal static class StagesSection
{
    public static void Write(HtmlBuilder html, ReportModel model)
    {
        if (!model.IsRun || model.Stages.Count == 0) return;
        html.Add($"<section id=\"stages\" aria-labelledby=\"stages-h\"><h2 id=\"stages-h\">Iterations</h2><p>Held-out pairs are sampled once, in the first iteration, and every stage is measured on the same pairs, against the model the run started from. Intervals are 95 %: bootstrap over pairs for means (none for fewer than eight, the normal one from a thousand on), Wilson’s for shares.</p>");
        var measured = model.Stages.Select(stage => (stage.Name, Figures: HeldOutFigures.Of(stage))).Where(stage => stage.Figures is not null).ToList();
        if (measured.Count > 0)
        {
            html.Add($"<div class=\"charts\">");
            new IntervalChart("Held-out margin", "Mean of β times the change of the log-prob gap; 0 is the starting model.", [.. measured.Select(stage => (Words.Stage(stage.Name), stage.Figures!.Margin))], Words.Change, Words.Tick, 0).Write(html, "chart-held-margin");
            new IntervalChart("Held-out accuracy", "Share of pairs whose margin is above 0.", [.. measured.Select(stage => (Words.Stage(stage.Name), stage.Figures!.Accuracy))], Share, Share, 0.5).Write(html, "chart-held-accuracy");
            html.Add($"</div>");
        }
        WriteTable(html, model);
        html.Add($"</section>");
    }

    private static void WriteTable(HtmlBuilder html, ReportModel model)
    {
        html.Add($"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Stages compared\"><table><caption>Stages compared</caption><thead><tr><th scope=\"col\">figure</th>");
        foreach (var stage in model.Stages) html.Add($"<th scope=\"col\" class=\"n\">{Words.Stage(stage.Name)}{(stage.IsFinished ? "" : " (not finished)")}{(stage == model.Selected && model.Stages.Count > 1 ? " · selected" : "")}</th>");
        html.Add($"</tr></thead><tbody>");
        var held = model.Stages.Select(HeldOutFigures.Of).ToList();
        Figure("held-out margin", i => held[i]?.Margin, Words.Change);
        Row("change of the margin from the stage before", i => i > 0 && HeldOutFigures.Change(model.Stages[i - 1], model.Stages[i]) is { } change ? (Words.Change(change.Value), change.Range(Words.Change)) : null);
        Figure("held-out accuracy", i => held[i]?.Accuracy, Share);
        Figure("Δ log-prob of better answers, nats", i => held[i]?.DeltaChosen, Words.Change);
        Figure("Δ log-prob of rejected answers, nats", i => held[i]?.DeltaRejected, Words.Change);
        Row("held-out pairs", i => held[i] is { Pairs: > 0 } figures ? (Words.Count(figures.Pairs), "") : null);
        Row("pairs trained on", i => model.Stages[i].TrainingPairs is { } pairs ? (Words.Count(pairs), "") : null);
        Row("optimizer steps", i => (Words.Count(model.Stages[i].Steps.Count()), ""));
        Row("loss, first step → last step", i => Ends(model.Stages[i], "loss") is { } ends ? ($"{Words.Number(ends.First)} → {Words.Number(ends.Last)}", "") : null);
        Row("margin in training, first → last", i => Ends(model.Stages[i], "rewards/margins") is { } ends ? ($"{Words.Number(ends.First)} → {Words.Number(ends.Last)}", "") : null);
        foreach (var part in model.Stages.SelectMany(stage => stage.Times).Select(time => time.Name).Distinct())
            Row($"time: {part}", i => model.Stages[i].Times.Where(time => time.Name == part).Select(time => ((string, string)?)(Words.Duration(time.Seconds), "")).FirstOrDefault());
        html.Add($"</tbody></table></div>");

        void Figure(string name, Func<int, Interval?> figure, Func<double?, string> format) => Row(name, i => figure(i) is { } interval ? (format(interval.Value), interval.Low is null ? "" : interval.Range(format)) : null);
        void Row(string name, Func<int, (string Value, string Interval)?> cell)
        {
            var cells = Enumerable.Range(0, model.Stages.Count).Select(cell).ToList();
            if (cells.All(each => each is null)) return;
            html.Add($"<tr><th scope=\"row\">{name}</th>");
            foreach (var each in cells) html.Add($"<td class=\"n\">{each?.Value ?? "–"} <span class=\"interval\">{each?.Interval}</span></td>");
            html.Add($"</tr>");
        }
    }

    private static string Share(double? value) => value is { } share ? Words.Percent(share) : "–";

    private static (double First, double Last)? Ends(ReportStage stage, string metric)
    {
        var values = stage.Steps.Where(record => record.Metrics.ContainsKey(metric)).Select(record => record.Metrics[metric]).ToList();
        return values.Count == 0 ? null : (values[0], values[^1]);
    }
}
