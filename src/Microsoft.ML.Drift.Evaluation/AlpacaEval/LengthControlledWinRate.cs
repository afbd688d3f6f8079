namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>
/// The length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475): what a logistic model of the judge's preferences predicts for outputs as long as the baseline's.
/// </summary>
/// <param name="WinRate">100 · mean σ(φ·γ + ψ), 0 to 100.</param>
/// <param name="StandardError">100 · sample standard deviation of the predictions / √rows.</param>
/// <param name="Weights">The fitted coefficients.</param>
/// <param name="RegularizationStrength">The strength C that was used.</param>
/// <param name="CrossValidationScores">For each strength of the grid its mean held-out log-likelihood; null if C was given.</param>
public sealed record LengthControlledWinRate(
    double WinRate, double StandardError, LengthControlWeights Weights, double RegularizationStrength, IReadOnlyList<double>? CrossValidationScores);

/// <summary>The coefficients of the logistic model η = θ·tanh(s) + φ·γ + ψ, s being the standardized difference of lengths and γ the instruction's difficulty.</summary>
/// <param name="Length">θ, of the difference of lengths (baseline minus model).</param>
/// <param name="Difficulty">φ, of the instruction's difficulty; 0 in a model without it.</param>
/// <param name="Model">ψ, the model's strength.</param>
public readonly record struct LengthControlWeights(double Length, double Difficulty, double Model)
{
    /// <summary>Predicts how often the judge would prefer the model at the baseline's length.</summary>
    /// <param name="difficulties">γ of each row.</param>
    /// <returns>Win rate and standard error, 0 to 100.</returns>
    /// <exception cref="ArgumentException">There is no row.</exception>
    public (double WinRate, double StandardError) Predict(IReadOnlyList<double> difficulties)
    {
        ArgumentNullException.ThrowIfNull(difficulties);
        if (difficulties.Count == 0) throw new ArgumentException("There is no row to predict.", nameof(difficulties));
        var (slope, offset) = (Difficulty, Model);
        var predictions = difficulties.Select(difficulty => Logistic.Sigmoid(slope * difficulty + offset)).ToArray();
        var mean = predictions.Average();
        return (100 * mean, 100 * AlpacaEvalMetrics.StandardErrorOf(predictions, mean));
    }

    /// <summary>How often the judge would prefer one model to another at equal length: mean σ((ψ_a − ψ_b) + (φ_a − φ_b)·γ).</summary>
    /// <param name="first">The weights of the model whose wins are counted.</param>
    /// <param name="second">The other model's, fitted against the same baseline.</param>
    /// <param name="difficulties">γ of each instruction.</param>
    /// <returns>A fraction, 0 to 1.</returns>
    /// <exception cref="ArgumentException">There is no instruction.</exception>
    public static double Compare(LengthControlWeights first, LengthControlWeights second, IReadOnlyList<double> difficulties) =>
        new LengthControlWeights(0, first.Difficulty - second.Difficulty, first.Model - second.Model).Predict(difficulties).WinRate / 100;
}
