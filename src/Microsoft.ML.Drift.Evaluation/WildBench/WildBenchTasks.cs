namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>Which edition of WildBench's tables is computed.</summary>
public enum WildBenchEdition
{
    /// <summary>Tables since 2024-06-26: Coding &amp; Debugging weighs 1.25, and a session counts once in each of its groups.</summary>
    Current,

    /// <summary>Earlier tables (v2.0522 scores): Coding &amp; Debugging weighs 1.0, and a session counts in a group once for every tag that leads there.</summary>
    BeforeJune2024,
}

/// <summary>The task groups of WildBench: which tags lead there, and what they weigh in a macro average.</summary>
public static class WildBenchTasks
{
    private static readonly (string Group, double Weight, string[] Tags)[] Table =
    [
        ("Creative Tasks", 0.5, ["Creative Writing", "Editing", "Brainstorming", "Role playing", "Others"]),
        ("Planning & Reasoning", 1.25, ["Reasoning", "Planning"]),
        ("Math & Data Analysis", 1.0, ["Math", "Data Analysis"]),
        ("Information/Advice seeking", 0.75, ["Information seeking", "Advice seeking"]),
        (Coding, 1.25, [Coding]),
    ];

    private const string Coding = "Coding & Debugging";

    /// <summary>The names of the five groups.</summary>
    public static IReadOnlyList<string> Groups { get; } = [.. Table.Select(entry => entry.Group)];

    /// <summary>The group that a tag leads to.</summary>
    /// <param name="tag">One of WildBench's twelve tags.</param>
    /// <exception cref="ArgumentException">There is no such tag.</exception>
    public static string GroupOf(string tag)
    {
        foreach (var (group, _, tags) in Table)
            if (tags.Contains(tag)) return group;
        throw new ArgumentException($"\"{tag}\" is not a tag of WildBench; its tags are: {string.Join(", ", Table.SelectMany(entry => entry.Tags))}.", nameof(tag));
    }

    /// <summary>A group's weight.</summary>
    /// <param name="group">The group.</param>
    /// <param name="edition">The edition.</param>
    /// <exception cref="ArgumentException">There is no such group.</exception>
    public static double Weight(string group, WildBenchEdition edition = WildBenchEdition.Current)
    {
        var entry = Table.FirstOrDefault(entry => entry.Group == group);
        if (entry.Group is null) throw new ArgumentException($"\"{group}\" is not a task group of WildBench; its groups are: {string.Join(", ", Groups)}.", nameof(group));
        return group == Coding && edition == WildBenchEdition.BeforeJune2024 ? 1.0 : entry.Weight;
    }

    /// <summary>Σ weight · value / Σ weight over all five groups; a group without a value adds nothing above the line, and its weight stays below it.</summary>
    /// <param name="values">Values by group.</param>
    /// <param name="edition">The edition, which decides the weights.</param>
    /// <exception cref="ArgumentException">A name is not a group's.</exception>
    public static double Macro(IReadOnlyDictionary<string, double> values, WildBenchEdition edition = WildBenchEdition.Current)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.Sum(value => Weight(value.Key, edition) * value.Value) / Groups.Sum(group => Weight(group, edition));
    }

    /// <summary>The groups in which a session counts; the older edition counts a group once for each tag.</summary>
    internal static IEnumerable<string> Counted(IEnumerable<string> groups, WildBenchEdition edition) => edition == WildBenchEdition.Current ? groups.Distinct() : groups;

    /// <summary>The mean of each group that has a value.</summary>
    internal static Dictionary<string, double> Means(IEnumerable<(string Group, double Value)> values)
    {
        var means = values.GroupBy(value => value.Group).ToDictionary(group => group.Key, group => group.Average(value => value.Value));
        return Groups.Where(means.ContainsKey).Concat(means.Keys.Except(Groups)).ToDictionary(group => group, group => means[group]);
    }
}
