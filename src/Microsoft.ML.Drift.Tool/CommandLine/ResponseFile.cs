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

    public static List<ResponseLine> Read(string path)
    {
        var rows = JsonLinesInput.Read(path).Select(Row).ToList();
        return rows.Count > 0 ? rows : throw new InvalidInputException($"{path}: there is no row.");
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
        return new ResponseLine
        {
            RowId = Optional(line, "id"), Prompt = Optional(line, "prompt"), Response = Content(line, response, line.Required(response, JsonValueKind.String, JsonValueKind.Array)),
            Rejected = Optional(line, "rejected"), Feedback = Optional(line, "user_preference"), FinishReason = FinishReason(line),
        };
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
