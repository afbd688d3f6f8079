using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Generation;

/// <summary>Complaints from a data view, all of them checked before anything is sampled.</summary>
internal static class DsatRowReader
{
    private const int ProblemsTold = 5;

    /// <summary>Checks that the columns are there and of the right types.</summary>
    /// <exception cref="ArgumentException">A column is missing (then it is an <see cref="ArgumentOutOfRangeException"/>) or of another type.</exception>
    public static void CheckSchema(DataViewSchema schema, bool needsFeedback)
    {
        ChatColumn.FindChat(schema, ChatColumnNames.Prompt);
        ChatColumn.FindText(schema, ChatColumnNames.Rejected);
        if (needsFeedback) ChatColumn.FindText(schema, ChatColumnNames.Feedback);
        if (schema.GetColumnOrNull(ChatColumnNames.Tools) is not null) ChatColumn.FindText(schema, ChatColumnNames.Tools);
        if (schema.GetColumnOrNull(ChatColumnNames.RowId) is not null) ChatColumn.FindText(schema, ChatColumnNames.RowId);
    }

    /// <summary>Every row. Where there is no column RowId, a row is named by a hash of its content, so that its name does not depend on its place.</summary>
    /// <exception cref="ArgumentException">The schema does not fit.</exception>
    /// <exception cref="InvalidDataException">Rows are incomplete, or two have the same id.</exception>
    public static IReadOnlyList<DsatRow> Read(IDataView input, bool needsFeedback, CancellationToken cancellationToken)
    {
        CheckSchema(input.Schema, needsFeedback);
        var (rows, problems) = (new List<DsatRow>(), new List<string>());
        using var cursor = input.GetRowCursor(Columns(input.Schema, needsFeedback));
        var prompt = ChatColumn.Getter(cursor, ChatColumnNames.Prompt);
        var rejected = Text(cursor, ChatColumnNames.Rejected)!;
        var feedback = needsFeedback ? Text(cursor, ChatColumnNames.Feedback) : null;
        var tools = Text(cursor, ChatColumnNames.Tools);
        var rowId = Text(cursor, ChatColumnNames.RowId);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        while (cursor.MoveNext())
        {
            cancellationToken.ThrowIfCancellationRequested();
            IReadOnlyList<ChatMessage> messages = [];
            prompt(ref messages);
            var row = new DsatRow(rowId?.Invoke() ?? "", messages, rejected(), feedback?.Invoke() ?? "") { Tools = tools?.Invoke() ?? "" };
            row = row with { RowId = Name(row, seen, problems, cursor.Position, hasColumn: rowId is not null) };
            problems.AddRange(Problems(row, cursor.Position, needsFeedback));
            rows.Add(row);
        }
        if (problems.Count == 0) return rows;
        var more = problems.Count > ProblemsTold ? $" … and {problems.Count - ProblemsTold} more." : "";
        throw new InvalidDataException($"Nothing was sampled: {string.Join(" ", problems.Take(ProblemsTold))}{more}");
    }

    private static IEnumerable<DataViewSchema.Column> Columns(DataViewSchema schema, bool needsFeedback) => schema.Where(column =>
        !column.IsHidden && (column.Name is ChatColumnNames.Prompt or ChatColumnNames.Rejected or ChatColumnNames.RowId or ChatColumnNames.Tools || (needsFeedback && column.Name == ChatColumnNames.Feedback)));

    private static string Name(DsatRow row, Dictionary<string, int> seen, List<string> problems, long position, bool hasColumn)
    {
        var id = hasColumn ? row.RowId : row.ContentHash();
        if (id.Length == 0) problems.Add($"Row {position}: the column \"{ChatColumnNames.RowId}\" is empty; give every row a name of its own, or leave the column out.");
        seen[id] = seen.GetValueOrDefault(id) + 1;
        if (seen[id] == 1 || id.Length == 0) return id;
        // Rows that are equal in everything are told apart by counting; a name given twice is a mistake, and would draw the same random numbers twice.
        if (!hasColumn) return $"{id}-{seen[id]}";
        problems.Add($"Row {position}: the {ChatColumnNames.RowId} \"{id}\" occurs a second time; every row needs a name of its own.");
        return id;
    }

    private static IEnumerable<string> Problems(DsatRow row, long position, bool needsFeedback)
    {
        if (row.Prompt.All(message => string.IsNullOrWhiteSpace(message.Text) && message.AdditionalProperties is null))
            yield return $"Row {position} (\"{row.RowId}\"): the column \"{ChatColumnNames.Prompt}\" is empty; it must hold at least one message, or a text.";
        if (needsFeedback && string.IsNullOrWhiteSpace(row.Feedback))
            yield return $"Row {position} (\"{row.RowId}\"): the column \"{ChatColumnNames.Feedback}\" is empty; guided sampling needs the user's complaint.";
    }

    private static Func<string>? Text(DataViewRow row, string name)
    {
        if (row.Schema.GetColumnOrNull(name) is not { } column) return null;
        var getter = ChatColumn.TextGetter(row, column);
        return () =>
        {
            ReadOnlyMemory<char> value = default;
            getter(ref value);
            return value.ToString();
        };
    }
}
