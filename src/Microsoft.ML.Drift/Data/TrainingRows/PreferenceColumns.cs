using Microsoft.ML.Data;

namespace Microsoft.ML.Drift.Data;

/// <summary>Names of the columns a preference trainer reads.</summary>
internal sealed record PreferenceColumns
{
    /// <summary>Chat or text.</summary>
    public string Prompt { get; init; } = ChatColumnNames.Prompt;

    /// <summary>Text or chat.</summary>
    public string Chosen { get; init; } = ChatColumnNames.Chosen;

    /// <summary>Text or chat.</summary>
    public string Rejected { get; init; } = ChatColumnNames.Rejected;

    /// <summary>Text; read where the input has it, else rows are named <c>row-0</c>, <c>row-1</c> …</summary>
    public string RowId { get; init; } = ChatColumnNames.RowId;

    /// <summary>Text; read where the input has it: an answer that ended by <c>length</c> is incomplete.</summary>
    public string ChosenFinishReason { get; init; } = ChatColumnNames.ChosenFinishReason;

    /// <summary>Checks a schema before any work.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing.</exception>
    /// <exception cref="ArgumentException">A column has another type.</exception>
    public void Check(DataViewSchema schema)
    {
        foreach (var name in new[] { Prompt, Chosen, Rejected }) ChatColumn.FindChat(schema, name);
    }

    /// <inheritdoc cref="Check(DataViewSchema)"/>
    public void Check(SchemaShape schema)
    {
        foreach (var name in new[] { Prompt, Chosen, Rejected }) ChatColumn.CheckChat(schema, name);
    }

    /// <summary>Reads the rows, one at a time.</summary>
    /// <param name="data">The input.</param>
    /// <param name="textIsVerbatim">
    /// True to take text prompts as they stand, without the chat template; false for the rule of text columns, except where the loader
    /// marked the column as verbatim.
    /// </param>
    public IEnumerable<PreferenceRow> Read(IDataView data, bool textIsVerbatim = false)
    {
        var schema = data.Schema;
        Check(schema);
        DataViewSchema.Column prompt = schema[Prompt], chosen = schema[Chosen], rejected = schema[Rejected];
        var finish = TrainingColumn.OptionalText(schema, ChosenFinishReason);
        var tools = TrainingColumn.OptionalText(schema, ChatColumnNames.Tools);
        var id = TrainingColumn.OptionalText(schema, RowId);
        var verbatim = textIsVerbatim || VerbatimText.IsMarked(prompt);
        using var cursor = data.GetRowCursor(TrainingColumn.Needed(prompt, chosen, rejected, finish, tools, id));
        var readPrompt = ChatColumn.ChatOrTextGetter(cursor, prompt, verbatim);
        var readChosen = ChatColumn.ChatOrTextGetter(cursor, chosen, verbatim);
        var readRejected = ChatColumn.ChatOrTextGetter(cursor, rejected, verbatim);
        var readFinish = TrainingColumn.Reader(cursor, finish);
        var readTools = TrainingColumn.Reader(cursor, tools);
        var readId = TrainingColumn.Reader(cursor, id);
        while (cursor.MoveNext())
        {
            ChatOrText promptValue = default, chosenValue = default, rejectedValue = default;
            readPrompt(ref promptValue);
            readChosen(ref chosenValue);
            readRejected(ref rejectedValue);
            var name = readId?.Invoke() is { Length: > 0 } own ? own : $"row-{cursor.Position}";
            yield return new PreferenceRow(name, TrainingColumn.Resolve(promptValue, verbatim), chosenValue, rejectedValue)
            {
                Tools = readTools?.Invoke(),
                ChosenIsComplete = !string.Equals(readFinish?.Invoke(), "length", StringComparison.OrdinalIgnoreCase),
            };
        }
    }
}
