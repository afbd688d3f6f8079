using System.Text.Json;
using Microsoft.ML.Drift.Evaluation.Tables;

namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>Reads judged rows: WildBench's own result files, or JSON Lines, CSV or Parquet; and writes them.</summary>
public static class WildBenchFiles
{
    private const string Truncated = "... (truncated)";
    private const string Empty = "[This model response is empty.]";

    /// <summary>Reads scores.</summary>
    /// <remarks>
    /// Fields: <c>session_id</c>; <c>score</c> (a number or its text); <c>model_output</c> or <c>output</c> (text), or in its place <c>len_output</c>, <c>is_empty</c>, <c>is_truncated</c>; and, unless
    /// <paramref name="taskGroups"/> has them, <c>task_groups</c>, or the tags <c>primary_tag</c> and <c>secondary_tags</c>.
    /// </remarks>
    /// <param name="path">The file; its ending (.json, .jsonl, .ndjson, .csv, .parquet) says what it is.</param>
    /// <param name="taskGroups">The groups of each session; see <see cref="ReadTaskGroups"/>. Null: the file has them, or there are none.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed; the message says where.</exception>
    public static IReadOnlyList<WildBenchScoreRow> ReadScores(string path, IReadOnlyDictionary<string, string[]>? taskGroups = null) => [.. TableFile.Read(path).Select(row =>
    {
        var (length, empty, truncated) = Output(row, "len_output", "model_output", "output");
        var score = row.NumberOrNull("score");
        if (score is not (>= 1 and <= 10)) throw row.Error("score", score, "a number from 1 to 10");
        return new WildBenchScoreRow
        {
            SessionId = row.Text("session_id"), Score = score.Value, OutputLength = length, IsEmpty = empty || row.Flag("is_empty"), IsTruncated = truncated || row.Flag("is_truncated"),
            TaskGroups = Groups(row, taskGroups),
        };
    })];

    /// <summary>Reads comparisons of one model, by baseline.</summary>
    /// <remarks>
    /// Fields: <c>session_id</c> (optional); <c>baseline</c> (its name; optional); the verdict as <c>outcome</c> (win_much, win, tie, lose, lose_much for the tested model, or skipped), or as in WildBench's result files <c>winner</c> and
    /// <c>extent</c> with <c>model_outputs</c> (an object of both outputs by model name); else the lengths <c>len_test</c> and <c>len_baseline</c>; <c>is_skipped</c>, <c>count</c> (how often the row occurs), <c>task_groups</c> or tags, all optional.
    /// </remarks>
    /// <param name="path">The file; its ending (.json, .jsonl, .ndjson, .csv, .parquet) says what it is.</param>
    /// <param name="model">The tested model's name: rows with another <c>model</c> are left out, and in WildBench's result files it tells which output is the model's. Null: all rows.</param>
    /// <param name="taskGroups">The groups of each session; see <see cref="ReadTaskGroups"/>. Null: the file has them, or there are none.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed; the message says where.</exception>
    public static IReadOnlyDictionary<string, IReadOnlyList<WildBenchComparison>> ReadComparisons(string path, string? model = null, IReadOnlyDictionary<string, string[]>? taskGroups = null)
    {
        var rows = TableFile.Read(path).Where(row => model is null || !row.Has("model") || row.Text("model") == model)
            .SelectMany(row => Enumerable.Repeat(Comparison(row, model, taskGroups), row.Has("count") ? row.Count("count") : 1));
        return rows.GroupBy(row => row.Baseline).ToDictionary(group => group.Key, group => (IReadOnlyList<WildBenchComparison>)[.. group.Select(row => row.Comparison)]);
    }

    /// <summary>Reads the task groups of each session: fields <c>session_id</c> (or <c>id</c>) and <c>task_groups</c> (a list, or text with | between), or <c>primary_tag</c> and <c>secondary_tags</c>.</summary>
    /// <param name="path">The file; its ending (.json, .jsonl, .ndjson, .csv, .parquet) says what it is.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed; the message says where.</exception>
    public static IReadOnlyDictionary<string, string[]> ReadTaskGroups(string path) =>
        TableFile.Read(path).ToDictionary(row => row.Text(row.FirstOf("session_id", "id") ?? "session_id"), row => Groups(row, null));

    /// <summary>Writes scores as JSON, which <see cref="ReadScores"/> reads. The file is there whole or not at all.</summary>
    /// <param name="rows">The scores.</param>
    /// <param name="path">The file, .json by ending.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteScores(IEnumerable<WildBenchScoreRow> rows, string path)
    {
        ArgumentNullException.ThrowIfNull(rows);
        JsonTable.WriteArray(path, rows.Select(row => new Dictionary<string, object?>
        {
            ["session_id"] = row.SessionId, ["score"] = row.Score, ["len_output"] = row.OutputLength, ["is_empty"] = row.IsEmpty, ["is_truncated"] = row.IsTruncated, ["task_groups"] = row.TaskGroups,
        }));
    }

