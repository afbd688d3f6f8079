using Microsoft.ML.Data;

namespace Microsoft.ML.Drift.Data;

/// <summary>The columns of a JSON Lines file, decided from the options and the file's first row.</summary>
internal sealed class ChatRowSchema
{
    /// <summary>Column names that the loader gives by itself.</summary>
    public static readonly string[] OwnColumns =
    [
        ChatColumnNames.RowId, ChatColumnNames.Prompt, ChatColumnNames.Chosen, ChatColumnNames.Rejected, ChatColumnNames.Feedback,
        ChatColumnNames.ChosenFinishReason, ChatColumnNames.Completion, ChatColumnNames.Messages, ChatColumnNames.Text, ChatColumnNames.Tools,
    ];

    private const string KnownRows =
        "{prompt, rejected, user_preference}, {prompt, chosen, rejected}, {chosen, rejected}, {prompt, completion}, {messages}, " +
        "{conversation}, {text} or {prompt}; set Format to say which is meant";

    private ChatRowSchema(ChatRowFormat format, DataViewType prompts, DataViewType answers, RowFields optional, IReadOnlyList<string> extras)
    {
        Format = format;
        PromptsAreChat = prompts is ChatDataViewType;
        AnswersAreChat = answers is ChatDataViewType;
        Fields = FieldsOf(format) | optional;
        var builder = new DataViewSchema.Builder();
        builder.AddColumn(ChatColumnNames.RowId, TextDataViewType.Instance);
        if (Fields.HasFlag(RowFields.Prompt)) builder.AddColumn(ChatColumnNames.Prompt, prompts, PromptMark());
        if (Fields.HasFlag(RowFields.Chosen)) builder.AddColumn(ChatColumnNames.Chosen, answers);
        if (Fields.HasFlag(RowFields.Rejected)) builder.AddColumn(ChatColumnNames.Rejected, answers);
        if (Fields.HasFlag(RowFields.Completion)) builder.AddColumn(ChatColumnNames.Completion, answers);
        if (Fields.HasFlag(RowFields.Feedback)) builder.AddColumn(ChatColumnNames.Feedback, TextDataViewType.Instance);
        if (Fields.HasFlag(RowFields.Messages)) builder.AddColumn(ChatColumnNames.Messages, ChatDataViewType.Instance);
        if (Fields.HasFlag(RowFields.Text)) builder.AddColumn(ChatColumnNames.Text, TextDataViewType.Instance, VerbatimText.Mark());
        if (Fields.HasFlag(RowFields.Tools)) builder.AddColumn(ChatColumnNames.Tools, TextDataViewType.Instance);
        if (Fields.HasFlag(RowFields.ChosenFinishReason)) builder.AddColumn(ChatColumnNames.ChosenFinishReason, TextDataViewType.Instance);
        FirstExtraColumn = CountOf(Fields);
        foreach (var extra in extras) builder.AddColumn(extra, TextDataViewType.Instance);
        Columns = builder.ToSchema();
    }

    public ChatRowFormat Format { get; }

    public bool PromptsAreChat { get; }

    public bool AnswersAreChat { get; }

    /// <summary>The fields that have a column, the id among them.</summary>
    public RowFields Fields { get; }

    /// <summary>The fields to read: also those that only some rows of the format have.</summary>
    public RowFields ReadFields => Fields | OptionalFields(Format);

    public DataViewSchema Columns { get; }

    /// <summary>Index of the first extra field's column.</summary>
    public int FirstExtraColumn { get; }

