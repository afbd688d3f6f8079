namespace Microsoft.ML.Drift.Data;

/// <summary>The column names that loaders write and that estimators read unless told otherwise.</summary>
public static class ChatColumnNames
{
    /// <summary>Text: names the row from run to run; a sampler keys its random numbers by it.</summary>
    public const string RowId = nameof(RowId);

    /// <summary>Chat, or text (one user turn): the messages before the answer.</summary>
    public const string Prompt = nameof(Prompt);

    /// <summary>Text, or chat where answers have several turns: the better answer of a pair.</summary>
    public const string Chosen = nameof(Chosen);

    /// <summary>Text, or chat where answers have several turns: the worse answer, in DSAT rows the one the user complained about.</summary>
    public const string Rejected = nameof(Rejected);

    /// <summary>Text: the user's complaint about <see cref="Rejected"/>.</summary>
    public const string Feedback = nameof(Feedback);

    /// <summary>Text: why the sampled <see cref="Chosen"/> ended: <c>stop</c>, or <c>length</c> for an answer that was cut.</summary>
    public const string ChosenFinishReason = nameof(ChosenFinishReason);

    /// <summary>Text or chat: the answer of a prompt–completion row.</summary>
    public const string Completion = nameof(Completion);

    /// <summary>Chat: a whole conversation from a raw log.</summary>
    public const string Messages = nameof(Messages);

    /// <summary>Text: a whole training text, which supervised fine-tuning learns from its first token to its last.</summary>
    public const string Text = nameof(Text);

    /// <summary>Text: the tools the row's chat template is told of, as the JSON that its variable <c>tools</c> gets; empty for none.</summary>
    public const string Tools = nameof(Tools);

    /// <summary>Text: what a model answered.</summary>
    public const string Response = nameof(Response);
}
