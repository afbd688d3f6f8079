namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>The preference that AlpacaEval 2 reads from the judge's first token.</summary>
public static class JudgePreference
{
    /// <summary>A tie, as for equal outputs, which are not judged.</summary>
    public const double Tie = 1.5;

    /// <summary>The token by which the judge names the output shown first.</summary>
    internal const string First = "m";

    /// <summary>The token by which it names the output shown second.</summary>
    internal const string Second = "M";

    /// <summary>
    /// P(m) = e^l_m / (e^l_m + e^l_M) of the two tokens that name an output; a token that is not among the candidates has probability 0, other tokens are ignored.
    /// The preference is 2 − P(m) if the baseline was shown first, else 1 + P(m).
    /// </summary>
    /// <param name="topLogProbs">The judge's candidates for its first token.</param>
    /// <param name="switched">Whether the model's output was shown first and the baseline's second.</param>
    /// <returns>1 (the baseline is better) to 2 (the model is); null if neither token is among the candidates.</returns>
    public static double? FromLogProbs(IReadOnlyList<CandidateToken> topLogProbs, bool switched)
    {
        ArgumentNullException.ThrowIfNull(topLogProbs);
        var (first, second) = (LogProbOf(topLogProbs, First), LogProbOf(topLogProbs, Second));
        if (double.IsNegativeInfinity(first) && double.IsNegativeInfinity(second)) return null;
        // 1 / (1 + e^(l_M − l_m)) overflows for neither sign.
        var probabilityOfFirst = 1 / (1 + Math.Exp(second - first));
        return switched ? 1 + probabilityOfFirst : 2 - probabilityOfFirst;
    }

    private static double LogProbOf(IReadOnlyList<CandidateToken> tokens, string token)
    {
        foreach (var each in tokens)
            if (each.Text == token && !double.IsNaN(each.LogProb)) return each.LogProb;
        return double.NegativeInfinity;
    }
}
