namespace Microsoft.ML.Drift.Data;

/// <summary>What the rows of a JSON Lines file are.</summary>
public enum ChatRowFormat
{
    /// <summary>Decided by the fields of the file's first row.</summary>
    Auto,

    /// <summary>Answers users complained about, <c>{prompt, rejected, user_preference}</c>: columns Prompt, Rejected, Feedback.</summary>
    Dissatisfaction,

    /// <summary>Preference pairs, <c>{prompt, chosen, rejected}</c>, or <c>{chosen, rejected}</c> that both begin with the prompt:
    /// columns Prompt, Chosen, Rejected.</summary>
    Pairs,

    /// <summary>Prompts with the wanted answer, <c>{prompt, completion}</c>: columns Prompt, Completion.</summary>
    PromptCompletion,

    /// <summary>Raw logs, <c>{messages}</c> or <c>{conversation}</c>: column Messages.</summary>
    Conversations,

    /// <summary>Prompts alone, <c>{prompt}</c>: column Prompt.</summary>
    Prompts,

    /// <summary>Whole texts for supervised fine-tuning, <c>{text}</c>: column Text.</summary>
    Text,
}

/// <summary>The type a loaded column has.</summary>
public enum ChatColumnFormat
{
    /// <summary>Decided by the file's first row.</summary>
    Auto,

    /// <summary>Lists of messages. A row that holds a plain string gives one message: of the user in prompts, of the assistant in answers.</summary>
    Chat,

    /// <summary>Plain text. A prompt must be a string; an answer must be a string or a list of one assistant message.</summary>
    Text,
}

/// <summary>What happens at a row that cannot be read.</summary>
public enum OnBadRow
{
    /// <summary>Reading stops with an <see cref="InvalidDataException"/> that names file, line, field, what was found and what is allowed.</summary>
    Throw,

    /// <summary>The row is left out, and counted in <see cref="ChatJsonLinesOptions.Report"/>.</summary>
    Skip,
}

/// <summary>How <c>LoadFromChatJsonLines</c> reads.</summary>
public sealed record ChatJsonLinesOptions
{
    /// <summary>What the rows are. Default: decided by the fields of the first row.</summary>
    public ChatRowFormat Format { get; init; } = ChatRowFormat.Auto;

    /// <summary>
    /// Type of the column Prompt. Default: as in the first row, text for a string and chat for a list of messages. A text prompt of pairs and of
    /// prompt–completion rows is put to the model as it stands, without the chat template; other text is one user turn.
    /// </summary>
    public ChatColumnFormat Prompts { get; init; } = ChatColumnFormat.Auto;

    /// <summary>
    /// Type of the columns Chosen, Rejected and Completion. Default: by the first row, chat where an answer has more than one message or
    /// the prompt is part of the answers, else text. Answers of DSAT rows are always text.
    /// </summary>
    public ChatColumnFormat Answers { get; init; } = ChatColumnFormat.Auto;

    /// <summary>
    /// Other fields of the rows to carry along, each a text column of the field's name: a string as it is, null or no such field as
    /// empty text, anything else as its JSON. Default: none.
    /// </summary>
    public IReadOnlyList<string> ExtraFields { get; init; } = [];

    /// <summary>
    /// The field that gives the column RowId: a string or a number. Rows without it are named by their place, <c>line-37</c> (with several
    /// files <c>file-2-line-37</c>), which stays the same as long as the file does. Default <c>id</c>.
    /// </summary>
    public string IdField { get; init; } = "id";

    /// <summary>What happens at a row that cannot be read. Default: an error.</summary>
    public OnBadRow OnBadRow { get; init; } = OnBadRow.Throw;

    /// <summary>Where rows left out are told; only with <see cref="OnBadRow.Skip"/>. Default: nowhere.</summary>
    public BadRowReport? Report { get; init; }

    internal IEnumerable<string> Problems()
    {
        if (!Enum.IsDefined(Format)) yield return $"Format is {(int)Format}, which is not a {nameof(ChatRowFormat)}.";
        if (!Enum.IsDefined(Prompts)) yield return $"Prompts is {(int)Prompts}, which is not a {nameof(ChatColumnFormat)}.";
        if (!Enum.IsDefined(Answers)) yield return $"Answers is {(int)Answers}, which is not a {nameof(ChatColumnFormat)}.";
        if (!Enum.IsDefined(OnBadRow)) yield return $"OnBadRow is {(int)OnBadRow}, which is not an {nameof(Data.OnBadRow)}.";
        if (string.IsNullOrEmpty(IdField)) yield return "IdField is empty; it must name a field (rows without it are named by line).";
        if (Report is not null && OnBadRow == OnBadRow.Throw) yield return "Report is set, but OnBadRow is Throw: nothing would be reported.";
        foreach (var problem in ExtraFieldProblems()) yield return problem;
        if (Answers == ChatColumnFormat.Chat && Format == ChatRowFormat.Dissatisfaction)
            yield return "Answers is Chat, but the answers of DSAT rows are always text.";
        if (Prompts != ChatColumnFormat.Auto && (Format is ChatRowFormat.Conversations or ChatRowFormat.Text))
            yield return $"Prompts is set, but rows of the format {Format} have no column Prompt.";
        if (Answers != ChatColumnFormat.Auto && (Format is ChatRowFormat.Conversations or ChatRowFormat.Prompts or ChatRowFormat.Text))
            yield return $"Answers is set, but rows of the format {Format} have no answers.";
    }

    private IEnumerable<string> ExtraFieldProblems()
    {
        if (ExtraFields is null) yield return "ExtraFields is null; it must be a list, empty for no extra column.";
        else
        {
            foreach (var twice in ExtraFields.GroupBy(field => field).Where(group => group.Count() > 1))
                yield return $"ExtraFields names \"{twice.Key}\" {twice.Count()} times; once is allowed.";
            foreach (var field in ExtraFields.Where(field => string.IsNullOrEmpty(field) || ChatRowSchema.OwnColumns.Contains(field)))
                yield return $"ExtraFields holds \"{field}\"; it must be a field's name other than {string.Join(", ", ChatRowSchema.OwnColumns)}.";
        }
    }
}
