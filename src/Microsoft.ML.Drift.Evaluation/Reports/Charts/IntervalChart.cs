namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>One figure for several stages, each with its interval, as inline SVG. Its numbers stand in the table beside it.</summary>
internal sealed record IntervalChart(string Title, string Explanation, IReadOnlyList<(string Name, Interval Figure)> Stages, Func<double?, string> Format, Func<double?, string> Mark, double? Reference = null)
{
    private const int Width = 440;
    private const int RowHeight = 34;
    private const int Left = 92;
    private const int Right = 22;

    public void Write(HtmlBuilder html, string id)
    {
        var height = Stages.Count * RowHeight + 34;
        var values = Stages.SelectMany(stage => new[] { stage.Figure.Value, stage.Figure.Low ?? stage.Figure.Value, stage.Figure.High ?? stage.Figure.Value }).Where(double.IsFinite).ToList();
        if (values.Count == 0) return;
        if (Reference is { } reference) values.Add(reference);
        var x = Scale.Around(values, Left, Width - Right, marks: 4);
        html.Add($"<figure class=\"chart\" id=\"{id}\"><figcaption><h3>{Title}</h3><p>{Explanation}</p></figcaption><svg viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-labelledby=\"{id}-t\"><title id=\"{id}-t\">{Title}: {string.Join("; ", Stages.Select(stage => $"{stage.Name} {Format(stage.Figure.Value)}, {stage.Figure.Range(Format)}"))}</title>");
        foreach (var tick in x.Ticks)
            html.Add($"<line class=\"{(tick == Reference ? "zero" : "grid")}\" x1=\"{x.Of(tick):0.##}\" x2=\"{x.Of(tick):0.##}\" y1=\"6\" y2=\"{height - 26}\"/><text x=\"{x.Of(tick):0.##}\" y=\"{height - 9}\" text-anchor=\"middle\">{Mark(tick)}</text>");
        foreach (var (stage, index) in Stages.Select((stage, index) => (stage, index)))
        {
            var y = 6 + RowHeight * (index + 0.5);
            html.Add($"<text x=\"{Left - 10}\" y=\"{y + 4:0.##}\" text-anchor=\"end\">{stage.Name}</text>");
            if (stage.Figure.Low is { } low && stage.Figure.High is { } high)
                html.Add($"<path class=\"whisker\" d=\"M{x.Of(low):0.##} {y:0.##}H{x.Of(high):0.##}M{x.Of(low):0.##} {y - 6:0.##}v12M{x.Of(high):0.##} {y - 6:0.##}v12\"/>");
            if (double.IsFinite(stage.Figure.Value)) html.Add($"<circle class=\"dot main\" cx=\"{x.Of(stage.Figure.Value):0.##}\" cy=\"{y:0.##}\" r=\"5\"/>");
        }
        html.Add($"</svg></figure>");
    }
}
