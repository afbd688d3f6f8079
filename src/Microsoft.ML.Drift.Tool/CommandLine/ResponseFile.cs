using System.CommandLine;
using System.Text.Json;
using Microsoft.ML.Drift.Evaluation.Offline;

namespace Microsoft.ML.Drift.Tool;

/// <summary>A line of a file of answers; empty where the line lacks the field.</summary>
internal sealed class ResponseLine
{
    public string RowId { get; set; } = "";

    public string Prompt { get; set; } = "";

    public string Response { get; set; } = "";

    public string Rejected { get; set; } = "";

    public string Feedback { get; set; } = "";

    public string FinishReason { get; set; } = "";
}

/// <summary>Reads answers from JSON Lines: what <c>drift generate</c> writes, alone or together with what was asked.</summary>
internal static class ResponseFile
{
    public static readonly Option<string?> Baseline = new("--baseline") { Description = "Another model's answers to the same rows, to compare with.", HelpName = "FILE" };

    public static readonly Option<string?> Rows = new("--rows")
    {
        Description = "What was asked, in the order of the answers: rows with \"prompt\", \"id\", \"rejected\", \"user_preference\", such as the input of drift generate.",
        HelpName = "FILE",
    };

    /// <param name="path">The answers.</param>
    /// <param name="rowsPath">What was asked, row by row; null: the answers have it, as far as it is known.</param>
    public static List<ResponseLine> Read(string path, string? rowsPath)
    {
        var rows = JsonLinesInput.Read(path).Select(line => Row(line)).ToList();
        if (rows.Count == 0) throw new InvalidInputException($"{path}: there is no row.");
        if (rowsPath is null) return rows;
        var asked = JsonLinesInput.Read(rowsPath).Select(line => Fill(line, new ResponseLine())).ToList();
        if (asked.Count != rows.Count) throw new InvalidInputException($"{rowsPath} has {asked.Count} rows and {path} {rows.Count}; each answer must have its row.");
        foreach (var (row, question) in rows.Zip(asked))
            (row.RowId, row.Prompt, row.Rejected, row.Feedback) = (Or(row.RowId, question.RowId), Or(row.Prompt, question.Prompt), Or(row.Rejected, question.Rejected), Or(row.Feedback, question.Feedback));
        return rows;

        static string Or(string own, string other) => own.Length > 0 ? own : other;
    }

    /// <summary>The columns that all rows of all files have.</summary>
    public static ResponseColumns Columns(IReadOnlyList<IReadOnlyList<ResponseLine>> files)
    {
        return new ResponseColumns
        {
            RowId = Named("RowId", row => row.RowId), Prompt = Named("Prompt", row => row.Prompt), Rejected = Named("Rejected", row => row.Rejected),
            Feedback = Named("Feedback", row => row.Feedback), FinishReason = Named("FinishReason", row => row.FinishReason),
        };

        string Named(string name, Func<ResponseLine, string> field) => files.All(rows => rows.All(row => field(row).Length > 0)) ? name : $"{name} (not in the file)";
    }

    private static ResponseLine Row(JsonLine line)
    {
        var response = line.Field("response", JsonValueKind.String, JsonValueKind.Array) is not null ? "response" : line.Field("text", JsonValueKind.String) is not null ? "text" : "completion";
        return Fill(line, new ResponseLine { Response = Content(line, response, line.Required(response, JsonValueKind.String, JsonValueKind.Array)), FinishReason = FinishReason(line) });
    }

    private static ResponseLine Fill(JsonLine line, ResponseLine row)
    {
        (row.RowId, row.Prompt, row.Rejected, row.Feedback) = (Optional(line, "id"), Optional(line, "prompt"), Optional(line, "rejected"), Optional(line, "user_preference"));
        return row;
    }

    private static string FinishReason(JsonLine line)
    {
        if (line.Field("finish_reason", JsonValueKind.String) is null) return "";
        var reason = line.Text("finish_reason");
        return reason is "stop" or "length" ? reason : throw line.Error($"\"finish_reason\" is \"{reason}\"; it must be stop or length.");
    }

    private static string Optional(JsonLine line, string name) => line.Field(name, JsonValueKind.String, JsonValueKind.Array, JsonValueKind.Object) is { } value ? Content(line, name, value) : "";

    /// <summary>Text, or the contents of a message or of messages.</summary>
    private static string Content(JsonLine line, string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => line.TextOf(value, name),
        JsonValueKind.Array => string.Join('\n', value.EnumerateArray().Select(item => Content(line, name, item))),
        JsonValueKind.Object when value.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String => line.TextOf(content, name),
        _ => throw line.Error($"\"{name}\" must be a text, a message with \"content\", or a list of messages."),
    };
}
