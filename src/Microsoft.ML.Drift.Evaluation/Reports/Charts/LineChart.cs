namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>One line of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Style">Its class: <c>main</c>, <c>second</c>, <c>chosen</c> or <c>rejected</c>; never told apart by colour alone.</param>
/// <param name="Points">Place and value; values that are not finite leave a gap.</param>
/// <param name="IsEvaluation">Whether these are single measurements, drawn as marks.</param>
internal sealed record ChartSeries(string Name, string Style, IReadOnlyList<(double X, double Y)> Points, bool IsEvaluation = false);

/// <summary>A part of the horizontal axis with a name: a stage.</summary>
internal sealed record ChartBand(string Name, double From, double To);

/// <summary>A line chart as inline SVG, with a caption and its numbers as a table.</summary>
internal sealed record LineChart(string Title, string Explanation, IReadOnlyList<ChartSeries> Series, IReadOnlyList<ChartBand> Bands)
{
    private const int Width = 440;
    private const int Height = 232;
    private const int Left = 54;
    private const int Right = 12;
    private const int Top = 22;
    private const int Bottom = 38;
    private const int DrawnPoints = 400;
    private const int TableRows = 200;
    private const int SmoothedFrom = 60;

    /// <summary>Whether 0 is to be part of the vertical axis.</summary>
    public bool ShowsZero { get; init; }

    /// <summary>What the horizontal axis counts.</summary>
    public string AxisName { get; init; } = "optimizer step";

    public void Write(HtmlBuilder html, string id)
    {
        var finite = Series.SelectMany(series => series.Points).Select(point => point.Y).Where(double.IsFinite).ToList();
        if (finite.Count == 0) return;
        if (ShowsZero) finite.Add(0);
        var x = Scale.Between(Bands[0].From, Bands[^1].To, Left, Width - Right);
        var y = Scale.Around(finite, Height - Bottom, Top, marks: 4);
        html.Add($"<figure class=\"chart\" id=\"{id}\"><figcaption><h3>{Title}</h3><p>{Explanation}</p></figcaption>");
        html.Add($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-labelledby=\"{id}-t\" data-left=\"{x.Of(Bands[0].From):0.##}\" data-right=\"{x.Of(Bands[^1].To):0.##}\" data-from=\"{Bands[0].From}\" data-to=\"{Bands[^1].To}\"><title id=\"{id}-t\">{Title}: {Alternative()}</title>");
        WriteAxes(html, x, y);
        foreach (var series in Series) WriteSeries(html, series, x, y);
        html.Add($"</svg>");
        WriteLegend(html);
        WriteTable(html);
        html.Add($"</figure>");
    }

    /// <summary>The chart in words: where each line begins and ends, and its extremes.</summary>
    private string Alternative() => string.Join(" ", Series.Select(series =>
    {
        var values = series.Points.Where(point => double.IsFinite(point.Y)).Select(point => point.Y).ToList();
        return values.Count switch
        {
            0 => $"{series.Name} has no finite value.",
            1 => $"{series.Name} is {Words.Number(values[0])}.",
            _ => $"{series.Name} goes from {Words.Number(values[0])} to {Words.Number(values[^1])}, lowest {Words.Number(values.Min())}, highest {Words.Number(values.Max())}.",
        };
    })) + " The numbers are in the table below the chart.";

    private void WriteAxes(HtmlBuilder html, Scale x, Scale y)
    {
        foreach (var (band, index) in Bands.Select((band, index) => (band, index)))
        {
            if (index % 2 == 1) html.Add($"<rect class=\"band\" x=\"{x.Of(band.From):0.##}\" y=\"{Top}\" width=\"{x.Of(band.To) - x.Of(band.From):0.##}\" height=\"{Height - Bottom - Top}\"/>");
            if (Bands.Count > 1) html.Add($"<text class=\"band-name\" x=\"{(x.Of(band.From) + x.Of(band.To)) / 2:0.##}\" y=\"{Top - 8}\" text-anchor=\"middle\">{band.Name}</text>");
        }
        foreach (var tick in y.Ticks)
            html.Add($"<line class=\"{(tick == 0 ? "zero" : "grid")}\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y.Of(tick):0.##}\" y2=\"{y.Of(tick):0.##}\"/><text x=\"{Left - 7}\" y=\"{y.Of(tick) + 4:0.##}\" text-anchor=\"end\">{Words.Tick(tick)}</text>");
        foreach (var tick in x.Ticks)
            html.Add($"<line class=\"tick\" x1=\"{x.Of(tick):0.##}\" x2=\"{x.Of(tick):0.##}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom + 4}\"/><text x=\"{x.Of(tick):0.##}\" y=\"{Height - Bottom + 17}\" text-anchor=\"middle\">{Words.Count((long)tick)}</text>");
        html.Add($"<text class=\"axis-name\" x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 5}\" text-anchor=\"middle\">{AxisName}</text>");
    }

    private static void WriteSeries(HtmlBuilder html, ChartSeries series, Scale x, Scale y)
    {
        if (series.IsEvaluation)
        {
            foreach (var point in series.Points.Where(point => double.IsFinite(point.Y)))
                html.Add($"<path class=\"mark {series.Style}\" d=\"M{x.Of(point.X):0.##} {y.Of(point.Y) - 5:0.##}l5 5l-5 5l-5-5z\"/>");
            return;
        }
        var smooth = series.Points.Count >= SmoothedFrom;
        html.Add($"<path class=\"line {series.Style}{(smooth ? " raw" : "")}\" d=\"{PathOf(Thinned(series.Points), x, y)}\"/>");
        if (smooth) html.Add($"<path class=\"line {series.Style}\" d=\"{PathOf(Thinned(RunningMean(series.Points)), x, y)}\"/>");
        else
            foreach (var point in series.Points.Where(point => double.IsFinite(point.Y))) html.Add($"<circle class=\"dot {series.Style}\" cx=\"{x.Of(point.X):0.##}\" cy=\"{y.Of(point.Y):0.##}\" r=\"2.5\"/>");
    }

