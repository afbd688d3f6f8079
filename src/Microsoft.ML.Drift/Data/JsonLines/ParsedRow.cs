using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>The fields of a row that have a meaning of their own.</summary>
[Flags]
internal enum RowFields
{
    None = 0,
    Id = 1,
    Prompt = 2,
    Chosen = 4,
    Rejected = 8,
    Completion = 16,
    Feedback = 32,
    Messages = 64,
    Conversation = 128,
    ChosenFinishReason = 256,
    Tools = 512,
    Text = 1024,
    Answers = Chosen | Rejected | Completion,
    All = 2047,
}

/// <summary>A field's value; null and no such field look alike (<see cref="Kind"/> is None).</summary>
/// <param name="Kind">String or StartArray; a message object counts as a list of one.</param>
/// <param name="Text">The string, if it was wanted.</param>
/// <param name="Messages">The messages, if they were wanted.</param>
/// <param name="Shape">What is known of the messages in any case.</param>
internal readonly record struct RowValue(
    JsonTokenType Kind, string? Text = null, IReadOnlyList<ChatMessage>? Messages = null, MessageListShape Shape = default)
{
    public bool IsAbsent => Kind == JsonTokenType.None;

    public bool IsText => Kind == JsonTokenType.String;

    public bool IsMessages => Kind == JsonTokenType.StartArray;

    /// <summary>What was found, for a message to the user.</summary>
    public string Description => Kind switch
    {
        JsonTokenType.None => "nothing",
        JsonTokenType.String => "a string",
        _ => Shape.Count == 1 ? $"a list of one {Shape.FirstRole} message" : $"a list of {Shape.Count} messages",
    };
}

/// <summary>One line's fields, as they stand in it; used again for the next line.</summary>
internal sealed class ParsedRow(int extraFields)
{
    public RowFields Present { get; set; }

    public string? Id { get; set; }

    public RowValue Prompt { get; set; }

    public RowValue Chosen { get; set; }

    public RowValue Rejected { get; set; }

    public RowValue Completion { get; set; }

    public RowValue Feedback { get; set; }

    public RowValue Messages { get; set; }

    public RowValue ChosenFinishReason { get; set; }

    /// <summary>The tools as JSON, or null.</summary>
    public string? Tools { get; set; }

    public RowValue WholeText { get; set; }

    /// <summary>Values of the extra fields, in the order of the options; null where the row has none.</summary>
    public string?[] Extras { get; } = new string?[extraFields];

    public void Clear()
    {
        Present = RowFields.None;
        Id = Tools = null;
        Prompt = Chosen = Rejected = Completion = Feedback = Messages = ChosenFinishReason = WholeText = default;
        Array.Clear(Extras);
    }
}
