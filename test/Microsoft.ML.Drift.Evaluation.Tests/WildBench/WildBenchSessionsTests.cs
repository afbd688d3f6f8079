using Microsoft.ML.Drift.Evaluation.WildBench;

namespace Microsoft.ML.Drift.Evaluation.Tests.WildBench;

public sealed class WildBenchSessionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-wildbench-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Read_WildBenchsOwnFields_GiveHistoryQueryChecklistAndGroups()
    {
        var session = Assert.Single(WildBenchSessions.Read(Write("""
            {"session_id":"s1","conversation_input":[{"role":"user","content":"hello"},{"role":"assistant","content":"yes?"},{"role":"user","content":"sort a list"}],"checklist":["Is it right?","Is it short?"],"primary_tag":"Reasoning","secondary_tags":["Coding & Debugging"]}
            """)));

        Assert.Equal(("s1", "sort a list", "", "USER: hello\n\nASSISTANT: yes?"), (session.SessionId, session.Query, session.Output, session.History));
        Assert.Equal(["Is it right?", "Is it short?"], session.Checklist);
        Assert.Equal(["Planning & Reasoning", "Coding & Debugging"], session.TaskGroups);
    }

    [Fact]
    public void Read_RowsOfComplaints_AreSessionsToo_NamedByTheirNumberWithoutAnId()
    {
        var sessions = WildBenchSessions.Read(Write("""{"prompt":[{"role":"user","content":"one"}],"rejected":"x","user_preference":{"role":"user","content":"no"}}""", """{"prompt":"two"}"""));

        Assert.Equal([("1", "one"), ("2", "two")], sessions.Select(session => (session.SessionId, session.Query)));
        Assert.All(sessions, session => Assert.Equal(("", 0, 0), (session.History, session.Checklist.Count, session.TaskGroups.Count)));
    }

    [Theory]
    [InlineData("""{"id":"a","prompt":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}""", "ends with a message of \"assistant\"")]
    [InlineData("""{"id":"a","prompt":[]}""", "must be a conversation that ends with the user's query")]
    [InlineData("""{"id":"a","prompt":[{"role":"user"}]}""", "list of messages with \"role\" and \"content\"")]
    [InlineData("""{"id":"a","prompt":{"role":"user","content":"x"}}""", "must be a text, or a list of messages")]
    [InlineData("""{"id":"a"}""", "the field \"prompt\" is missing")]
    [InlineData("""{"id":"a","prompt":"x","primary_tag":"Cooking"}""", "not a tag of WildBench")]
    public void Read_BadRow_SaysWhereAndWhatIsAllowed(string line, string expected)
    {
        var message = Assert.Throws<InvalidDataException>(() => WildBenchSessions.Read(Write(line))).Message;

        Assert.Contains("line 1", message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void Read_TwoRowsOfOneName_AreRefused() =>
        Assert.Contains("\"a\" occurs 2 times", Assert.Throws<InvalidDataException>(() => WildBenchSessions.Read(Write("""{"id":"a","prompt":"x"}""", """{"id":"a","prompt":"y"}"""))).Message);

    [Fact]
    public void WriteScores_ReadAgain_AreTheSameRows()
    {
        var path = Path.Combine(_folder, "scores.json");
        WildBenchScoreRow[] rows = [new() { SessionId = "s1", Score = 7.5, OutputLength = 12, IsTruncated = true, TaskGroups = ["Creative Tasks"] }, new() { SessionId = "ß", Score = 1, IsEmpty = true }];
        WildBenchFiles.WriteScores(rows, path);

        Assert.Equivalent(rows, WildBenchFiles.ReadScores(path), strict: true);
    }

    [Fact]
    public void WriteComparisons_ReadAgain_AreTheSameRowsByBaseline()
    {
        var path = Path.Combine(_folder, "comparisons.json");
        // Every outcome: −2 to 2.
        var rows = Enumerable.Range(-2, 5).Select(outcome => new WildBenchComparison { SessionId = $"s{outcome}", Outcome = outcome, OutputLength = 10 + outcome, BaselineLength = 4, TaskGroups = ["Coding & Debugging"] }).ToList();
        var comparisons = new Dictionary<string, IReadOnlyList<WildBenchComparison>> { ["one"] = rows, ["two"] = rows[..1] };
        WildBenchFiles.WriteComparisons(comparisons, path);

        Assert.Equivalent(comparisons, WildBenchFiles.ReadComparisons(path), strict: true);
    }

    private string Write(params string[] lines)
    {
        var path = Path.Combine(_folder, "sessions.jsonl");
        File.WriteAllLines(path, lines);
        return path;
    }
}
