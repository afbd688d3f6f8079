using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Tests.Models.Formats;

namespace Microsoft.ML.Drift.Tests.Security;

/// <summary>Templates, rows and run files that were made to hurt.</summary>
public class HostileTextTests
{
    /// <summary>Each of these took from three seconds to several minutes before it paid for what it makes.</summary>
    [Theory]
    [InlineData("{% set t = 'b' * 100000 %}{% for i in range(99999) %}{{ t.isalnum() and '' }}{{ t is lower and '' }}{% endfor %}")]
    [InlineData("{% set t = 'a' * 100000 %}{% for i in range(99999) %}{{ t.partition('a') and '' }}{{ t.upper() and '' }}{% endfor %}")]
    [InlineData("{% set t = '&lt;' * 30000 %}{% for i in range(9999) %}{{ (t | safe).unescape() and '' }}{% endfor %}")]
    [InlineData("{% set n = 10 ** 4000 %}{% for i in range(99999) %}{{ (n ~ '') and '' }}{{ (n * n // n) and '' }}{% endfor %}")]
    [InlineData("{% set t = '9' * 4000 %}{% for i in range(99999) %}{{ (t | int) and '' }}{% endfor %}")]
    [InlineData("{% set t = 'a' * 100000 %}{% for i in range(99999) %}{{ (t | wordwrap(1)) and '' }}{% endfor %}")]
    public void Template_ExpensiveWork_ReachesItsLimitInTime(string source)
    {
        var before = Environment.CpuUsage.TotalTime;

        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source).Render(JsonDocument.Parse("[]").RootElement));

        Assert.Equal(ChatTemplateErrorKind.LimitExceeded, error.Kind);
        // Two seconds on a machine of its own; other tests use this process's time too.
        Assert.True(Environment.CpuUsage.TotalTime - before < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Template_BlocksOfGreatDepth_AreRefused()
    {
        var source = string.Concat(Enumerable.Repeat("{% if 1 %}", 101)) + string.Concat(Enumerable.Repeat("{% endif %}", 101));

        Assert.Equal(ChatTemplateErrorKind.Recursion, Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source)).Kind);
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"\ud800","content":"a"}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"\udc00","text":"a"}]}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"a","tool_calls":["\ud83d"]}]}""")]
    [InlineData("""{"\ud83d":1,"messages":[{"role":"user","content":"a"}]}""")]
    public void Row_LoneSurrogate_IsABadRow(string row)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "rows.jsonl");
        File.WriteAllText(path, """{"messages":[{"role":"user","content":"a"}]}""" + "\n" + row + "\n");
        var view = new MLContext().Data.LoadFromChatJsonLines(path);
        using var cursor = view.GetRowCursor(view.Schema);
        cursor.MoveNext();

        Assert.Contains("rows.jsonl, line 2", Assert.Throws<InvalidDataException>(() => cursor.MoveNext()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"role":"\ud800","content":"a"}]""")]
    [InlineData("""[{"role":"user","content":[{"type":"text","\ud800":1,"text":"a"}]}]""")]
    public void ChatText_MessagesWithALoneSurrogate_AreRefused(string text) =>
        Assert.Contains("half of a UTF-16 surrogate pair", Assert.Throws<InvalidDataException>(() => ChatText.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void ChatText_KeyWithALoneSurrogate_IsNoMessageList() =>
        Assert.Single(ChatText.Parse("""[{"\ud800":1,"role":"user","content":"a"}]"""));

    [Theory]
    [InlineData("""{"RowId":null,"ContentHash":"a"}""")]
    [InlineData("""{"RowId":"a","ContentHash":"b","Hazards":null}""")]
    public void Journal_RowWithoutWhatItNeeds_IsRefused(string row)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "samples.jsonl");
        PairJournal.Open(path, new Dictionary<string, string> { ["a"] = "b" }, isOwned: true).Dispose();
        File.AppendAllText(path, Encoding.UTF8.GetString(CheckedLine.Seal(Encoding.UTF8.GetBytes(row))) + "\n");

        Assert.Contains("samples.jsonl, line 2", Assert.Throws<InvalidDataException>(() => PairJournal.Open(path, new Dictionary<string, string> { ["a"] = "b" }, isOwned: true)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":1,"a":1}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("[]")]
    public void CheckedJson_UnsoundObject_IsDamaged(string json)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "run.json");
        File.WriteAllText(path, json);

        Assert.Contains("run.json is damaged", Assert.Throws<InvalidDataException>(() => CheckedJson.Read(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("../other/file")]
    public void FileSeal_NameThatLeadsOut_IsNotOpened(string name)
    {
        var seal = FileSeal.Parse(JsonNode.Parse("""{"bytes":1,"sha256":"0"}"""));

        Assert.Contains("is no name of a file in", seal.ProblemOf("/folder", name), StringComparison.Ordinal);
    }
}
