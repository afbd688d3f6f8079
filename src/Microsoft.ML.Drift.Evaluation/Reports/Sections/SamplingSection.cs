namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>What became of the rows: verdicts, ends, cuts, hazards, lengths.</summary>
internal static class SamplingSection
{
    public static void Write(HtmlBuilder html, ReportModel model)
    {
        if (model.Samples.Count == 0) return;
        html.Add($"<section id=\"sampling\" aria-labelledby=\"sampling-h\"><h2 id=\"sampling-h\">Sampling, cuts and hazards</h2>");
        WriteCounts(html, model);
        WriteLengths(html, model);
        html.Add($"</section>");
    }

    private static void WriteCounts(HtmlBuilder html, ReportModel model)
    {
        var columns = model.Stages.SelectMany((stage, index) => new[] { (stage, index, heldOut: false), (stage, index, heldOut: true) })
            .Select(column => (Name: $"{Words.Stage(column.stage.Name)}{(column.heldOut ? ", held out" : "")}", column.stage, column.heldOut, Samples: model.Samples.Where(sample => sample.Stage == column.index && sample.IsHeldOut == column.heldOut).ToList()))
            .Where(column => column.Samples.Count > 0).ToList();
        html.Add($"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"What became of the rows\"><table><caption>What became of the rows</caption><thead><tr><th scope=\"col\">count</th>");
        foreach (var column in columns) html.Add($"<th scope=\"col\" class=\"n\">{column.Name}</th>");
        html.Add($"</tr></thead><tbody>");
        Count("rows", sample => true, always: true);
        Count("pairs", sample => sample.Dropped is null, always: true);
        foreach (var reason in model.Samples.Select(sample => sample.Dropped).OfType<string>().Distinct().Order(StringComparer.Ordinal)) Count($"dropped: {Words.Verdict(reason)}", sample => sample.Dropped == reason);
        Count("ended by themselves", sample => sample.FinishReason == "stop");
        Count("cut at the limit of new tokens", sample => sample.FinishReason == "length");
        Count("sampled more than once", sample => sample.Samples > 1);
        Count("prompts cut before sampling", sample => sample.TokensCut > 0);
        Sum("prompt tokens cut", sample => sample.TokensCut);
        Sum("messages left out", sample => sample.MessagesDropped);
        Sum("messages shortened", sample => sample.MessagesShortened);
        foreach (var hazard in model.Samples.SelectMany(sample => sample.Hazards).Distinct().Order(StringComparer.Ordinal)) Count($"hazard: {Words.Hazard(hazard)}", sample => sample.Hazards.Contains(hazard));
        foreach (var cut in model.Stages.SelectMany(stage => stage.Cuts).Where(cut => cut.Rows > 0).Select(cut => cut.Name).Distinct())
            Row($"in training: {cut}", columns.Select(column => column.heldOut ? null : (long?)column.stage.Cuts.Where(one => one.Name == cut).Sum(one => one.Rows)).ToList());
        Sum("prompt tokens", sample => sample.PromptTokens);
        Sum("new tokens", sample => sample.NewTokens);
        html.Add($"</tbody></table></div>");
        if (model.Samples.All(sample => sample.Hazards.Count == 0)) html.Add($"<p class=\"muted\">No hazards: those are mistakes of the authors’ own sampling procedure, which paper mode repeats and counts.</p>");

        void Count(string name, Func<ReportSample, bool> which, bool always = false) => Row(name, columns.Select(column => (long?)column.Samples.Count(which)).ToList(), always);
        void Sum(string name, Func<ReportSample, long> what) => Row(name, columns.Select(column => (long?)column.Samples.Sum(what)).ToList());
        void Row(string name, List<long?> counts, bool always = false)
        {
            if (!always && counts.All(count => count is null or 0)) return;
            html.Add($"<tr><th scope=\"row\">{name}</th>");
            foreach (var count in counts) html.Add($"<td class=\"n\">{(count is { } number ? Words.Count(number) : "–")}</td>");
            html.Add($"</tr>");
        }
    }

    private static void WriteLengths(HtmlBuilder html, ReportModel model)
    {
        var stages = model.Stages.Select((stage, index) => (stage.Name, Pairs: model.Samples.Where(sample => sample.Stage == index && !sample.IsHeldOut && sample.Figures is { ChosenTokens: > 0 }).Select(sample => sample.Figures!.Value).ToList()))
            .Where(stage => stage.Pairs.Count > 0).ToList();
        if (stages.Count == 0) return;
        html.Add($"<h3 class=\"group\">Lengths of the answers</h3><p>A model that is trained on longer chosen answers learns to answer at length; compare the two sides before you believe a win.</p><div class=\"charts\">");
        foreach (var (name, pairs) in stages)
        {
            var (chosen, rejected) = (pairs.ConvertAll(pair => (double)pair.ChosenTokens), pairs.ConvertAll(pair => (double)pair.RejectedTokens));
            var difference = Interval.OfMean([.. pairs.Select(pair => (double)pair.ChosenTokens - pair.RejectedTokens)]);
            new Histogram(
                $"Answer lengths, {Words.Stage(name).ToLowerInvariant()}",
                $"Means: chosen {Words.Number(chosen.Average())} tokens, rejected {Words.Number(rejected.Average())}; difference {Words.Change(difference.Value)}{(difference.Low is null ? "" : $" (95 %: {difference.Range(Words.Change)})")}.",
                "tokens of the answer", [("chosen", "chosen", chosen), ("rejected", "rejected", rejected)]).Write(html, $"chart-lengths-{name}");
        }
        html.Add($"</div>");
    }
}
