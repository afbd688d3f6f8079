using System.Text;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>The machine's page: one section for each thing measured; a new measurement replaces its section and leaves the others.</summary>
internal sealed class ResultPage
{
    private readonly string _path;
    private readonly string _machine;

    /// <param name="folder">Where pages are.</param>
    /// <param name="machine">The processor, which names the file.</param>
    public ResultPage(string folder, string machine)
    {
        _machine = machine;
        var name = new string([.. machine.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')]);
        while (name.Contains("--", StringComparison.Ordinal)) name = name.Replace("--", "-", StringComparison.Ordinal);
        _path = Path.Combine(folder, name.Trim('-') + ".md");
    }

    /// <summary>Prints a section and puts it on the page.</summary>
    /// <param name="title">The heading, by which an earlier measurement is found.</param>
    /// <param name="lines">Markdown.</param>
    public void Write(string title, params IReadOnlyList<string> lines)
    {
        var section = string.Join('\n', (string[])["## " + title, "", .. lines]).TrimEnd();
        Console.WriteLine(section + "\n");
        var sections = File.Exists(_path) ? Sections(File.ReadAllText(_path)) : [];
        var place = sections.FindIndex(other => Title(other) == Title(section));
        if (place >= 0) sections[place] = section;
        else sections.Add(section);
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        File.WriteAllText(_path, $"# {_machine}\n\nWritten by `test/Microsoft.ML.Drift.Benchmarks`; times are medians of measurements taken in turns, ± half the interquartile range.\n\n{string.Join("\n\n", sections)}\n");
    }

    /// <summary>A markdown table.</summary>
    public static string Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var text = new StringBuilder();
        text.Append("| ").AppendJoin(" | ", columns).Append(" |\n|").Append(string.Concat(Enumerable.Repeat("---|", columns.Count)));
        foreach (var row in rows) text.Append("\n| ").AppendJoin(" | ", row).Append(" |");
        return text.ToString();
    }

    private static List<string> Sections(string page) =>
        [.. page.Split("\n## ").Skip(1).Select(section => "## " + section.TrimEnd())];

    private static string Title(string section) => section.Split('\n')[0];
}
