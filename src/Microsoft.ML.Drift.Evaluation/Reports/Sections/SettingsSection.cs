namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>What decides the run's outcome.</summary>
internal static class SettingsSection
{
    public static void Write(HtmlBuilder html, ReportModel model)
    {
        if (model.Settings.Count == 0 && model.Fingerprints.Count == 0) return;
        html.Add($"<section id=\"settings\" aria-labelledby=\"settings-h\"><h2 id=\"settings-h\">Settings and fingerprints</h2><p>The same settings, data and model give the same run. Where a cell is empty the setting is off, or the library’s default applies.</p><details><summary>All {Words.Count(model.Settings.Count)} settings</summary>");
        Table(html, "Settings", "setting", "value", model.Settings);
        html.Add($"</details>");
        Table(html, "SHA-256 of what the run read", "input", "fingerprint", model.Fingerprints);
        html.Add($"</section>");
    }

    private static void Table(HtmlBuilder html, string caption, string first, string second, IReadOnlyList<(string Name, string Value)> lines)
    {
        html.Add($"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><caption>{caption}</caption><thead><tr><th scope=\"col\">{first}</th><th scope=\"col\">{second}</th></tr></thead><tbody>");
        foreach (var (name, value) in lines) html.Add($"<tr><th scope=\"row\">{name}</th><td class=\"code\"><bdi>{value}</bdi></td></tr>");
        html.Add($"</tbody></table></div>");
    }
}
