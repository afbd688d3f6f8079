namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>The table of all rows, which the page's program fills, and its data.</summary>
internal static class PairsSection
{
    private static readonly (string Key, string Name, bool IsNumber, bool IsOptional)[] Columns =
    [
        ("id", "row", false, false), ("stage", "stage", false, true), ("split", "part", false, true), ("verdict", "verdict", false, false), ("finish", "ended by", false, true),
        ("margin", "margin", true, true), ("new", "new tokens", true, true), ("text", "last message, complaint", false, false),
    ];

    public static void Write(HtmlBuilder html, ReportModel model, PairsData data)
    {
        if (data.Samples.Count == 0) return;
        html.Add($"<section id=\"pairs\" aria-labelledby=\"pairs-h\"><h2 id=\"pairs-h\">All rows</h2><p>Every row of every stage: what it was, what was sampled, what the filters said, where the sample comes from. Open a row to read it.</p>");
        if (data.Samples.Count < model.Samples.Count) html.Add($"<p class=\"cut\">The table holds the first {Words.Count(data.Samples.Count)} of {Words.Count(model.Samples.Count)} rows; the figures above count all of them.</p>");
        if (data.IsCut) html.Add($"<p class=\"cut\">Messages longer than {Words.Count(data.Limit)} characters are cut here, so that this file opens quickly; the files of the run have the whole texts.</p>");
        html.Add($"<noscript><p class=\"cut\">The table of all rows needs JavaScript; everything above does not.</p></noscript>");
        html.Add($"<form id=\"filters\" class=\"filters\" role=\"search\" aria-label=\"Rows\" hidden><label class=\"wide\">Search <input type=\"search\" id=\"q\" placeholder=\"row id, conversation, complaint, answer\" autocomplete=\"off\"></label>");
        Select(html, "f-stage", "Stage");
        Select(html, "f-split", "Part");
        Select(html, "f-verdict", "Verdict");
        Select(html, "f-finish", "Ended by");
        html.Add($"<label class=\"check\"><input type=\"checkbox\" id=\"f-cut\"> prompt cut or hazard</label><button type=\"reset\">Clear</button></form>");
        html.Add($"<p id=\"count\" class=\"count\" role=\"status\"></p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"rows-caption\"><table id=\"rows\" hidden><caption id=\"rows-caption\">Rows of all stages</caption><thead><tr>");
        foreach (var (key, name, isNumber, isOptional) in Columns)
        {
            html.Add($"<th scope=\"col\" class=\"{(isNumber ? "n " : "")}{(isOptional ? "opt" : "")}\" aria-sort=\"none\"><button type=\"button\" data-sort=\"{key}\">{name}</button></th>");
        }
        html.Add($"</tr></thead><tbody></tbody></table></div><nav id=\"pager\" class=\"pager\" aria-label=\"Pages of rows\" hidden><button type=\"button\" data-page=\"first\">First</button><button type=\"button\" data-page=\"previous\">Previous</button><label>Page <input id=\"page\" type=\"number\" min=\"1\" value=\"1\" inputmode=\"numeric\"></label> <span id=\"pages\"></span><button type=\"button\" data-page=\"next\">Next</button><button type=\"button\" data-page=\"last\">Last</button><label>Rows on a page <select id=\"size\"><option>25</option><option selected>50</option><option>100</option><option>250</option></select></label></nav></section>");
        html.AddMarkup("<script type=\"application/json\" id=\"report-data\">").AddMarkup(data.ToJson()).AddMarkup("</script>");
    }

    private static void Select(HtmlBuilder html, string id, string name) => html.Add($"<label>{name} <select id=\"{id}\"><option value=\"\">all</option></select></label>");
}
