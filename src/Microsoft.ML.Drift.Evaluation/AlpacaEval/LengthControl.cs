using MathNet.Numerics.Statistics;

namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>Which of the published models of length control is fitted.</summary>
public enum LengthControlFormula
{
    /// <summary>The leaderboard's: difference of lengths, difficulty, model, with the regularizing rows.</summary>
    Full,

    /// <summary>The same without the regularizing rows.</summary>
    WithoutRegularizingRows,

    /// <summary>Difference of lengths and model alone: for instructions whose difficulty is not known.</summary>
    Minimal,
}

/// <summary>Computes the length-controlled win rate.</summary>
public sealed record LengthControl
{
    /// <summary>AlpacaEval's data. Null is allowed with <see cref="LengthControlFormula.Minimal"/> alone, which needs none.</summary>
    public LengthControlData? Data { get; init; }

    /// <summary>Which model is fitted. Default: the leaderboard's.</summary>
    public LengthControlFormula Formula { get; init; } = LengthControlFormula.Full;

    /// <summary>The regularization strength C, greater than 0; null (the default) chooses it from <see cref="Grid"/> by five-fold cross-validation, as the leaderboard does.</summary>
    public double? RegularizationStrength { get; init; }

    /// <summary>The strengths that cross-validation tries: ten from 1e-4 to 1e4, evenly spaced logarithms.</summary>
    public static IReadOnlyList<double> Grid { get; } = [.. Enumerable.Range(0, 10).Select(k => Math.Pow(10, -4 + 8 * k / 9.0))];

    private const int Folds = 5;
    private const double RegularizingWeight = 0.1;

    /// <summary>Fits the model to annotations and predicts.</summary>
    /// <param name="annotations">The annotations of one model.</param>
    /// <exception cref="ArgumentException">The settings are bad, no annotation has a judgement, or the difficulty of a row is not known.</exception>
    public LengthControlledWinRate Compute(IReadOnlyList<AlpacaEvalAnnotation> annotations)
    {
        ArgumentNullException.ThrowIfNull(annotations);
        Validate();
        if (annotations.All(annotation => double.IsNaN(annotation.Judgement))) throw new ArgumentException("No annotation has a judgement.", nameof(annotations));
        // The baseline against itself is not fitted.
        if (annotations.All(annotation => annotation.Judgement == JudgePreference.Tie && annotation.OutputLength == annotation.BaselineLength))
            return new LengthControlledWinRate(50, 0, default, RegularizationStrength ?? double.NaN, null);

        var difficulties = annotations.Select(DifficultyOf).ToArray();
        var lengths = StandardizedTanh(annotations.Select(annotation => (double)(annotation.BaselineLength - annotation.OutputLength)));
        var own = annotations
            .Select((annotation, i) => new LogisticRow([lengths[i], difficulties[i], 1], annotation.Judgement - 1, 1))
            .Where(row => !double.IsNaN(row.Label));
        LogisticRow[] rows = [.. Formula == LengthControlFormula.Full ? RegularizingRows() : [], .. own];

        IReadOnlyList<double>? scores = null;
        var strength = RegularizationStrength ?? Grid[Best(scores = CrossValidate(rows))];
        var solution = Logistic.Fit(rows, strength);
        var weights = new LengthControlWeights(solution[0], solution[1], solution[2]);
        var (winRate, standardError) = weights.Predict(difficulties);
        return new LengthControlledWinRate(winRate, standardError, weights, strength, scores);
    }

    private void Validate()
    {
        var problems = new List<string>();
        if (RegularizationStrength is { } strength && !(strength > 0 && double.IsFinite(strength))) problems.Add($"RegularizationStrength is {strength}; it must be a finite number greater than 0.");
        if (!Enum.IsDefined(Formula)) problems.Add($"Formula is {Formula}; allowed are {string.Join(", ", Enum.GetNames<LengthControlFormula>())}.");
        if (Data is null && Formula != LengthControlFormula.Minimal) problems.Add($"Data is null; {Formula} needs AlpacaEval's difficulties. Load them with LengthControlData.Load, or take Minimal.");
        if (Formula == LengthControlFormula.Full && Data is { RegularizingRows.Count: 0 }) problems.Add("Data has no regularizing rows (gamed_baseline.csv); add the file, or take WithoutRegularizingRows.");
        if (problems.Count > 0) throw new ArgumentException($"{nameof(LengthControl)}: {string.Join(" ", problems)}");
    }

    // By position, not by instruction: where a file lacks rows, all later ones are off by one, and so are the published figures.
    private double DifficultyOf(AlpacaEvalAnnotation annotation)
    {
        if (Formula == LengthControlFormula.Minimal) return 0;
        var known = Data!.Difficulties;
        return annotation.Row < known.Count && annotation.Row >= 0
            ? known[annotation.Row]
            : throw new ArgumentException($"The annotation in row {annotation.Row} has no difficulty: {known.Count} are known. Take {LengthControlFormula.Minimal} for instructions that are not AlpacaEval's.");
    }

    private IEnumerable<LogisticRow> RegularizingRows() => Data!.RegularizingRows.GroupBy(row => row.Variant).SelectMany(variant =>
    {
        var rows = variant.ToList();
        var lengths = StandardizedTanh(rows.Select(row => row.LengthDifference));
        return rows.Select((row, i) => new LogisticRow([lengths[i], Data.Difficulties[row.Index], 0], row.Preference, RegularizingWeight));
    });

    /// <summary>tanh of the differences divided by their sample standard deviation; they are not centred.</summary>
    private static double[] StandardizedTanh(IEnumerable<double> lengthDifferences)
    {
        var differences = lengthDifferences.ToArray();
        var deviation = differences.StandardDeviation();
        // Differences that are all alike, or a single one, say nothing about length.
        return deviation > 0 ? [.. differences.Select(difference => Math.Tanh(difference / deviation))] : new double[differences.Length];
    }

    private double[] CrossValidate(LogisticRow[] rows)
    {
        var foldOf = Data?.FoldsOf(rows.Length) ?? LengthControlData.RoundRobin(rows.Length);
        var scores = new double[Grid.Count];
        for (var fold = 0; fold < Folds; fold++)
        {
            var training = rows.Where((_, i) => foldOf[i] != fold).ToArray();
            var held = rows.Where((_, i) => foldOf[i] == fold).ToArray();
            if (held.Length == 0 || training.Length == 0) throw new ArgumentException($"{rows.Length} judged rows are too few for {Folds}-fold cross-validation; set RegularizationStrength.");
            for (var k = 0; k < Grid.Count; k++) scores[k] += Logistic.MeanLogLikelihood(held, Logistic.Fit(training, Grid[k])) / Folds;
        }
        return scores;
    }

    private static int Best(IReadOnlyList<double> scores)
    {
        var best = 0;
        for (var k = 1; k < scores.Count; k++)
            if (scores[k] > scores[best]) best = k;
        return best;
    }
}
