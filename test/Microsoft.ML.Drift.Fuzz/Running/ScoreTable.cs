using System.Globalization;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Prints how each reader fared, as soon as it is known, and the findings at the end.</summary>
internal sealed class ScoreTable
{
    private readonly List<Score> _scores = [];

    public ScoreTable() => Print("reader", "inputs", "accepted", "refused", "findings", "seconds", "slowest", "memory");

    public void Add(Score score)
    {
        _scores.Add(score);
        Print(score.Reader, $"{score.Inputs:N0}", $"{score.Accepted:N0}", $"{score.Refused:N0}", $"{score.Findings.Count}", $"{score.Time.TotalSeconds:F0}", $"{score.Slowest.TotalSeconds:F2} s", $"{score.Largest >> 20} MB");
    }

    /// <summary>The sum and the findings.</summary>
    /// <returns>The program's exit code: 1 if there are findings.</returns>
    public int Finish()
    {
        Print("all", $"{_scores.Sum(score => score.Inputs):N0}", $"{_scores.Sum(score => score.Accepted):N0}", $"{_scores.Sum(score => score.Refused):N0}", $"{_scores.Sum(score => score.Findings.Count)}",
            $"{_scores.Sum(score => score.Time.TotalSeconds):F0}", $"{_scores.Max(score => score.Slowest).TotalSeconds:F2} s", $"{_scores.Max(score => score.Largest) >> 20} MB");
        foreach (var group in _scores.SelectMany(score => score.Findings).GroupBy(finding => finding.Key))
        {
            var finding = group.First();
            Console.WriteLine();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{finding.Kind} (show {finding.Reader} --seed {finding.Seed} --index {finding.Index}; {group.Count()} of this kind)"));
            foreach (var line in finding.Detail.Split('\n').Where((line, i) => i < 2 || (line.Contains("Microsoft.ML.Drift", StringComparison.Ordinal) && !line.Contains(".Fuzz.", StringComparison.Ordinal))).Take(7)) Console.WriteLine(line.Length > 300 ? line[..300] : line);
        }
        return _scores.Any(score => score.Findings.Count > 0) ? 1 : 0;
    }

    private static void Print(params string[] cells) =>
        Console.WriteLine(string.Concat(cells.Select((cell, i) => i == 0 ? cell.PadRight(22) : cell.PadLeft(12))));
}
