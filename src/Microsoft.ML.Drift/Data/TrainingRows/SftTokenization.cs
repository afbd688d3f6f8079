using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>A row for supervised fine-tuning as text: a prompt with its completion, a conversation, or a whole text.</summary>
/// <param name="RowId">The row's name.</param>
/// <param name="Prompt">The prompt, or the whole conversation or text if <paramref name="Completion"/> is null.</param>
/// <param name="Completion">The wanted answer.</param>
internal sealed record SftRow(string RowId, ChatOrText Prompt, ChatOrText? Completion)
{
    /// <inheritdoc cref="PreferenceRow.Tools"/>
    public string? Tools { get; init; }
}

/// <summary>Which tokens the loss of supervised fine-tuning asks for.</summary>
public enum SftLabels
{
    /// <summary>The completion, or in a conversation what the assistant says.</summary>
    Answers,

    /// <summary>Every token.</summary>
    All,
}

/// <summary>Rows of supervised fine-tuning from text to ids; counts what it cuts and drops. Not safe for several threads.</summary>
internal sealed class SftTokenization(ChatEncoder untold, int? maxLength, SftLabels labels, TokenizationRules rules)
{
    /// <summary>Counts of all rows so far.</summary>
    public TokenizationSummary Summary { get; } = new();

    /// <summary>The row's ids and labels, or null with the reason if no label is left (never with TRL's rules).</summary>
    public LabelledSequence? Tokenize(SftRow row, out string? droppedBecause)
    {
        var encoder = untold.WithTools(row.Tools, row.RowId);
        var whole = (rules, row.Completion) switch
        {
            (_, null) when !row.Prompt.IsChat => OfText(encoder, row.Prompt.Text),
            (TokenizationRules.Trl, { } completion) => TrlSftTokenization.OfPair(encoder, row.Prompt, completion),
            (TokenizationRules.Trl, null) => TrlSftTokenization.OfConversation(encoder, Conversation(row), labels),
            (_, { } completion) => OfPair(encoder, row.Prompt, completion),
            _ => OfConversation(encoder, Conversation(row)),
        };
        var cut = rules == TokenizationRules.Sound && row.Completion is not null ? CutPair(whole) : CutEnd(whole);
        if (labels == SftLabels.All) cut = cut with { IsLabel = [.. cut.IsLabel.Select(_ => true)] };
        // A sequence's first token is predicted by nothing.
        droppedBecause = rules == TokenizationRules.Trl || cut.IsLabel.Skip(1).Contains(true) ? null
            : whole.IsLabel.Skip(1).Contains(true) ? "no answer token left within the maximum length" : "no answer token";
        if (droppedBecause is null) Summary.RowsKept++;
        else Summary.Drop(droppedBecause);
        return droppedBecause is null ? cut : null;
    }

    private static IReadOnlyList<ChatMessage> Conversation(SftRow row) => row.Prompt.AsMessages(ChatRole.User);

    private static LabelledSequence OfPair(ChatEncoder encoder, ChatOrText prompt, ChatOrText completion)
    {
        int[] promptIds, completionIds;
        if (!prompt.IsChat && !completion.IsChat)
        {
            promptIds = encoder.Encode(prompt.Text);
            completionIds = CompletionEncoding.OfText(encoder, completion.Text, isComplete: true);
        }
        else
        {
            var messages = prompt.AsMessages(ChatRole.User);
            var full = encoder.Render([.. messages, .. completion.AsMessages(ChatRole.Assistant)]);
            var shared = TextPrefix.Common(encoder.RenderPrompt(messages), full);
            promptIds = encoder.Encode(shared);
            completionIds = CompletionEncoding.OfTurn(encoder, full[shared.Length..], isComplete: true);
        }
        return new([.. promptIds, .. completionIds], [.. promptIds.Select(_ => false), .. completionIds.Select(_ => true)]);
    }

    /// <summary>
    /// A whole text with the tokenizer's own special tokens and one end token, every token a label: the language-modeling rows of TRL, whose rule this is.
    /// </summary>
    private static LabelledSequence OfText(ChatEncoder encoder, string text)
    {
        var end = encoder.Tokenizer.IdToToken(encoder.EosId)!;
        var ids = encoder.Encode(text.EndsWith(end, StringComparison.Ordinal) ? text : text + end, addSpecialTokens: true);
        return new(ids, [.. ids.Select(_ => true)]);
    }

    /// <summary>Every assistant turn up to its end token is a label; text between the turns is tokenized piece by piece.</summary>
    private static LabelledSequence OfConversation(ChatEncoder encoder, IReadOnlyList<ChatMessage> messages)
    {
        var full = encoder.Render(messages);
        var ids = new List<int>();
        var isLabel = new List<bool>();
        var done = 0;
        for (var i = 1; i < messages.Count; i++)
        {
            if (messages[i].Role != ChatRole.Assistant) continue;
            var start = TextPrefix.Common(full, encoder.RenderPrompt([.. messages.Take(i)])).Length;
            var end = i == messages.Count - 1 ? full.Length : TextPrefix.Common(full, encoder.Render([.. messages.Take(i + 1)])).Length;
            start = Math.Max(start, done);
            if (end <= start) continue;
            Add(encoder.Encode(full[done..start]), label: false);
            var turn = encoder.Encode(full[start..end]);
            var trained = CompletionEncoding.OfTurn(encoder, full[start..end], isComplete: true);
            Add(trained, label: true);
            if (i < messages.Count - 1 && turn.Length > trained.Length) Add(turn[trained.Length..], label: false);
            done = end;
        }
        Add(encoder.Encode(full[done..]), label: false);
        return new([.. ids], [.. isLabel]);

        void Add(int[] more, bool label)
        {
            ids.AddRange(more);
            isLabel.AddRange(more.Select(_ => label));
        }
    }

    /// <summary>The first ids stay, as in TRL.</summary>
    private LabelledSequence CutEnd(LabelledSequence whole)
    {
        var length = Math.Min(whole.Ids.Length, maxLength ?? int.MaxValue);
        Summary.CompletionCutByMaxLength = Summary.CompletionCutByMaxLength.Add(whole.Ids.Length - length);
        return new(whole.Ids[..length], whole.IsLabel[..length]);
    }

    /// <summary>The prompt gives way first, down to half of the maximum length; the answer is never lost.</summary>
    private LabelledSequence CutPair(LabelledSequence whole)
    {
        if (maxLength is not { } max || whole.Ids.Length <= max) return whole;
        var completion = whole.IsLabel.Count(label => label);
        var prompt = whole.Ids.Length - completion;
        var keptPrompt = Math.Min(prompt, Math.Max(max - completion, max / 2));
        var from = prompt - keptPrompt;
        Summary.PromptCutByMaxLength = Summary.PromptCutByMaxLength.Add(from);
        return CutEnd(new(whole.Ids[from..], whole.IsLabel[from..]));
    }
}
