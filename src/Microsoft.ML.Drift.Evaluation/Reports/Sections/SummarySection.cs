using System.Globalization;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>What the run is, its figures, what to look at.</summary>
internal static class SummarySection
{
    public static void WriteHeader(HtmlBuilder html, ReportModel model, DateTimeOffset now)
    {
        html.Add($"<header class=\"page\"><p class=\"kicker\">{(model.IsRun ? "DRIFT run" : "Training")} <span class=\"state {(model.IsComplete ? "done" : "open")}\">{(model.IsComplete ? "finished" : "not finished")}</span></p><h1>{Path.GetFileName(model.Folder)}</h1>");
        html.Add($"<p class=\"muted\">{Headline(model)}</p><p class=\"muted small\">Made on <time datetime=\"{now.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture)}\">{now.ToString("yyyy-MM-dd HH:mm zzz", CultureInfo.InvariantCulture)}</time> from <code dir=\"ltr\">{model.Folder}</code></p></header>");
    }

    public static void Write(HtmlBuilder html, ReportModel model)
    {
        html.Add($"<section id=\"summary\" aria-labelledby=\"summary-h\"><h2 id=\"summary-h\">Summary</h2>");
        html.Add($"<dl class=\"tiles\">");
        foreach (var (name, value, more) in Tiles(model)) html.Add($"<div><dt>{name}</dt><dd><strong>{value}</strong><span>{more}</span></dd></div>");
        html.Add($"</dl>");
        var findings = Finding.Of(model);
        if (findings.Count > 0)
        {
            html.Add($"<h3>What to look at</h3><ul class=\"findings\">");
            foreach (var finding in findings)
                html.Add($"<li class=\"{finding.Kind.ToString().ToLowerInvariant()}\"><span class=\"label\">{finding.Kind switch { FindingKind.Good => "Good", FindingKind.Note => "Note", _ => "Warning" }}</span><span>{finding.Text}</span></li>");
            html.Add($"</ul>");
        }
        html.Add($"</section>");
    }

    private static string Headline(ReportModel model)
    {
        if (!model.IsRun) return $"{Words.Plural(model.Stages[0].Steps.Count(), "optimizer step")}.";
        var parts = new List<string> { Words.Plural(model.Stages.Count(stage => stage.Name != "seed"), "iteration") };
        if (model.Stages.Any(stage => stage.Name == "seed")) parts.Insert(0, "a seed stage");
        if (model.Setting("Training.Loss") is { } loss) parts.Add($"{loss.ToLowerInvariant()} loss, β {model.Setting("Training.Beta")}");
        if (model.Setting("Training.LearningRate") is { } rate) parts.Add($"learning rate {rate.ToLowerInvariant().Replace("e-0", "e-", StringComparison.Ordinal)}");
        if (model.Setting("Sampling.Mode") is { } mode) parts.Add($"{mode.ToLowerInvariant()} sampling at temperature {model.Setting("Sampling.Generation.Temperature")}");
        return string.Join(" · ", parts);
    }

    private static IEnumerable<(string Name, string Value, string More)> Tiles(ReportModel model)
    {
        if (model.Selected is { } selected && HeldOutFigures.Of(selected) is { } held)
        {
            var from = $"after {Words.Stage(selected.Name).ToLowerInvariant()}";
            yield return ("Held-out margin", Words.Change(held.Margin.Value), held.Margin.Low is null ? from : $"95 %: {held.Margin.Range(Words.Change)}");
            yield return ("Held-out accuracy", Words.Percent(held.Accuracy.Value), held.Accuracy.Low is null ? from : $"95 %: {held.Accuracy.Range(value => Words.Percent(value!.Value))}{(held.Pairs > 0 ? $", {Words.Plural(held.Pairs, "pair")}" : "")}");
            yield return ("Better answers", Words.Change(held.DeltaChosen.Value), "nats, mean change of the log-prob");
            yield return ("Rejected answers", Words.Change(held.DeltaRejected.Value), "nats, mean change of the log-prob");
        }
        if (model.IsRun)
        {
            var training = model.Samples.Where(sample => !sample.IsHeldOut).ToList();
            yield return ("Pairs trained on", Words.Count(model.Stages.Sum(stage => stage.TrainingPairs ?? 0)), $"from {Words.Plural(training.Count, "sampled or given row")}");
            yield return ("Rows without a pair", Words.Count(training.Count(sample => sample.Dropped is not null)), training.Count == 0 ? "" : Words.Percent((double)training.Count(sample => sample.Dropped is not null) / training.Count));
        }
        yield return ("Optimizer steps", Words.Count(model.Stages.Sum(stage => stage.Steps.Count())), LastLoss(model));
        var seconds = model.IsRun ? model.Stages.Sum(stage => stage.Times.Sum(part => part.Seconds)) : model.Stages[0].Records.Sum(record => record.Metrics.GetValueOrDefault("seconds") + record.Metrics.GetValueOrDefault("eval_seconds"));
        if (seconds > 0) yield return ("Time", Words.Duration(seconds), model.IsRun ? "sampling, training, evaluation, saving" : "steps and evaluations");
    }

    private static string LastLoss(ReportModel model) =>
        model.Stages.SelectMany(stage => stage.Steps).LastOrDefault(record => record.Metrics.ContainsKey("loss")) is { } last ? $"last loss {Words.Number(last.Metrics["loss"])}" : "";
}
