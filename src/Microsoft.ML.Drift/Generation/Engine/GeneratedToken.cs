namespace Microsoft.ML.Drift.Generation;

/// <summary>One token of an answer, as soon as it is drawn.</summary>
public sealed class GeneratedToken
{
    internal GeneratedToken(int id, string text, float logProb, IReadOnlyList<TokenLogProb> mostProbable, FinishReason? finishReason) =>
        (Id, Text, LogProb, MostProbable, FinishReason) = (id, text, logProb, mostProbable, finishReason);

    /// <summary>The token's id; an end token is given out too.</summary>
    public int Id { get; }

    /// <summary>
    /// The text that became certain with this token: whole characters only, and nothing that may turn out to begin a stop text. It may be empty, and may
    /// hold characters of earlier tokens. All texts of an answer, joined, are the answer.
    /// </summary>
    public string Text { get; }

    /// <summary>The token's natural log-probability under the model itself, before penalties, temperature, top-k and top-p.</summary>
    public float LogProb { get; }

    /// <summary>The most probable tokens of this place, best first, with their log-probabilities; as many as were asked for.</summary>
    public IReadOnlyList<TokenLogProb> MostProbable { get; }

    /// <summary>Why the answer ended; null but for its last token.</summary>
    public FinishReason? FinishReason { get; }
}

/// <summary>A token that could have come.</summary>
/// <param name="id">The token's id.</param>
/// <param name="logProb">Its natural log-probability under the model itself.</param>
public sealed class TokenLogProb(int id, float logProb)
{
    /// <summary>The token's id.</summary>
    public int Id => id;

    /// <summary>Its natural log-probability under the model itself.</summary>
    public float LogProb => logProb;
}