    /// <summary>Decides the schema.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="first">The first row, all its fields read; null if there is none.</param>
    /// <exception cref="RowProblemException">The row's fields are those of no known format.</exception>
    /// <exception cref="ArgumentException">The options do not fit the format.</exception>
    public static ChatRowSchema Decide(ChatJsonLinesOptions options, ParsedRow? first)
    {
        var format = options.Format != ChatRowFormat.Auto ? options.Format : FormatOf(first!);
        if (options.ExtraFields.FirstOrDefault(extra => extra == options.IdField || IsFieldOf(format, extra)) is { } known)
            throw new ArgumentException($"ExtraFields holds \"{known}\", which rows of the format {format} already give as a column of their own.");
        if (format == ChatRowFormat.Dissatisfaction && options.Answers == ChatColumnFormat.Chat)
            throw new ArgumentException("Answers is Chat, but the file's rows are DSAT rows, whose answers are always text.");
        var implicitChat = first is not null && format == ChatRowFormat.Pairs && ChatRowReader.HasImplicitPrompt(first) && first.Chosen.IsMessages;
        var prompts = options.Prompts switch
        {
            ChatColumnFormat.Chat => true,
            ChatColumnFormat.Text => false,
            _ => first is null || implicitChat || !(first.Prompt.IsText || first.Prompt.IsAbsent && first.Chosen.IsText),
        };
        var answers = options.Answers switch
        {
            ChatColumnFormat.Chat => true,
            ChatColumnFormat.Text => false,
            _ => format != ChatRowFormat.Dissatisfaction && first is not null && (implicitChat || NeedsChat(first)),
        };
        var optional = OptionalFields(format) & (first?.Present ?? RowFields.None);
        return new ChatRowSchema(format, TypeOf(prompts), TypeOf(answers), optional, options.ExtraFields);
    }

    /// <summary>Plain strings in pairs and prompt–completion rows are whole prompts, not a user's words.</summary>
    private DataViewSchema.Annotations? PromptMark() =>
        !PromptsAreChat && (Format is ChatRowFormat.Pairs or ChatRowFormat.PromptCompletion) ? VerbatimText.Mark() : null;

    private static DataViewType TypeOf(bool chat) => chat ? ChatDataViewType.Instance : TextDataViewType.Instance;

    private static bool NeedsChat(ParsedRow row) =>
        new[] { row.Chosen, row.Rejected, row.Completion }.Any(answer => answer.IsMessages && !answer.Shape.IsOneAnswer);

    private static ChatRowFormat FormatOf(ParsedRow row)
    {
        if (!row.Chosen.IsAbsent && !row.Rejected.IsAbsent) return ChatRowFormat.Pairs;
        if (!row.Prompt.IsAbsent && !row.Rejected.IsAbsent) return ChatRowFormat.Dissatisfaction;
        if (!row.Prompt.IsAbsent && !row.Completion.IsAbsent) return ChatRowFormat.PromptCompletion;
        if (!row.Messages.IsAbsent) return ChatRowFormat.Conversations;
        if (!row.Prompt.IsAbsent && row.Chosen.IsAbsent) return ChatRowFormat.Prompts;
        if (!row.WholeText.IsAbsent) return ChatRowFormat.Text;
        var found = row.Present & ~RowFields.Id;
        throw new RowProblemException("", found == RowFields.None ? "none of the known fields" : $"only the field(s) {found}", KnownRows);
    }

    /// <summary>The fields that tell the columns: those of the format, or all of them where it is still to be found.</summary>
    public static RowFields TellingFields(ChatRowFormat format) =>
        format == ChatRowFormat.Auto ? RowFields.All : FieldsOf(format) | OptionalFields(format);

    private static RowFields OptionalFields(ChatRowFormat format) =>
        format == ChatRowFormat.Text ? RowFields.None : format == ChatRowFormat.Pairs ? RowFields.ChosenFinishReason | RowFields.Tools : RowFields.Tools;

    private static RowFields FieldsOf(ChatRowFormat format) => RowFields.Id | format switch
    {
        ChatRowFormat.Dissatisfaction => RowFields.Prompt | RowFields.Rejected | RowFields.Feedback,
        ChatRowFormat.Pairs => RowFields.Prompt | RowFields.Chosen | RowFields.Rejected,
        ChatRowFormat.PromptCompletion => RowFields.Prompt | RowFields.Completion,
        ChatRowFormat.Conversations => RowFields.Messages | RowFields.Conversation,
        ChatRowFormat.Prompts => RowFields.Prompt,
        ChatRowFormat.Text => RowFields.Text,
        _ => throw new InvalidOperationException($"no fields for {format}"),
    };

    private static bool IsFieldOf(ChatRowFormat format, string name) =>
        ChatRowParser.FieldOf(name) is var field && field != RowFields.None && (FieldsOf(format) | OptionalFields(format) & RowFields.Tools).HasFlag(field);

    private static int CountOf(RowFields fields) =>
        System.Numerics.BitOperations.PopCount((uint)(fields & ~RowFields.Conversation));
}
