namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>AlpacaEval 2's figures of one model against the baseline. Percentages are 0 to 100.</summary>
/// <param name="WinRate">Mean preference for the model, the preference being a probability.</param>
/// <param name="StandardError">Of the win rate: sample standard deviation over the square root of the number of judgements; NaN for one judgement.</param>
/// <param name="DiscreteWinRate">The win rate with each judgement rounded to a win, a loss or (exactly 1.5) half of each.</param>
/// <param name="Wins">Judgements for the model.</param>
/// <param name="BaselineWins">Judgements for the baseline.</param>
/// <param name="Draws">Judgements of exactly 1.5.</param>
/// <param name="Total">Judgements.</param>
/// <param name="Missing">Rows without a judgement, which no figure counts.</param>
/// <param name="AverageLength">Mean length of the model's outputs over all rows, in code points, rounded down as upstream does.</param>
/// <param name="LengthControlled">The length-controlled win rate; null if it was not asked for.</param>
public sealed record AlpacaEvalMetrics(
    double WinRate, double StandardError, double DiscreteWinRate, int Wins, int BaselineWins, int Draws, int Total, int Missing, int AverageLength, LengthControlledWinRate? LengthControlled)
{
    /// <summary>The figures of annotations.</summary>
    /// <param name="annotations">The annotations of one model, in the file's order.</param>
    /// <param name="lengthControl">How to compute the length-controlled win rate; null: not at all.</param>
    /// <exception cref="ArgumentException">There is no annotation, or none with a judgement; or <paramref name="lengthControl"/> does not fit the annotations.</exception>
    public static AlpacaEvalMetrics Compute(IReadOnlyList<AlpacaEvalAnnotation> annotations, LengthControl? lengthControl = null)
    {
        ArgumentNullException.ThrowIfNull(annotations);
        var values = annotations.Select(annotation => annotation.Judgement - 1).Where(value => !double.IsNaN(value)).ToArray();
        if (values.Length == 0) throw new ArgumentException($"None of the {annotations.Count} annotations has a judgement: a preference from 1 to 2.", nameof(annotations));
        var mean = values.Average();
        return new AlpacaEvalMetrics(
            100 * mean,
            100 * StandardErrorOf(values, mean),
            100 * values.Average(value => value == 0.5 ? 0.5 : value > 0.5 ? 1.0 : 0.0),
            values.Count(value => value > 0.5),
            values.Count(value => value < 0.5),
            values.Count(value => value == 0.5),
            values.Length,
            annotations.Count - values.Length,
            (int)Math.Floor(annotations.Average(annotation => (double)annotation.OutputLength)),
            lengthControl?.Compute(annotations));
    }

    internal static double StandardErrorOf(IReadOnlyCollection<double> values, double mean) =>
        Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1)) / Math.Sqrt(values.Count);
}
