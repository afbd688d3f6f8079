namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>One session's score by the judge.</summary>
/// <remarks>It is also the row type of data views: the properties are the columns.</remarks>
public sealed class WildBenchScoreRow
{
    /// <summary>The session's name.</summary>
    public string SessionId { get; set; } = "";

    /// <summary>The judge's score, 1 to 10.</summary>
    public double Score { get; set; }

    /// <summary>Length of the model's output, in Unicode code points.</summary>
    public int OutputLength { get; set; }

    /// <summary>Whether the output is empty.</summary>
    public bool IsEmpty { get; set; }

    /// <summary>Whether the output was cut before judging: it ends with <c>... (truncated)</c>.</summary>
    public bool IsTruncated { get; set; }

    /// <summary>The session's task groups, one for each of its tags; empty where they are not known.</summary>
    public string[] TaskGroups { get; set; } = [];
}

/// <summary>WB-Score: what the judge gave a model's outputs, each on its own.</summary>
/// <param name="Score">Mean score over all judged rows, 1 to 10.</param>
/// <param name="AdjustedScore">(Score − 5) · 2, −8 to 10.</param>
/// <param name="Total">Judged rows.</param>
/// <param name="AverageLength">Mean length over the rows whose output is neither empty nor cut, in code points; NaN if there is none.</param>
/// <param name="TaskScores">By group: the mean score over those rows, adjusted.</param>
/// <param name="TaskMacroScore">Their weighted mean, −8 to 10; NaN if no row has a group.</param>
public sealed record WildBenchScoreMetrics(
    double Score, double AdjustedScore, int Total, double AverageLength, IReadOnlyDictionary<string, double> TaskScores, double TaskMacroScore)
{
    /// <summary>WB-Score as published: <see cref="AdjustedScore"/> · 10.</summary>
    public double WBScore => AdjustedScore * 10;

    /// <summary>The leaderboard's headline, <see cref="TaskMacroScore"/> · 10: −80 to 100.</summary>
    public double WBScoreTaskMacro => TaskMacroScore * 10;

    /// <summary>The figures of one model's rows. Sessions without a readable judgement are simply absent.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="edition">The edition of the tables.</param>
    /// <exception cref="ArgumentException">There is no row, or one has an unknown task group.</exception>
    public static WildBenchScoreMetrics Compute(IReadOnlyList<WildBenchScoreRow> rows, WildBenchEdition edition = WildBenchEdition.Current)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0) throw new ArgumentException("There is no judged row.", nameof(rows));
        var score = rows.Average(row => row.Score);
        var whole = rows.Where(row => !row.IsEmpty && !row.IsTruncated).ToList();
        var tasks = WildBenchTasks.Means(whole.SelectMany(row => WildBenchTasks.Counted(row.TaskGroups, edition).Select(group => (group, row.Score))))
            .ToDictionary(task => task.Key, task => Adjusted(task.Value));
        return new WildBenchScoreMetrics(
            score, Adjusted(score), rows.Count,
            whole.Count == 0 ? double.NaN : whole.Average(row => (double)row.OutputLength),
            tasks,
            tasks.Count == 0 ? double.NaN : WildBenchTasks.Macro(tasks, edition));
    }

    private static double Adjusted(double score) => (score - 5) * 2;
}
