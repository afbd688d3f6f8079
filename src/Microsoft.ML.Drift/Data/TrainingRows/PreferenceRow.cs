namespace Microsoft.ML.Drift.Data;

/// <summary>A preference pair as text. A text prompt is used as it stands, without the chat template.</summary>
internal sealed record PreferenceRow(string RowId, ChatOrText Prompt, ChatOrText Chosen, ChatOrText Rejected)
{
    /// <summary>False for a sample that was cut by length: it gets no end token, as it did not end.</summary>
    public bool ChosenIsComplete { get; init; } = true;

    /// <summary>JSON for the template's variable <c>tools</c>; null or empty for none.</summary>
    public string? Tools { get; init; }

    /// <inheritdoc cref="ChosenIsComplete"/>
    public bool RejectedIsComplete { get; init; } = true;
}

/// <summary>A preference pair as ids.</summary>
/// <param name="RowId">The row's name.</param>
/// <param name="PromptIds">The prompt, cut by its own limit.</param>
/// <param name="ChosenIds">The better completion, cut by its own limit.</param>
/// <param name="RejectedIds">The worse completion, cut by its own limit.</param>
/// <param name="Chosen">Prompt and better completion as they enter the model, within the maximum length.</param>
/// <param name="Rejected">Prompt and worse completion as they enter the model, within the maximum length.</param>
internal sealed record PreferenceTokens(
    string RowId, int[] PromptIds, int[] ChosenIds, int[] RejectedIds, TokenSequence Chosen, TokenSequence Rejected)
{
    /// <summary>True if both sequences begin with the same prompt, so that it can be computed once.</summary>
    public bool SharesPrompt =>
        Chosen.CompletionStart == Rejected.CompletionStart
        && Chosen.Ids.AsSpan(0, Chosen.CompletionStart).SequenceEqual(Rejected.Ids.AsSpan(0, Rejected.CompletionStart));
}
