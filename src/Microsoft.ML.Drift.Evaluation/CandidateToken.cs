using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation;

/// <summary>A token that a judge might have said first, and how likely it was.</summary>
/// <param name="Text">The token's text.</param>
/// <param name="LogProb">Its natural log-probability.</param>
public readonly record struct CandidateToken(string Text, double LogProb)
{
    /// <summary>The candidates for the first token in OpenAI's <c>logprobs</c> object of a choice; null if it has none.</summary>
    internal static IReadOnlyList<CandidateToken>? ReadFirst(JsonElement logProbs)
    {
        if (logProbs.ValueKind != JsonValueKind.Object || !logProbs.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.Array || content.GetArrayLength() == 0) return null;
        return content[0].ValueKind == JsonValueKind.Object && content[0].TryGetProperty("top_logprobs", out var top) ? ReadList(top) : null;
    }

    /// <summary>Reads OpenAI's <c>top_logprobs</c>, objects with <c>token</c> and <c>logprob</c>; null if it is something else.</summary>
    private static List<CandidateToken>? ReadList(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array) return null;
        var tokens = new List<CandidateToken>();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("token", out var token) || token.ValueKind != JsonValueKind.String
                || !item.TryGetProperty("logprob", out var logProb) || logProb.ValueKind != JsonValueKind.Number) return null;
            try
            {
                tokens.Add(new(token.GetString()!, logProb.GetDouble()));
            }
            catch (InvalidOperationException)
            {
                // Half of a surrogate pair: a token that is a part of a character, and so neither of the two that count.
            }
        }
        return tokens;
    }
}
