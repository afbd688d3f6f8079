using Microsoft.ML.Data;

namespace Microsoft.ML.Drift.Data;

/// <summary>Names of the columns supervised fine-tuning reads: Messages, or Prompt and Completion, or Text.</summary>
internal sealed record SftColumns
{
    /// <summary>Chat: whole conversations. Read where the input has it.</summary>
    public string Messages { get; init; } = ChatColumnNames.Messages;

    /// <summary>Chat or text.</summary>
    public string Prompt { get; init; } = ChatColumnNames.Prompt;

    /// <summary>Text or chat.</summary>
    public string Completion { get; init; } = ChatColumnNames.Completion;

    /// <inheritdoc cref="PreferenceColumns.RowId"/>
    public string RowId { get; init; } = ChatColumnNames.RowId;

    /// <summary>Checks a schema before any work.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing.</exception>
    /// <exception cref="ArgumentException">A column has another type.</exception>
    public void Check(DataViewSchema schema)
    {
        if (schema.GetColumnOrNull(Messages) is not null) ChatColumn.FindChat(schema, Messages);
        else if (IsText(schema.Select(column => column.Name))) ChatColumn.FindText(schema, ChatColumnNames.Text);
        else foreach (var name in new[] { Prompt, Completion }) ChatColumn.FindChat(schema, name);
    }

    /// <inheritdoc cref="Check(DataViewSchema)"/>
    public void Check(SchemaShape schema)
    {
        if (schema.Any(column => column.Name == Messages)) ChatColumn.CheckChat(schema, Messages);
        else if (IsText(schema.Select(column => column.Name))) ChatColumn.CheckChat(schema, ChatColumnNames.Text);
        else foreach (var name in new[] { Prompt, Completion }) ChatColumn.CheckChat(schema, name);
    }

    // Whole texts, where there is neither a conversation nor a prompt.
    private bool IsText(IEnumerable<string> names) => names.Contains(ChatColumnNames.Text) && !names.Contains(Prompt) && !names.Contains(Completion);

    /// <inheritdoc cref="PreferenceColumns.Read"/>
    public IEnumerable<SftRow> Read(IDataView data, bool textIsVerbatim = false)
    {
        var schema = data.Schema;
        Check(schema);
        var isText = schema.GetColumnOrNull(Messages) is null && IsText(schema.Select(column => column.Name));
        var messages = schema.GetColumnOrNull(isText ? ChatColumnNames.Text : Messages);
        var prompt = messages ?? schema[Prompt];
        DataViewSchema.Column? completion = messages is null ? schema[Completion] : null;
        var id = TrainingColumn.OptionalText(schema, RowId);
        var tools = TrainingColumn.OptionalText(schema, ChatColumnNames.Tools);
        var verbatim = isText || (messages is null && (textIsVerbatim || VerbatimText.IsMarked(prompt)));
        using var cursor = data.GetRowCursor(TrainingColumn.Needed(prompt, completion, tools, id));
        var readPrompt = ChatColumn.ChatOrTextGetter(cursor, prompt, verbatim);
        var readCompletion = completion is { } column ? ChatColumn.ChatOrTextGetter(cursor, column, verbatim) : null;
        var readTools = TrainingColumn.Reader(cursor, tools);
        var readId = TrainingColumn.Reader(cursor, id);
        while (cursor.MoveNext())
        {
            ChatOrText promptValue = default, completionValue = default;
            readPrompt(ref promptValue);
            readCompletion?.Invoke(ref completionValue);
            var name = readId?.Invoke() is { Length: > 0 } own ? own : $"row-{cursor.Position}";
            yield return new SftRow(name, TrainingColumn.Resolve(promptValue, verbatim), readCompletion is null ? null : completionValue) { Tools = readTools?.Invoke() };
        }
    }
}
