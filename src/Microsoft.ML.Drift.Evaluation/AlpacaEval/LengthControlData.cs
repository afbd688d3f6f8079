using Microsoft.ML.Drift.Evaluation.Tables;

namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>
/// What the leaderboard's length control needs beside a model's annotations. The benchmark's authors publish it for non-commercial use, so it is not part of this package.
/// </summary>
public sealed class LengthControlData
{
    private readonly Dictionary<int, int[]> _folds;

    private LengthControlData(IReadOnlyList<double> difficulties, IReadOnlyList<RegularizingRow> regularizingRows, Dictionary<int, int[]> folds) =>
        (Difficulties, RegularizingRows, _folds) = (difficulties, regularizingRows, folds);

    /// <summary>γ, the difficulty of each of the 805 instructions, by position.</summary>
    public IReadOnlyList<double> Difficulties { get; }

    internal IReadOnlyList<RegularizingRow> RegularizingRows { get; }

    /// <summary>
    /// Reads a folder: <c>instruction_difficulty.csv</c> (columns <c>index</c>, or none for the order in the file, and <c>instruction_difficulty</c>); optional <c>gamed_baseline.csv</c> or, by the authors' name, <c>df_gamed.csv</c> with
    /// the regularizing rows (<c>model</c>, <c>index</c>, <c>len_output</c> and <c>len_baseline</c> or in their place <c>std_delta_len</c>, and <c>preference</c> or <c>preference_surrogate</c> from 0 to 1); optional
    /// <c>cv_folds.csv</c> with upstream's numbering of folds (<c>n_groups</c>, <c>fold_of_each_group</c>).
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FileNotFoundException">The difficulties are missing.</exception>
    /// <exception cref="InvalidDataException">A file is malformed; the message says where.</exception>
    public static LengthControlData Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var difficulties = Difficulty(TableFile.Read(Path.Combine(folder, "instruction_difficulty.csv")));
        var gamed = Optional(Path.Combine(folder, "gamed_baseline.csv"), Path.Combine(folder, "df_gamed.csv")).Select(row => RegularizingRow.Of(row, difficulties.Length)).ToList();
        var folds = Optional(Path.Combine(folder, "cv_folds.csv")).ToDictionary(row => row.Count("n_groups"), Fold);
        return new LengthControlData(difficulties, gamed, folds);
    }

    /// <summary>The fold of each row, for the numbers of rows that upstream's numbering is recorded for; else the rule.</summary>
    internal int[] FoldsOf(int rows) => _folds.GetValueOrDefault(rows) ?? RoundRobin(rows);

    internal static int[] RoundRobin(int rows) => [.. Enumerable.Range(0, rows).Select(row => (rows - 1 - row) % 5)];

    private static IReadOnlyList<TableRow> Optional(params IEnumerable<string> paths) => paths.FirstOrDefault(File.Exists) is { } path ? TableFile.Read(path) : [];

    private static double[] Difficulty(IReadOnlyList<TableRow> rows)
    {
        var difficulties = new double[rows.Count];
        var seen = new bool[rows.Count];
        foreach (var row in rows)
        {
            var index = row.FirstOf("index", "") is { } field ? row.Count(field) : row.Position;
            if (index >= rows.Count || seen[index]) throw row.Error("index", index, $"each number from 0 to {rows.Count - 1} once");
            seen[index] = true;
            difficulties[index] = row.NumberOrNull("instruction_difficulty") ?? throw row.Error("instruction_difficulty", null, "a number");
        }
        return difficulties;
    }

    private static int[] Fold(TableRow row)
    {
        var digits = row.Text("fold_of_each_group");
        if (digits.Length != row.Count("n_groups") || digits.Any(digit => digit is < '0' or > '4')) throw row.Error("fold_of_each_group", $"{digits.Length} characters", "n_groups digits from 0 to 4");
        return [.. digits.Select(digit => digit - '0')];
    }
}

/// <summary>The baseline, prompted to be verbose or concise, against the baseline itself.</summary>
/// <param name="Variant">Which of the two prompts.</param>
/// <param name="Index">The instruction.</param>
/// <param name="LengthDifference">Baseline minus variant: in code points, or already divided by the variant's standard deviation, which dividing again does not change.</param>
/// <param name="Preference">For the variant, 0 to 1.</param>
internal sealed record RegularizingRow(string Variant, int Index, double LengthDifference, double Preference)
{
    public static RegularizingRow Of(TableRow row, int instructions)
    {
        var field = row.FirstOf("preference", "preference_surrogate") ?? throw row.Error("preference", null, "a number from 0 to 1");
        var preference = row.NumberOrNull(field)!.Value;
        if (preference is < 0 or > 1) throw row.Error(field, preference, "a number from 0 to 1");
        var index = row.Count("index");
        if (index >= instructions) throw row.Error("index", index, $"less than {instructions}, the number of difficulties");
        var difference = row.Has("len_output") ? row.Count("len_baseline") - row.Count("len_output") : row.NumberOrNull("std_delta_len") ?? throw row.Error("std_delta_len", null, "a number");
        return new RegularizingRow(row.Text("model"), index, difference, preference);
    }
}
