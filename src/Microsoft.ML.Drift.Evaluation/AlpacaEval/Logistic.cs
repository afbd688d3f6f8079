namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>A row of a logistic regression: its features, a soft label from 0 to 1, and its weight.</summary>
internal readonly record struct LogisticRow(double[] Features, double Label, double Weight);

/// <summary>Logistic regression with an L1 penalty on every coefficient: minimizes Σ|β_j| + C · Σ w·[log(1 + e^η) − y·η], η = x·β.</summary>
internal static class Logistic
{
    private const int MaxSteps = 200;
    private const double Tolerance = 1e-12;

    public static double Sigmoid(double eta) => eta >= 0 ? 1 / (1 + Math.Exp(-eta)) : Math.Exp(eta) / (1 + Math.Exp(eta));

    /// <summary>
    /// The minimum, by Newton steps on the smooth part: each step minimizes its quadratic model plus the penalty by coordinate descent, then is shortened until the
    /// objective falls (Lee, Sun and Saunders 2014). It runs until a step no longer moves a coefficient, where upstream's solver stops early.
    /// </summary>
    public static double[] Fit(IReadOnlyList<LogisticRow> rows, double strength)
    {
        var beta = new double[rows[0].Features.Length];
        var objective = Objective(rows, beta, strength);
        for (var step = 0; step < MaxSteps; step++)
        {
            var (gradient, hessian) = Derivatives(rows, beta, strength);
            var direction = Direction(beta, gradient, hessian);
            var size = direction.Max(Math.Abs);
            if (size <= Tolerance * (1 + beta.Max(Math.Abs))) return beta;
            if (!Shorten(rows, strength, gradient, direction, ref beta, ref objective)) return beta;
        }
        return beta;
    }

    /// <summary>Mean over rows of w·[y·log π + (1 − y)·log(1 − π)], π kept within 1e-15 of 0 and 1; the divisor is the number of rows.</summary>
    public static double MeanLogLikelihood(IReadOnlyList<LogisticRow> rows, double[] beta) => rows.Average(row =>
    {
        var probability = Math.Clamp(Sigmoid(Dot(row.Features, beta)), 1e-15, 1 - 1e-15);
        return row.Weight * (row.Label * Math.Log(probability) + (1 - row.Label) * Math.Log(1 - probability));
    });

    private static double Objective(IReadOnlyList<LogisticRow> rows, double[] beta, double strength)
    {
        var loss = 0.0;
        foreach (var row in rows)
        {
            var eta = Dot(row.Features, beta);
            loss += row.Weight * (Math.Max(eta, 0) + Math.Log(1 + Math.Exp(-Math.Abs(eta))) - row.Label * eta);
        }
        return beta.Sum(Math.Abs) + strength * loss;
    }

    private static (double[] Gradient, double[,] Hessian) Derivatives(IReadOnlyList<LogisticRow> rows, double[] beta, double strength)
    {
        var n = beta.Length;
        var (gradient, hessian) = (new double[n], new double[n, n]);
        foreach (var row in rows)
        {
            var probability = Sigmoid(Dot(row.Features, beta));
            var slope = strength * row.Weight * (probability - row.Label);
            var curvature = strength * row.Weight * probability * (1 - probability);
            for (var i = 0; i < n; i++)
            {
                gradient[i] += slope * row.Features[i];
                for (var j = 0; j < n; j++) hessian[i, j] += curvature * row.Features[i] * row.Features[j];
            }
        }
        // Rows that are all certain have no curvature left; a trace of it keeps the step finite.
        for (var i = 0; i < n; i++) hessian[i, i] += 1e-12 * (1 + hessian[i, i]);
        return (gradient, hessian);
    }

    /// <summary>The d that minimizes g·d + d·H·d/2 + Σ|β + d|.</summary>
    private static double[] Direction(double[] beta, double[] gradient, double[,] hessian)
    {
        var n = beta.Length;
        var direction = new double[n];
        for (var sweep = 0; sweep < 10_000; sweep++)
        {
            var moved = 0.0;
            for (var i = 0; i < n; i++)
            {
                var slope = gradient[i];
                for (var j = 0; j < n; j++) slope += hessian[i, j] * direction[j];
                var at = beta[i] + direction[i];
                var target = at - slope / hessian[i, i];
                var shrunk = Math.Sign(target) * Math.Max(0, Math.Abs(target) - 1 / hessian[i, i]);
                direction[i] += shrunk - at;
                moved = Math.Max(moved, Math.Abs(shrunk - at));
            }
            if (moved <= 1e-16 * (1 + direction.Max(Math.Abs))) break;
        }
        return direction;
    }

    /// <summary>Halves the step until the objective falls enough; false where it no longer can, at the precision of a double.</summary>
    private static bool Shorten(IReadOnlyList<LogisticRow> rows, double strength, double[] gradient, double[] direction, ref double[] beta, ref double objective)
    {
        var start = beta;
        var full = start.Zip(direction, (value, move) => value + move).ToArray();
        var predicted = Dot(gradient, direction) + full.Sum(Math.Abs) - start.Sum(Math.Abs);
        for (var length = 1.0; length > 1e-10; length /= 2)
        {
            var candidate = start.Zip(direction, (value, move) => value + length * move).ToArray();
            var value = Objective(rows, candidate, strength);
            // Near the minimum the fall is below the rounding of the objective, which then decides nothing: the full step is the better point.
            var decides = -predicted > 1e-9 * (1 + Math.Abs(objective));
            if (decides && value > objective + 1e-4 * length * predicted) continue;
            (beta, objective) = (candidate, value);
            return true;
        }
        return false;
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
