using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>Whose rules turn text into ids.</summary>
internal enum TokenizationRules
{
    /// <summary>Ours: one end token, none where the answer was cut; the same prompt on both sides; rows without a completion are dropped.</summary>
    Sound,

    /// <summary>TRL 0.19.1's, accidents included.</summary>
    Trl,
}

/// <summary>Preference pairs from text to ids; counts what it cuts and drops. Not safe for several threads.</summary>
internal sealed class PreferenceTokenization(ChatEncoder encoder, SequenceLimits limits, TokenizationRules rules)
{
    /// <summary>Counts of all rows so far.</summary>
    public TokenizationSummary Summary { get; } = new();

    /// <summary>The row's ids, or null with the reason if no completion token is left (never with TRL's rules).</summary>
    public PreferenceTokens? Tokenize(PreferenceRow row, out string? droppedBecause)
    {
        // TRL 0.19.1's DPOTrainer takes tools from its arguments, never from a row.
        var parts = rules == TokenizationRules.Trl ? TrlTokenization.Encode(encoder, row) : EncodeSoundly(encoder.WithTools(row.Tools, row.RowId), row);
        droppedBecause = null;
        var tokens = Cut(row.RowId, parts);
        if (rules == TokenizationRules.Trl || tokens.Chosen.CompletionLength > 0 && tokens.Rejected.CompletionLength > 0)
        {
            Summary.RowsKept++;
            return tokens;
        }
        droppedBecause = DropReason(tokens.Chosen.CompletionLength == 0 ? "chosen" : "rejected",
            tokens.Chosen.CompletionLength == 0 ? parts.Chosen : parts.Rejected);
        Summary.Drop(droppedBecause);
        return null;
    }

    /// <summary>The ids of a prompt and of its completions, before any cut.</summary>
    internal readonly record struct Parts(int[] Prompt, int[] Chosen, int[] Rejected);

    private static string DropReason(string side, int[] ids) =>
        ids.Length == 0 ? $"{side} has no token" : $"no token of {side} left within the maximum length";

    private static Parts EncodeSoundly(ChatEncoder encoder, PreferenceRow row)
    {
        if (!row.Prompt.IsChat && !row.Chosen.IsChat && !row.Rejected.IsChat)
            return new(encoder.Encode(row.Prompt.Text),
                CompletionEncoding.OfText(encoder, row.Chosen.Text, row.ChosenIsComplete),
                CompletionEncoding.OfText(encoder, row.Rejected.Text, row.RejectedIsComplete));
        var prompt = row.Prompt.AsMessages(ChatRole.User);
        var chosen = encoder.Render([.. prompt, .. row.Chosen.AsMessages(ChatRole.Assistant)]);
        var rejected = encoder.Render([.. prompt, .. row.Rejected.AsMessages(ChatRole.Assistant)]);
        var shared = TextPrefix.Common(TextPrefix.Common(encoder.RenderPrompt(prompt), chosen), rejected);
        return new(encoder.Encode(shared),
            CompletionEncoding.OfTurn(encoder, chosen[shared.Length..], row.ChosenIsComplete),
            CompletionEncoding.OfTurn(encoder, rejected[shared.Length..], row.RejectedIsComplete));
    }

    private PreferenceTokens Cut(string rowId, Parts parts)
    {
        // TRL: a maximum prompt length of 0 keeps everything, as Python's [-0:] does.
        var prompt = limits.MaxPromptLength is > 0 and var maxPrompt ? Last(parts.Prompt, maxPrompt) : parts.Prompt;
        var chosen = First(parts.Chosen, limits.MaxCompletionLength ?? int.MaxValue);
        var rejected = First(parts.Rejected, limits.MaxCompletionLength ?? int.MaxValue);
        Summary.CutByMaxPromptLength = Summary.CutByMaxPromptLength.Add(parts.Prompt.Length - prompt.Length);
        Summary.CutByMaxCompletionLength = Summary.CutByMaxCompletionLength.Add(
            parts.Chosen.Length - chosen.Length + parts.Rejected.Length - rejected.Length);
        var (one, other) = limits.Mode == TruncationMode.KeepPromptEndAndCompletionStart
            ? Balance(prompt, chosen, rejected)
            : (CutWhole(prompt, chosen), CutWhole(prompt, rejected));
        CountByMaxLength(prompt, chosen, rejected, one, other);
        return new(rowId, prompt, chosen, rejected, one, other);
    }

    private (TokenSequence Chosen, TokenSequence Rejected) Balance(int[] prompt, int[] chosen, int[] rejected)
    {
        if (limits.MaxLength is { } max)
        {
            var longest = Math.Max(chosen.Length, rejected.Length);
            prompt = Last(prompt, Math.Max(max - longest, max / 2));
            chosen = First(chosen, max - prompt.Length);
            rejected = First(rejected, max - prompt.Length);
        }
        return (new([.. prompt, .. chosen], prompt.Length), new([.. prompt, .. rejected], prompt.Length));
    }

    private TokenSequence CutWhole(int[] prompt, int[] completion)
    {
        int[] whole = [.. prompt, .. completion];
        if (limits.MaxLength is not { } max || whole.Length <= max) return new(whole, prompt.Length);
        if (limits.Mode == TruncationMode.KeepStart) return new(whole[..max], Math.Min(prompt.Length, max));
        // TRL again: [-0:] keeps everything.
        return max == 0 ? new(whole, prompt.Length) : new(whole[^max..], Math.Max(prompt.Length - (whole.Length - max), 0));
    }

    private void CountByMaxLength(int[] prompt, int[] chosen, int[] rejected, TokenSequence one, TokenSequence other)
    {
        Summary.PromptCutByMaxLength = Summary.PromptCutByMaxLength.Add(
            Math.Max(prompt.Length - one.CompletionStart, prompt.Length - other.CompletionStart));
        Summary.CompletionCutByMaxLength = Summary.CompletionCutByMaxLength.Add(
            chosen.Length - one.CompletionLength + rejected.Length - other.CompletionLength);
    }

    private static int[] First(int[] ids, int count) => ids.Length <= count ? ids : ids[..count];

    private static int[] Last(int[] ids, int count) => ids.Length <= count ? ids : ids[^count..];
}
