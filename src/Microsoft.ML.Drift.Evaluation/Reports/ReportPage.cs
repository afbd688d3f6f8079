using System.Security.Cryptography;
using System.Text;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>The page around the sections. It loads nothing: its policy forbids the browser any connection, and any program but its own.</summary>
internal static class ReportPage
{
    private static readonly (string Id, string Name)[] Sections =
        [("summary", "Summary"), ("answers", "Before and after"), ("stages", "Iterations"), ("curves", "Training curves"), ("sampling", "Sampling"), ("extremes", "Worst and best"), ("pairs", "All rows"), ("settings", "Settings")];

    public static string Of(ReportModel model, DateTimeOffset now)
    {
        var body = new HtmlBuilder();
        SummarySection.Write(body, model);
        AnswersSection.Write(body, model);
        StagesSection.Write(body, model);
        CurvesSection.Write(body, model);
        SamplingSection.Write(body, model);
        ExtremesSection.Write(body, model);
        PairsSection.Write(body, model, new PairsData(model));
        SettingsSection.Write(body, model);
        var sections = body.ToString();

        var (style, program) = (Resource("report.css"), Resource("report.js"));
        var html = new HtmlBuilder();
        html.Add($"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">");
        html.Add($"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{Hash(style)}'; script-src 'sha256-{Hash(program)}'; base-uri 'none'; form-action 'none'\">");
        html.Add($"<meta name=\"generator\" content=\"Microsoft.ML.Drift\"><title>{Path.GetFileName(model.Folder)} – {(model.IsRun ? "DRIFT run" : "training")}</title>");
        html.AddMarkup("<style>").AddMarkup(style).AddMarkup("</style>");
        html.Add($"</head><body><a class=\"skip\" href=\"#main\">Skip to the report</a>");
        SummarySection.WriteHeader(html, model, now);
        html.Add($"<nav class=\"contents\" aria-label=\"Sections\"><ul>");
        foreach (var (id, name) in Sections.Where(section => sections.Contains($"<section id=\"{section.Id}\"", StringComparison.Ordinal))) html.Add($"<li><a href=\"#{id}\">{name}</a></li>");
        html.Add($"</ul></nav><main id=\"main\" tabindex=\"-1\">");
        html.AddMarkup(sections);
        html.Add($"</main><footer><p>Made by <code>drift report</code> of Microsoft.ML.Drift. This file loads nothing from anywhere.</p></footer>");
        html.AddMarkup("<script>").AddMarkup(program).AddMarkup("</script>");
        html.Add($"</body></html>\n");
        return html.ToString();
    }

    private static string Hash(string text) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Resource(string name)
    {
        using var stream = typeof(ReportPage).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        // As a parser reads it: the hash of the policy is taken over line feeds.
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
