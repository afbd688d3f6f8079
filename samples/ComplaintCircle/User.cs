using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace ComplaintCircle;

/// <summary>A question with a short answer.</summary>
/// <param name="Text">What is asked.</param>
/// <param name="Answers">Words of which a right answer holds one.</param>
/// <param name="IsHeldOut">Whether nobody complains about its answer: it is only asked before and after.</param>
internal sealed record Question(
    [property: JsonPropertyName("question")] string Text, [property: JsonPropertyName("answers")] string[] Answers, [property: JsonPropertyName("held_out")] bool IsHeldOut)
{
    public static Question[] Read(string path) => [.. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<Question>(line)!)];
}

/// <summary>What the server answered, and what its user thinks of it. The user wants the right answer in at most 15 words.</summary>
/// <param name="Question">What was asked.</param>
/// <param name="Text">The answer.</param>
/// <param name="IsComplete">Whether the model ended it itself.</param>
/// <param name="Tokens">Its tokens.</param>
internal sealed record Answer(Question Question, string Text, bool IsComplete, int Tokens)
{
    private const int MostWords = 15;

    public bool IsRight => Question.Answers.Any(word => Regex.IsMatch(Text, $@"(?<![\p{{L}}\p{{N}}]){Regex.Escape(word)}", RegexOptions.IgnoreCase));

    public bool IsShort => IsComplete && Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length <= MostWords;

    public bool Satisfies => IsRight && IsShort;

    /// <summary>What the user says is wrong; null if nothing is.</summary>
    public string? Complaint =>
        !IsRight ? $"That is wrong. The answer is {Question.Answers[0]}." : !IsShort ? "That is too long. Answer in one short sentence." : null;
}
