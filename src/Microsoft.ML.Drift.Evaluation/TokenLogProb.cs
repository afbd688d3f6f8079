using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation;

/// <summary>A token that a judge might have said first, and how likely it was.</summary>
/// <param name="Token">The token's text.</param>
/// <param name="LogProb">Its natural log-probability.</param>
public readonly record struct TokenLogProb(string Token, double LogProb)
{
    /// <summary>Reads OpenAI's <c>top_logprobs</c>, objects with <c>token</c> and <c>logprob</c>; null if it is something else.</summary>
    internal static IReadOnlyList<TokenLogProb>? ReadList(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array) return null;
        var tokens = new List<TokenLogProb>();
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
