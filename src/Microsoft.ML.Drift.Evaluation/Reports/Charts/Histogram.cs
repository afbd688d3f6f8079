namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Two distributions as outlines over common bins, with the numbers as a table.</summary>
internal sealed record Histogram(string Title, string Explanation, string AxisName, IReadOnlyList<(string Name, string Style, IReadOnlyList<double> Values)> Groups)
{
    private const int Width = 440;
    private const int Height = 220;
    private const int Left = 54;
    private const int Right = 12;
    private const int Top = 10;
    private const int Bottom = 38;
    private const int MostBins = 24;

    public void Write(HtmlBuilder html, string id)
    {
        var all = Groups.SelectMany(group => group.Values).ToList();
        if (all.Count == 0) return;
        // Rice's rule: twice the cube root of the number of values.
        var wanted = Math.Clamp(2 * Math.Cbrt(all.Count), 4, MostBins);
        var width = Math.Max(1, Math.Ceiling((all.Max() + 1) / wanted));
        var bins = (int)Math.Floor(all.Max() / width) + 1;
        var shares = Groups.Select(group => Enumerable.Range(0, bins).Select(bin => group.Values.Count == 0 ? 0 : group.Values.Count(value => (int)(value / width) == bin) / (double)group.Values.Count).ToArray()).ToList();
        var x = Scale.Between(0, bins * width, Left, Width - Right);
        var y = Scale.Around([0, .. shares.SelectMany(share => share)], Height - Bottom, Top, marks: 4);
        html.Add($"<figure class=\"chart\" id=\"{id}\"><figcaption><h3>{Title}</h3><p>{Explanation}</p></figcaption><svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-labelledby=\"{id}-t\"><title id=\"{id}-t\">{Title}: {string.Join("; ", Groups.Select(group => $"{group.Name}: median {Words.Number(Median(group.Values))}, longest {Words.Number(group.Values.DefaultIfEmpty(0).Max())}"))}. The numbers are in the table below the chart.</title>");
        foreach (var tick in y.Ticks)
            html.Add($"<line class=\"{(tick == 0 ? "zero" : "grid")}\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y.Of(tick):0.##}\" y2=\"{y.Of(tick):0.##}\"/><text x=\"{Left - 7}\" y=\"{y.Of(tick) + 4:0.##}\" text-anchor=\"end\">{Words.Percent(tick)}</text>");
        foreach (var tick in x.Ticks) html.Add($"<text x=\"{x.Of(tick):0.##}\" y=\"{Height - Bottom + 17}\" text-anchor=\"middle\">{Words.Count((long)tick)}</text>");
        html.Add($"<text class=\"axis-name\" x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 5}\" text-anchor=\"middle\">{AxisName}</text>");
        foreach (var (group, share) in Groups.Zip(shares))
        {
            var path = new System.Text.StringBuilder(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"M{x.Of(0):0.##} {y.Of(0):0.##}"));
            for (var bin = 0; bin < bins; bin++) path.Append(System.Globalization.CultureInfo.InvariantCulture, $"V{y.Of(share[bin]):0.##}H{x.Of((bin + 1) * width):0.##}");
            path.Append(System.Globalization.CultureInfo.InvariantCulture, $"V{y.Of(0):0.##}");
            html.Add($"<path class=\"line {group.Style}\" d=\"{path.ToString()}\"/>");
        }
        html.Add($"</svg><p class=\"legend\">");
        foreach (var group in Groups) html.Add($"<span><svg class=\"swatch\" viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"line {group.Style}\" d=\"M1 5H25\"/></svg>{group.Name}</span> ");
        html.Add($"</p><details class=\"data\"><summary>Numbers<span class=\"sr\"> of the chart {Title}</span></summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Numbers of the chart {Title}\"><table><caption>{Title}</caption><thead><tr><th scope=\"col\" class=\"n\">{AxisName}</th>");
        foreach (var group in Groups) html.Add($"<th scope=\"col\" class=\"n\">{group.Name}</th>");
        html.Add($"</tr></thead><tbody>");
        for (var bin = 0; bin < bins; bin++)
        {
            html.Add($"<tr><td class=\"n\">{Words.Count((long)(bin * width))}{(width > 1 ? $"–{Words.Count((long)((bin + 1) * width) - 1)}" : "")}</td>");
            foreach (var share in shares) html.Add($"<td class=\"n\">{Words.Percent(share[bin])}</td>");
            html.Add($"</tr>");
        }
        html.Add($"</tbody></table></div></details></figure>");
    }

    private static double Median(IReadOnlyList<double> values) => values.Count == 0 ? double.NaN : values.Order().ElementAt(values.Count / 2);
}
