using System.Text.Json;
using Microsoft.ML.Drift.Evaluation.Tables;

namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>Reads sessions, which models answer and a judge looks at.</summary>
public static class WildBenchSessions
{
    /// <summary>Reads sessions without outputs: WildBench's own data, or rows of conversations.</summary>
    /// <remarks>
    /// Fields: <c>session_id</c> or <c>id</c> (else the row's number, from 1); <c>conversation_input</c> or <c>prompt</c>, a list of messages with <c>role</c> and <c>content</c> whose last is the query, or the query alone as a text; <c>checklist</c> (a list of
    /// texts; optional); <c>task_groups</c>, or the tags <c>primary_tag</c> and <c>secondary_tags</c> (optional). The conversation before the query becomes text, a paragraph for each message, named USER or ASSISTANT.
    /// </remarks>
    /// <param name="path">The file; its ending (.json, .jsonl, .ndjson, .csv, .parquet) says what it is.</param>
    /// <returns>The sessions, whose <see cref="WildBenchExample.Output"/> is empty: set it with <c>with</c>.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed, or two rows have one name; the message says where.</exception>
    public static IReadOnlyList<WildBenchExample> Read(string path)
    {
        var sessions = TableFile.Read(path).Select(Session).ToList();
        if (sessions.CountBy(session => session.SessionId).FirstOrDefault(each => each.Value > 1) is { Value: > 1 } twice) throw new InvalidDataException($"{path}: the session \"{twice.Key}\" occurs {twice.Value} times.");
        return sessions;
    }

    private static WildBenchExample Session(TableRow row)
    {
        var id = row.FirstOf("session_id", "id") is { } named ? row.Text(named) : $"{row.Position + 1}";
        var field = row.FirstOf("conversation_input", "prompt") ?? "prompt";
        var messages = row.Json(field) is { } list ? [.. Messages(row, field, list)] : new List<(string Role, string Content)> { ("user", row.Text(field)) };
        if (messages.Count == 0 || messages[^1].Role != "user") throw row.Error(field, messages.Count == 0 ? "empty" : $"a conversation that ends with a message of \"{messages[^1].Role}\"", "a conversation that ends with the user's query");
        return new WildBenchExample(id, messages[^1].Content, "")
        {
            History = string.Join("\n\n", messages.SkipLast(1).Select(message => $"{message.Role.ToUpperInvariant()}: {message.Content}")),
            Checklist = row.Texts("checklist"), TaskGroups = WildBenchFiles.Groups(row, null),
        };
    }

    private static IEnumerable<(string Role, string Content)> Messages(TableRow row, string field, JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array) throw row.Error(field, list, "a text, or a list of messages");
        foreach (var message in list.EnumerateArray())
            yield return message.ValueKind == JsonValueKind.Object && Text(message, "role") is { } role && Text(message, "content") is { } content
                ? (role, content) : throw row.Error(field, message, "a list of messages with \"role\" and \"content\"");
    }

    private static string? Text(JsonElement message, string name) => message.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