    /// <summary>Writes comparisons as JSON, which <see cref="ReadComparisons"/> reads. The file is there whole or not at all.</summary>
    /// <param name="comparisons">The comparisons, by the baseline's name.</param>
    /// <param name="path">The file, .json by ending.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteComparisons(IReadOnlyDictionary<string, IReadOnlyList<WildBenchComparison>> comparisons, string path)
    {
        ArgumentNullException.ThrowIfNull(comparisons);
        JsonTable.WriteArray(path, comparisons.SelectMany(baseline => baseline.Value.Select(row => new Dictionary<string, object?>
        {
            ["session_id"] = row.SessionId, ["baseline"] = baseline.Key, ["outcome"] = Names[(WildBenchOutcome)row.Outcome], ["len_test"] = row.OutputLength, ["len_baseline"] = row.BaselineLength,
            ["is_skipped"] = row.IsSkipped, ["task_groups"] = row.TaskGroups,
        })));
    }

    /// <summary>Whether an output is one that WildBench leaves out of comparisons: cut before judging, or nothing at all.</summary>
    internal static bool IsLeftOut(string output) => output.TrimEnd().EndsWith(Truncated, StringComparison.Ordinal) || output == Empty;

    internal static bool IsTruncated(string output) => output.TrimEnd().EndsWith(Truncated, StringComparison.Ordinal);

    private static (string Baseline, WildBenchComparison Comparison) Comparison(TableRow row, string? model, IReadOnlyDictionary<string, string[]>? taskGroups)
    {
        var comparison = new WildBenchComparison { SessionId = row.TextOrNull("session_id") ?? "", TaskGroups = Groups(row, taskGroups), IsSkipped = row.Flag("is_skipped") };
        if (row.Json("model_outputs") is { } outputs) return Published(row, outputs, model, comparison);
        comparison.IsSkipped |= row.TextOrNull("outcome") == "skipped";
        if (comparison.IsSkipped) return (row.TextOrNull("baseline") ?? "", comparison);
        comparison.Outcome = (int)(OutcomeOf(row.Text("outcome")) ?? throw row.Error("outcome", row.Text("outcome"), "win_much, win, tie, lose, lose_much or skipped"));
        (comparison.OutputLength, comparison.BaselineLength) = (row.Count("len_test"), row.Count("len_baseline"));
        return (row.TextOrNull("baseline") ?? "", comparison);
    }

    /// <summary>A row of WildBench's own result files.</summary>
    private static (string Baseline, WildBenchComparison Comparison) Published(TableRow row, JsonElement outputs, string? model, WildBenchComparison comparison)
    {
        var names = outputs.ValueKind == JsonValueKind.Object ? outputs.EnumerateObject().Where(output => output.Value.ValueKind == JsonValueKind.String).Select(output => output.Name).ToList() : [];
        if (names.Count != 2) throw row.Error("model_outputs", $"{names.Count} outputs", "an object of two outputs");
        if (model is null || !names.Contains(model)) throw new InvalidDataException($"{row.Where}: name the tested model, which is one of: {string.Join(", ", names)}.");
        var baseline = names.Single(name => name != model);
        var (own, other) = (outputs.GetProperty(model).GetString()!, outputs.GetProperty(baseline).GetString()!);
        var winner = row.Text("winner");
        var extent = row.Count("extent");
        if (extent > 2 || (winner != "tie" && winner != model && winner != baseline)) throw row.Error("winner", winner, $"tie, {model} or {baseline}, with an extent of 0, 1 or 2");
        comparison.Outcome = winner == "tie" ? 0 : winner == model ? extent : -extent;
        (comparison.OutputLength, comparison.BaselineLength) = (TextLength.Of(own), TextLength.Of(other));
        comparison.IsSkipped |= IsLeftOut(own) || IsLeftOut(other);
        return (baseline, comparison);
    }

    private static readonly Dictionary<WildBenchOutcome, string> Names = new()
    {
        [WildBenchOutcome.MuchBetter] = "win_much", [WildBenchOutcome.SlightlyBetter] = "win", [WildBenchOutcome.Tie] = "tie", [WildBenchOutcome.SlightlyWorse] = "lose", [WildBenchOutcome.MuchWorse] = "lose_much",
    };

    private static WildBenchOutcome? OutcomeOf(string name) => Names.Where(each => each.Value == name).Select(each => (WildBenchOutcome?)each.Key).FirstOrDefault();

    private static (int Length, bool Empty, bool Truncated) Output(TableRow row, string lengthField, params ReadOnlySpan<string> textFields)
    {
        if (row.FirstOf(textFields) is not { } field) return (row.Count(lengthField), false, false);
        var text = row.Text(field).Trim();
        return (TextLength.Of(text), text.Length == 0, IsTruncated(text));
    }

    internal static string[] Groups(TableRow row, IReadOnlyDictionary<string, string[]>? taskGroups)
    {
        if (taskGroups is not null) return row.TextOrNull("session_id") is { } session ? taskGroups.GetValueOrDefault(session) ?? [] : [];
        if (row.Has("task_groups"))
        {
            var groups = row.Texts("task_groups");
            foreach (var group in groups)
                if (!WildBenchTasks.Groups.Contains(group)) throw row.Error("task_groups", group, $"one of: {string.Join(", ", WildBenchTasks.Groups)}");
            return [.. groups];
        }
        var tags = row.TextOrNull("primary_tag") is { } primary ? row.Texts("secondary_tags").Prepend(primary) : row.Texts("secondary_tags");
        try
        {
            return [.. tags.Select(WildBenchTasks.GroupOf)];
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"{row.Where}: {error.Message}", error);
        }
    }
}
