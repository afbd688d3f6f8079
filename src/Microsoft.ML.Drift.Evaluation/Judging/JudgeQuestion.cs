using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>One question to a judge.</summary>
/// <param name="Id">Names the question in answers and messages; it is no part of what makes two questions the same.</param>
/// <param name="Template">Name and version of the template the messages were made with. Another version is another question, also where the messages are equal.</param>
/// <param name="Messages">What the judge is shown; text only.</param>
public sealed record JudgeQuestion(string Id, string Template, IReadOnlyList<ChatMessage> Messages)
{
    /// <summary>The longest reply, in tokens; null leaves it to the endpoint.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>How many candidates for the first token are wanted, 1 to 20; null: none.</summary>
    public int? TopLogProbs { get; init; }
}

/// <summary>What a judge said.</summary>
/// <param name="Text">The reply.</param>
/// <param name="Candidates">The candidates for its first token, best first; null if they were not asked for, or the client does not give them.</param>
/// <param name="FinishReason">Why the reply ended, in the endpoint's words.</param>
/// <param name="Model">The model that replied, as the endpoint names it.</param>
/// <param name="InputTokens">Tokens of the question as the endpoint counted them; 0 if it does not say.</param>
/// <param name="OutputTokens">Tokens of the reply as the endpoint counted them; 0 if it does not say.</param>
public sealed record JudgeReply(string Text, IReadOnlyList<CandidateToken>? Candidates, string? FinishReason, string? Model, long InputTokens, long OutputTokens);

/// <summary>Reads a judge's reply.</summary>
/// <typeparam name="T">What a reply means.</typeparam>
/// <param name="reply">The reply.</param>
/// <param name="value">What it means.</param>
/// <param name="problem">Why it cannot be read, in a sentence that the judge is shown.</param>
/// <returns>Whether it could be read.</returns>
public delegate bool JudgeReplyReader<T>(JudgeReply reply, out T value, out string problem);

/// <summary>A question's outcome.</summary>
/// <typeparam name="T">What a reply means.</typeparam>
/// <param name="Id">The question.</param>
/// <param name="IsAnswered">Whether there is an answer.</param>
/// <param name="Value">The answer; the type's default if there is none.</param>
/// <param name="Problem">Why there is none; else empty.</param>
/// <param name="Reply">The last reply, readable or not; null if none came.</param>
public sealed record JudgeAnswer<T>(string Id, bool IsAnswered, T? Value, string Problem, JudgeReply? Reply);

/// <summary>How far a judge is.</summary>
/// <param name="Done">Questions with an outcome.</param>
/// <param name="Total">Questions.</param>
/// <param name="Usage">What was used so far.</param>
public readonly record struct JudgeProgress(int Done, int Total, JudgeUsage Usage);
