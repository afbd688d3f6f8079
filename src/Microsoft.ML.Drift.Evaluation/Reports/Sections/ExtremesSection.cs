namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>The pairs the model agrees with least and most.</summary>
internal static class ExtremesSection
{
    private const int Shown = 3;

    public static void Write(HtmlBuilder html, ReportModel model)
    {
        var heldOut = Ranked(model.Samples.Where(sample => sample.IsHeldOut));
        var training = Ranked(model.Samples.Where(sample => !sample.IsHeldOut && sample.Figures is { Margin: not 0 }));
        if (heldOut.Count == 0 && training.Count == 0) return;
        html.Add($"<section id=\"extremes\" aria-labelledby=\"extremes-h\"><h2 id=\"extremes-h\">Worst and best pairs</h2>");
        Group(html, model, "Held-out pairs", "By their margin with the newest model that was measured.", heldOut);
        Group(html, model, "Training pairs", "By their margin just before the step that trained on them; pairs of a stage’s first step, whose margin is 0 by definition, are left out.", training);
        html.Add($"</section>");
    }

    private static List<ReportSample> Ranked(IEnumerable<ReportSample> samples) => [.. samples.Where(sample => sample.Figures is { } figures && double.IsFinite(figures.Margin)).OrderBy(sample => sample.Figures!.Value.Margin)];

    private static void Group(HtmlBuilder html, ReportModel model, string title, string how, List<ReportSample> ranked)
    {
        if (ranked.Count == 0) return;
        html.Add($"<h3 class=\"group\">{title}</h3><p>{how}</p>");
        var count = Math.Min(Shown, ranked.Count / 2);
        // One or two pairs have no two ends.
        if (count == 0) List("The only one", ranked);
        else
        {
            List("Worst", ranked[..count]);
            List("Best", [.. ranked[^count..].AsEnumerable().Reverse()]);
        }

        void List(string name, List<ReportSample> samples)
        {
            foreach (var (sample, index) in samples.Select((sample, index) => (sample, index)))
            {
                var row = model.Rows[sample.Row];
                var figures = sample.Figures!.Value;
                html.Add($"<details class=\"extreme\"><summary><span class=\"rank {(name == "Best" ? "best" : "worst")}\">{name}{(samples.Count > 1 ? $" {index + 1}" : "")}</span> <span class=\"num\">margin {Words.Change(figures.Margin)}</span> <bdi class=\"id\">{row.Id}</bdi> <bdi class=\"excerpt\">{Excerpt(row)}</bdi></summary>");
                AnswersSection.WritePair(html, row, sample, model.Stages[sample.Stage].Name, $"Δ log-prob of the better answer {Words.Change(figures.DeltaChosen)} nats over {Words.Plural(figures.ChosenTokens, "token")}, of the rejected one {Words.Change(figures.DeltaRejected)} nats over {Words.Plural(figures.RejectedTokens, "token")}.");
                html.Add($"</details>");
            }
        }
    }

    private static string Excerpt(ReportRow row)
    {
        const int length = 90;
        var text = row.Prompt.Count == 0 ? "" : row.Prompt[^1].Text;
        var cut = PairText.Cut(text, length).ReplaceLineEndings(" ");
        return cut.Length < text.Length ? cut + "…" : cut;
    }
}
