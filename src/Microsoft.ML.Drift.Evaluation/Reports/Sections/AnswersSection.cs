namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>What people got, what they said about it, and what the model says now.</summary>
internal static class AnswersSection
{
    private const int Shown = 12;
    private const int ShownOfSamples = 6;

    public static void Write(HtmlBuilder html, ReportModel model)
    {
        if (model.Answers.Count > 0) WriteAnswers(html, model);
        else WriteSamples(html, model);
    }

    private static void WriteAnswers(HtmlBuilder html, ReportModel model)
    {
        var selected = model.Selected is { } stage ? Words.Stage(stage.Name).ToLowerInvariant() : "the run";
        html.Add($"<section id=\"answers\" aria-labelledby=\"answers-h\"><h2 id=\"answers-h\">Before and after</h2><p>Held-out conversations, which nothing was trained on. The models see the conversation alone, not the complaint, and take the most probable token each time.</p>");
        foreach (var answer in model.Answers.Take(Shown))
        {
            var row = model.Rows[answer.Row];
            html.Add($"<article class=\"case\"><h3><bdi>{row.Id}</bdi></h3><div class=\"columns two\"><div><h4 class=\"sr\">Conversation</h4>");
            PairText.WriteConversation(html, row);
            html.Add($"</div><div>");
            PairText.Panel(html, "rejected", "What the user got", row.Rejected);
            PairText.Complaint(html, row);
            html.Add($"</div><div>");
            PairText.Panel(html, "before", "The model before", answer.Before);
            html.Add($"</div><div>");
            if (answer.Before == answer.After) html.Add($"<div class=\"panel after\"><h4>After {selected}</h4><p class=\"muted\">the same answer</p></div>");
            else PairText.Panel(html, "after", $"After {selected}", answer.After);
            html.Add($"</div></div></article>");
        }
        html.Add($"</section>");
    }

    /// <summary>Where no answers were asked for: the better answers that were sampled.</summary>
    private static void WriteSamples(HtmlBuilder html, ReportModel model)
    {
        var pairs = model.Samples.Where(sample => sample is { Chosen: not null, Samples: > 0 }).ToList();
        if (pairs.Count == 0) return;
        var latest = pairs.Max(sample => sample.Stage);
        var shown = pairs.Where(sample => sample.Stage == latest).OrderByDescending(sample => sample.IsHeldOut).Take(ShownOfSamples).ToList();
        html.Add($"<section id=\"answers\" aria-labelledby=\"answers-h\"><h2 id=\"answers-h\">The bad answer and the better one</h2><p>What people got and complained about, and what the model wrote when it was shown the complaint, in {Words.Stage(model.Stages[latest].Name).ToLowerInvariant()}. Answers of the finished model to held-out prompts are not recorded in this folder.</p>");
        foreach (var sample in shown) WritePair(html, model.Rows[sample.Row], sample, model.Stages[sample.Stage].Name);
        html.Add($"</section>");
    }

    /// <summary>A pair with its conversation and complaint.</summary>
    public static void WritePair(HtmlBuilder html, ReportRow row, ReportSample sample, string stage, string? figures = null)
    {
        html.Add($"<article class=\"case\"><h3><bdi>{row.Id}</bdi> <span class=\"muted\">{Words.Stage(stage)}{(sample.IsHeldOut ? ", held out" : "")}</span></h3>");
        if (figures is not null) html.Add($"<p class=\"figures\">{figures}</p>");
        html.Add($"<div class=\"columns\"><div><h4 class=\"sr\">Conversation</h4>");
        PairText.WriteConversation(html, row);
        html.Add($"</div><div>");
        PairText.Panel(html, "rejected", "Rejected: what the user got", row.Rejected);
        PairText.Complaint(html, row);
        html.Add($"</div><div>");
        PairText.Panel(html, "after", sample.Samples > 0 ? "Chosen: sampled with the complaint" : "Chosen: given", sample.Chosen);
        html.Add($"</div></div></article>");
    }
}
