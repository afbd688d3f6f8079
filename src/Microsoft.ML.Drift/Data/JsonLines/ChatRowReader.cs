using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>Turns lines into the values of a schema's columns; one instance per cursor.</summary>
internal sealed class ChatRowReader
{
    private readonly ChatRowSchema _schema;
    private readonly ChatRowParser _parser;
    private readonly ParsedRow _row;
    private readonly RowFields _wanted;

    /// <param name="schema">The columns.</param>
    /// <param name="options">The loader's options.</param>
    /// <param name="wanted">Fields whose columns are active.</param>
    public ChatRowReader(ChatRowSchema schema, ChatJsonLinesOptions options, RowFields wanted)
    {
        _schema = schema;
        _parser = new ChatRowParser(options.IdField, options.ExtraFields);
        _row = new ParsedRow(options.ExtraFields.Count);
        _wanted = wanted;
    }

    public string? Id => _row.Id;

    public ChatOrText Prompt { get; private set; }

    public ChatOrText Chosen { get; private set; }

    public ChatOrText Rejected { get; private set; }

    public ChatOrText Completion { get; private set; }

    public string Feedback => TextOf(_row.Feedback);

    public string ChosenFinishReason => _row.ChosenFinishReason.Text ?? "";

    public string Text => _row.WholeText.Text ?? "";

    public string Tools => _row.Tools ?? "";

    public IReadOnlyList<ChatMessage> Messages => _row.Messages.Messages ?? [];

    public string Extra(int index) => _row.Extras[index] ?? "";

    /// <summary>True if chosen and rejected hold the prompt: the row has none, or (as some published sets do) a text that repeats it
    /// beside answers that begin with it.</summary>
    public static bool HasImplicitPrompt(ParsedRow row) =>
        row.Prompt.IsAbsent || row.Prompt.IsText && row.Chosen.IsMessages && row.Chosen.Shape.FirstRole != ChatRole.Assistant.Value;

    /// <summary>Reads a line.</summary>
    /// <exception cref="RowProblemException">The line is not a sound row of the schema.</exception>
    public void Read(ReadOnlySpan<byte> line)
    {
        _parser.Parse(line, _schema.ReadFields, _wanted, _row);
        if (_schema.Format == ChatRowFormat.Pairs && HasImplicitPrompt(_row))
        {
            // Where the prompt ends is seen only with both answers at hand, whichever columns are active.
            const RowFields both = RowFields.Chosen | RowFields.Rejected;
            if ((_wanted & both) != both) _parser.Parse(line, _schema.ReadFields, _wanted | both, _row);
            SplitPrompt();
        }
        CheckAndConvert();
    }

    private void SplitPrompt()
    {
        RowValue chosen = _row.Chosen, rejected = _row.Rejected;
        if (chosen.IsAbsent || rejected.IsAbsent || chosen.Kind != rejected.Kind)
            throw new RowProblemException(
                "prompt", $"no list of messages, chosen {chosen.Description} and rejected {rejected.Description}",
                "a prompt; or chosen and rejected of one kind that both begin with it");
        if (chosen.IsText)
        {
            var at = ImplicitPrompt.SharedText(chosen.Text!, rejected.Text!);
            _row.Prompt = chosen with { Text = chosen.Text![..at] };
            _row.Chosen = chosen with { Text = chosen.Text![at..] };
            _row.Rejected = rejected with { Text = rejected.Text![at..] };
            return;
        }
        var shared = ImplicitPrompt.SharedMessages(chosen.Messages!, rejected.Messages!);
        if (shared == 0)
            throw new RowProblemException("prompt", "nothing, and chosen and rejected differ in their first message",
                "a prompt; or chosen and rejected that both begin with it");
        _row.Prompt = Part(chosen.Messages!, 0, shared);
        _row.Chosen = Part(chosen.Messages!, shared, chosen.Messages!.Count);
        _row.Rejected = Part(rejected.Messages!, shared, rejected.Messages!.Count);
    }

