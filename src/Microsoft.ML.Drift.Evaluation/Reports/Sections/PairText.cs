namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Conversations and answers as the static parts of the page show them.</summary>
internal static class PairText
{
    private const int Longest = 4000;

    /// <summary>A text in its own block; a long one is cut, and says so.</summary>
    public static void Write(HtmlBuilder html, string? text)
    {
        if (text is null)
        {
            html.Add($"<p class=\"muted\">not recorded</p>");
            return;
        }
        if (string.IsNullOrWhiteSpace(text))
        {
            html.Add($"<p class=\"muted\">(empty)</p>");
            return;
        }
        text = text.Trim();
        var shown = Cut(text, Longest);
        html.Add($"<div class=\"text\" dir=\"auto\">{shown}</div>");
        if (shown.Length < text.Length) html.Add($"<p class=\"cut\">{Words.Plural(text.Length - shown.Length, "more character")} left out; the files of the run have the whole text.</p>");
    }

    /// <summary>The conversation: its last message open, the ones before it folded.</summary>
    public static void WriteConversation(HtmlBuilder html, ReportRow row)
    {
        if (row.Prompt.Count > 1)
        {
            html.Add($"<details class=\"earlier\"><summary>{Words.Plural(row.Prompt.Count - 1, "earlier message")}<span class=\"sr\"> of {row.Id}</span></summary>");
            foreach (var message in row.Prompt.SkipLast(1)) Message(message);
            html.Add($"</details>");
        }
        if (row.Prompt.Count > 0) Message(row.Prompt[^1]);

        void Message(ReportMessage message)
        {
            html.Add($"<div class=\"message\"><p class=\"role\">{message.Role}</p>");
            Write(html, message.Text);
            html.Add($"</div>");
        }
    }

    /// <summary>A panel with an answer.</summary>
    public static void Panel(HtmlBuilder html, string style, string title, string? text)
    {
        html.Add($"<div class=\"panel {style}\"><h4>{title}</h4>");
        Write(html, text);
        html.Add($"</div>");
    }

    public static void Complaint(HtmlBuilder html, ReportRow row)
    {
        if (row.Complaint is null) return;
        html.Add($"<div class=\"panel complaint\"><h4>The complaint</h4>");
        Write(html, row.Complaint);
        html.Add($"</div>");
    }

    /// <summary>The first characters, never half of a surrogate pair.</summary>
    public static string Cut(string text, int length)
    {
        if (text.Length <= length) return text;
        return text[..(length > 0 && char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
    }
}