    private void WriteLegend(HtmlBuilder html)
    {
        var window = Series.Where(series => !series.IsEvaluation).Select(series => series.Points.Count).DefaultIfEmpty(0).Max();
        if (Series.Count == 1 && window < SmoothedFrom) return;
        html.Add($"<p class=\"legend\">");
        foreach (var series in Series)
        {
            html.Add($"<span><svg class=\"swatch\" viewBox=\"0 0 26 10\" aria-hidden=\"true\">");
            if (series.IsEvaluation) html.Add($"<path class=\"mark {series.Style}\" d=\"M13 0l5 5l-5 5l-5-5z\"/>");
            else html.Add($"<path class=\"line {series.Style}\" d=\"M1 5H25\"/>");
            html.Add($"</svg>{series.Name}</span> ");
        }
        if (window >= SmoothedFrom) html.Add($"<span class=\"muted\">thick: mean of {Window(window)} steps; thin: each step</span>");
        html.Add($"</p>");
    }

    private void WriteTable(HtmlBuilder html)
    {
        var places = Series.SelectMany(series => series.Points).Where(point => !IsGap(point)).Select(point => point.X).Distinct().Order().ToList();
        var shown = places.Count <= TableRows ? places : [.. Enumerable.Range(0, TableRows).Select(i => places[(int)((long)i * (places.Count - 1) / (TableRows - 1))]).Distinct()];
        var byPlace = Series.Select(series => series.Points.GroupBy(point => point.X).ToDictionary(group => group.Key, group => group.Last().Y)).ToList();
        var thinned = shown.Count < places.Count ? $"; {Words.Count(shown.Count)} of {Words.Count(places.Count)} steps, evenly chosen" : "";
        html.Add($"<details class=\"data\"><summary>Numbers<span class=\"sr\"> of the chart {Title}</span></summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Numbers of the chart {Title}\"><table><caption>{Title}{thinned}</caption><thead><tr>");
        if (Bands.Count > 1) html.Add($"<th scope=\"col\">stage</th>");
        html.Add($"<th scope=\"col\" class=\"n\">step</th>");
        foreach (var series in Series) html.Add($"<th scope=\"col\" class=\"n\">{series.Name}</th>");
        html.Add($"</tr></thead><tbody>");
        foreach (var place in shown)
        {
            html.Add($"<tr>");
            if (Bands.Count > 1) html.Add($"<td>{Bands.Last(band => band.From < place || band == Bands[0]).Name}</td>");
            html.Add($"<td class=\"n\">{Words.Count((long)place)}</td>");
            foreach (var values in byPlace) html.Add($"<td class=\"n\">{(values.TryGetValue(place, out var value) ? Words.Number(value) : "")}</td>");
            html.Add($"</tr>");
        }
        html.Add($"</tbody></table></div></details>");
    }

    private static string PathOf(IEnumerable<(double X, double Y)> points, Scale x, Scale y)
    {
        var path = new System.Text.StringBuilder();
        var isDown = false;
        foreach (var (px, py) in points)
        {
            if (double.IsFinite(py)) path.Append(System.Globalization.CultureInfo.InvariantCulture, $"{(isDown ? 'L' : 'M')}{x.Of(px):0.##} {y.Of(py):0.##}");
            isDown = double.IsFinite(py);
        }
        return path.ToString();
    }

    /// <summary>At most some hundred points: of each stretch the lowest and the highest, so that no peak is lost.</summary>
    private static IReadOnlyList<(double X, double Y)> Thinned(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count <= DrawnPoints) return points;
        var stretch = (int)Math.Ceiling(points.Count / (DrawnPoints / 2.0));
        return [.. points.Chunk(stretch).SelectMany(chunk => chunk.Any(IsGap) ? chunk : Extremes(chunk))];
    }

    private static IEnumerable<(double X, double Y)> Extremes((double X, double Y)[] points) =>
        new[] { points.MinBy(point => point.Y), points.MaxBy(point => point.Y) }.Distinct().OrderBy(point => point.X);

    private static int Window(int points) => Math.Max(5, points / 25);

    /// <summary>The mean over the neighbours of each point, within its stage: a gap parts the stages.</summary>
    private static List<(double X, double Y)> RunningMean(IReadOnlyList<(double X, double Y)> points)
    {
        var half = Window(points.Count) / 2;
        var result = new List<(double X, double Y)>(points.Count);
        for (var start = 0; start < points.Count;)
        {
            var end = start;
            while (end < points.Count && !IsGap(points[end])) end++;
            for (var i = start; i < end; i++)
            {
                var near = points.Skip(Math.Max(start, i - half)).Take(Math.Min(end, i + half + 1) - Math.Max(start, i - half)).Select(point => point.Y).Where(double.IsFinite).ToList();
                result.Add((points[i].X, near.Count == 0 ? double.NaN : near.Average()));
            }
            if (end < points.Count) result.Add(points[end]);
            start = end + 1;
        }
        return result;
    }

    /// <summary>The place between two stages; a step has a whole number.</summary>
    private static bool IsGap((double X, double Y) point) => point.X % 1 != 0;
}
