namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>What training logged, step by step, all stages one after the other.</summary>
internal static class CurvesSection
{
    private static readonly (string Title, string Explanation, (string Key, string Name, string Style)[] Lines, bool Zero)[] Charts =
    [
        ("Loss", "The loss of each step. ln 2 ≈ 0.693 is where policy and reference agree.", [("loss", "loss", "main")], false),
        ("Reward margin", "β times the change of the log-prob gap between chosen and rejected, since the stage’s start.", [("rewards/margins", "margin", "main")], true),
        ("Rewards", "β times the change of each answer’s log-prob. Chosen should rise; if both fall, look at Δ log-probs.", [("rewards/chosen", "chosen", "chosen"), ("rewards/rejected", "rejected", "rejected")], true),
        ("Accuracy", "Share of pairs whose chosen reward is above the rejected one.", [("rewards/accuracies", "accuracy", "main")], true),
        ("Δ log-probs", "Change of each answer’s log-prob since the stage’s start, in nats.", [("drift/delta_logps_chosen", "chosen", "chosen"), ("drift/delta_logps_rejected", "rejected", "rejected")], true),
        ("σ(−s)", "The weight of a pair’s gradient, ½ at the start: what is left to learn. The share is that of pairs with at least 0.1.", [("drift/sigma", "mean σ(−s)", "main"), ("drift/share_above_tau", "share of pairs that still teach", "second")], true),
        ("Gradient norm", "Over all weights, before clipping.", [("grad_norm", "norm", "main")], true),
        ("Log-probs", "Of whole answers, in nats.", [("logps/chosen", "chosen", "chosen"), ("logps/rejected", "rejected", "rejected")], false),
        ("NLL of chosen answers", "Mean over tokens, in nats.", [("nll_loss", "NLL", "main")], false),
        ("Token accuracy", "Share of answer tokens that the model would have taken itself.", [("mean_token_accuracy", "accuracy", "main")], true),
        ("Learning rate", "Of each step.", [("learning_rate", "rate", "main")], true),
        ("Tokens of a step", "Prompts and both answers, without padding.", [("tokens", "tokens", "main")], true),
        ("Speed", "Tokens for each second of training.", [("tokens_per_second", "tokens/s", "main")], true),
    ];

    public static void Write(HtmlBuilder html, ReportModel model)
    {
        var stages = model.Stages.Where(stage => stage.Steps.Any()).ToList();
        if (stages.Count == 0) return;
        html.Add($"<section id=\"curves\" aria-labelledby=\"curves-h\"><h2 id=\"curves-h\">Training curves</h2><p>{(stages.Count > 1 ? "Steps are counted through all stages; each stage starts anew at its own reference. " : "")}Point at a chart, or focus it and use the arrow keys, to read its numbers.</p><div class=\"charts\">");
        var offsets = new List<int>();
        var bands = new List<ChartBand>();
        var total = 0;
        foreach (var stage in stages)
        {
            offsets.Add(total);
            var last = stage.Records.Max(record => record.Step);
            bands.Add(new ChartBand(stage.Name, total, total + last));
            total += last;
        }
        foreach (var (chart, index) in Charts.Select((chart, index) => (chart, index)))
        {
            var series = chart.Lines.SelectMany(line => Lines(stages, offsets, line)).ToList();
            if (series.Any(one => !one.IsEvaluation)) new LineChart(chart.Title, chart.Explanation, series, bands) { ShowsZero = chart.Zero }.Write(html, $"chart-{index}");
        }
        html.Add($"</div></section>");
    }

    private static IEnumerable<ChartSeries> Lines(List<ReportStage> stages, List<int> offsets, (string Key, string Name, string Style) line)
    {
        var steps = new List<(double X, double Y)>();
        var evaluations = new List<(double X, double Y)>();
        foreach (var (stage, offset) in stages.Zip(offsets))
        {
            // A stage starts at its own reference: no line from the last one's end to there.
            if (steps.Count > 0) steps.Add((offset + 0.5, double.NaN));
            foreach (var record in stage.Records)
            {
                if (!record.IsEvaluation && record.Metrics.TryGetValue(line.Key, out var value)) steps.Add((offset + record.Step, value));
                if (record.IsEvaluation && record.Metrics.TryGetValue("eval_" + line.Key, out var evaluated)) evaluations.Add((offset + record.Step, evaluated));
            }
        }
        if (steps.Any(step => !double.IsNaN(step.Y) || step.X % 1 == 0)) yield return new ChartSeries(line.Name, line.Style, steps);
        if (evaluations.Count > 0) yield return new ChartSeries($"{line.Name}, held out", line.Style, evaluations, IsEvaluation: true);
    }
}