    private static RowValue Part(IReadOnlyList<ChatMessage> messages, int from, int to)
    {
        var part = messages.Skip(from).Take(to - from).ToList();
        var isAnswer = part.Count == 1 && part[0].Role == ChatRole.Assistant && part[0].AdditionalProperties is null;
        return new(System.Text.Json.JsonTokenType.StartArray, null, part, new(part.Count, part.Count == 0 ? "" : part[0].Role.Value, isAnswer));
    }

    private void CheckAndConvert()
    {
        var fields = _schema.Fields;
        if (fields.HasFlag(RowFields.Prompt)) Prompt = PromptValue(_row.Prompt);
        if (fields.HasFlag(RowFields.Chosen)) Chosen = Answer("chosen", _row.Chosen);
        if (fields.HasFlag(RowFields.Rejected)) Rejected = Answer("rejected", _row.Rejected);
        if (fields.HasFlag(RowFields.Completion)) Completion = Answer("completion", _row.Completion);
        if (fields.HasFlag(RowFields.Feedback)) CheckFeedback();
        if (!fields.HasFlag(RowFields.ChosenFinishReason) && !_row.ChosenFinishReason.IsAbsent)
            throw new RowProblemException("chosen_finish_reason", "a value, but the first row has none",
                "the field in the first row too (it decides the columns), if any row has it");
        if (!fields.HasFlag(RowFields.Tools) && _row.Tools is not null)
            throw new RowProblemException("tools", "a value, but the first row has none",
                "the field in the first row too (it decides the columns; null for none), if any row has it");
        if (fields.HasFlag(RowFields.Text) && _row.WholeText.IsAbsent) throw new RowProblemException("text", "nothing", "text");
        if (fields.HasFlag(RowFields.Messages) && _row.Messages.Shape.Count == 0)
            throw new RowProblemException("messages", _row.Messages.IsAbsent ? "nothing" : "an empty list", "a list of at least one message");
    }

    private ChatOrText PromptValue(RowValue value)
    {
        if (_schema.PromptsAreChat)
        {
            if (value.IsText) return value.Text is null ? default : new(ChatText.Parse(value.Text));
            if (value.Shape.Count > 0) return value.Messages is null ? default : new(value.Messages);
            throw new RowProblemException("prompt", value.IsAbsent ? "nothing" : "an empty list", "a list of at least one message, or text");
        }
        if (value.IsText) return new(value.Text ?? "");
        throw new RowProblemException("prompt", value.Description, "a string, as the column Prompt is text; set Prompts = Chat for messages");
    }

    private ChatOrText Answer(string field, RowValue value)
    {
        if (_schema.AnswersAreChat)
        {
            if (value.IsText) return new([new ChatMessage(ChatRole.Assistant, value.Text ?? "")]);
            if (value.Shape.Count > 0) return value.Messages is null ? default : new(value.Messages);
            throw new RowProblemException(field, value.IsAbsent ? "nothing" : "an empty list", "a list of at least one message, or text");
        }
        if (value.IsText || value.Shape.IsOneAnswer) return new(TextOf(value));
        throw new RowProblemException(field, value.Description, _schema.Format == ChatRowFormat.Dissatisfaction
            ? "text, or a list of one assistant message"
            : "text, or a list of one assistant message, as the column is text; set Answers = Chat for longer answers");
    }

    private void CheckFeedback()
    {
        if (_row.Feedback.IsAbsent)
            throw new RowProblemException("user_preference", "nothing", "the user's complaint: a message {\"role\", \"content\"}, or its text");
        if (_row.Feedback.IsMessages && _row.Feedback.Shape.FirstRole != ChatRole.User.Value)
            throw new RowProblemException("user_preference.role", $"\"{_row.Feedback.Shape.FirstRole}\"", "user");
    }

    private static string TextOf(RowValue value) => value.Text ?? (value.Messages is [var message, ..] ? message.Text : "");
}
