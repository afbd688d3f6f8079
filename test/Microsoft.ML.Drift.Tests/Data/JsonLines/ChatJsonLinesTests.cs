using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Tests.Data;

public sealed class ChatJsonLinesTests : IDisposable
{
    private static readonly MLContext Ml = new(seed: 1);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_DsatRow_GivesPromptRejectedFeedback()
    {
        var view = Load("""{"id":"a","prompt":[{"role":"user","content":"q"}],"rejected":[{"role":"assistant","content":"bad"}],"user_preference":{"role":"user","content":"no!"}}""");

        Assert.Equal("RowId:String Prompt:Chat Rejected:String Feedback:String", Columns(view));
        Assert.Equal("a | user:q | bad | no!", Assert.Single(Rows(view)));
    }

    [Fact]
    public void Load_DsatRowOfStrings_GivesText()
    {
        var view = Load("""{"prompt":"q","rejected":"bad","user_preference":"no!"}""");

        Assert.Equal("RowId:String Prompt:String Rejected:String Feedback:String", Columns(view));
        Assert.Equal("line-1 | q | bad | no!", Assert.Single(Rows(view)));
    }

    [Theory]
    [InlineData("""{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"c"}],"rejected":"r"}""",
        "RowId:String Prompt:Chat Chosen:String Rejected:String", "line-1 | user:q | c | r")]
    [InlineData("""{"prompt":"q:","chosen":" c","rejected":" r"}""",
        "RowId:String Prompt:String Chosen:String Rejected:String", "line-1 | q: |  c |  r")]
    [InlineData("""{"chosen":"q: good","rejected":"q: bad"}""",
        "RowId:String Prompt:String Chosen:String Rejected:String", "line-1 | q: |  good |  bad")]
    [InlineData("""{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"c"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"r"}]}""",
        "RowId:String Prompt:Chat Chosen:Chat Rejected:Chat", "line-1 | user:q | assistant:c | assistant:r")]
    [InlineData("""{"prompt":"q","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"c"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"r"}]}""",
        "RowId:String Prompt:Chat Chosen:Chat Rejected:Chat", "line-1 | user:q | assistant:c | assistant:r")]
    [InlineData("""{"prompt":"q","messages":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"c"}],"rejected":[{"role":"assistant","content":"r"}]}""",
        "RowId:String Prompt:String Chosen:String Rejected:String", "line-1 | q | c | r")]
    [InlineData("""{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"c"}]}""",
        "RowId:String Prompt:Chat Completion:String", "line-1 | user:q | c")]
    [InlineData("""{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"c"}],"id":7}""",
        "RowId:String Messages:Chat", "7 | user:q,assistant:c")]
    [InlineData("""{"conversation":[{"role":"user","content":"q","toxic":false}]}""", "RowId:String Messages:Chat", "line-1 | user:q")]
    [InlineData("""{"prompt":[{"role":"user","content":"q"}]}""", "RowId:String Prompt:Chat", "line-1 | user:q")]
    public void Load_EachFormat_GivesItsColumns(string line, string columns, string row)
    {
        var view = Load(line);

        Assert.Equal(columns, Columns(view));
        Assert.Equal(row, Assert.Single(Rows(view)));
    }

    [Theory]
    [InlineData("good", "go", 1)] // one is the start of the other: its last letter stays outside
    [InlineData("a b", "a c", 1)] // the shared space goes to the answers
    [InlineData("x\U0001F600", "x\U0001F601", 1)] // both emoji share their first UTF-16 unit
    [InlineData("abc", "xyz", 0)]
    public void SharedText_Strings_EndsBeforeTheFirstDifference(string chosen, string rejected, int shared) =>
        Assert.Equal(shared, ImplicitPrompt.SharedText(chosen, rejected));

    [Theory]
    [InlineData("{", "broken JSON at byte")]
    [InlineData("[1]", "found an array; allowed: one JSON object per line")]
    [InlineData("""{"prompt":[],"rejected":"r","user_preference":"f"}""", "field \"prompt\": found an empty list; allowed: a list of at least one message")]
    [InlineData("""{"rejected":"r","user_preference":"f"}""", "field \"prompt\": found nothing")]
    [InlineData("""{"prompt":3,"rejected":"r","user_preference":"f"}""", "field \"prompt\": found the number 3; allowed: a list of messages, or text")]
    [InlineData("""{"prompt":[{"role":"user","content":"q"},{"role":"bot","content":"q"}],"rejected":"r","user_preference":"f"}""",
        "field \"prompt[1].role\": found the text \"bot\"; allowed: system, developer, user, assistant, tool, function")]
    [InlineData("""{"prompt":[{"role":"user"}],"rejected":"r","user_preference":"f"}""", "field \"prompt[0].content\": found nothing")]
    [InlineData("""{"prompt":[{"role":"user","content":{"a":1}}],"rejected":"r","user_preference":"f"}""", "field \"prompt[0].content\": found an object")]
    [InlineData("""{"prompt":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}],"rejected":"r","user_preference":"f"}""", "field \"prompt[0].content[0].type\"")]
    [InlineData("""{"prompt":"q","rejected":"r"}""", "field \"user_preference\": found nothing")]
    [InlineData("""{"prompt":"q","rejected":[{"role":"user","content":"r"}],"user_preference":"f"}""", "field \"rejected\": found a list of one user message; allowed: text, or a list of one assistant message")]
    [InlineData("""{"prompt":"q","rejected":"r","user_preference":{"role":"assistant","content":"f"}}""", "field \"user_preference.role\"")]
    [InlineData("""{"prompt":"q","prompt":"q2","rejected":"r","user_preference":"f"}""", "field \"prompt\": found the field twice")]
    [InlineData("""{"prompt":"\ud800 alone","rejected":"r","user_preference":"f"}""", "field \"prompt\": found half of a UTF-16 surrogate pair")]
    [InlineData("""{"id":"","prompt":"q","rejected":"r","user_preference":"f"}""", "field \"id\": found an empty text")]
    [InlineData("{\"prompt\":\"\0\"}", "found NUL bytes")]
    [InlineData("""{"prompt":"q","rejected":"r","user_preference":"f"} {}""", "broken JSON")]
    public void Load_BadRow_NamesFileLineFieldFoundAllowed(string bad, string problem)
    {
        const string good = """{"prompt":[{"role":"user","content":"q"}],"rejected":"r","user_preference":"f"}""";
        var view = Load(good, "", bad, good);

        var error = Assert.Throws<InvalidDataException>(() => Rows(view));

        Assert.StartsWith($"{Path.Combine(_folder.FullName, "rows.jsonl")}, line 3: ", error.Message);
        Assert.Contains(problem, error.Message);
    }

    [Fact]
    public void Load_BadRowsSkipped_AreCountedWhateverColumnsAreActive()
    {
        const string good = """{"prompt":[{"role":"user","content":"q"}],"rejected":"r","user_preference":"f"}""";
        var report = new BadRowReport();
        var view = Load(new ChatJsonLinesOptions { OnBadRow = OnBadRow.Skip, Report = report }, good, """{"prompt":"\udc00","rejected":"r","user_preference":"f"}""", good, "x");

        using (var cursor = view.GetRowCursor([view.Schema["RowId"]]))
            while (cursor.MoveNext()) { }
        Assert.Equal(2, Rows(view).Count);

        Assert.Equal((2, 2, true), (report.RowsRead, report.RowsSkipped, report.IsComplete));
        Assert.Equal([2L, 4L], report.FirstSkipped.Select(row => row.Line));
        Assert.Equal("prompt", report.FirstSkipped[0].Field);
        Assert.Contains("2 rows read, 2 left out", report.ToString());
    }

    [Fact]
    public void Load_ByteOrderMarkCrLfAndBlankLines_AreAccepted()
    {
        var path = Path.Combine(_folder.FullName, "rows.jsonl");
        File.WriteAllText(path, "\r\n{\"prompt\":\"a\"}\r\n \t\r\n{\"prompt\":\"b\"}", new System.Text.UTF8Encoding(true));

        Assert.Equal(["line-2 | a", "line-4 | b"], Rows(Ml.Data.LoadFromChatJsonLines(path)));
    }

    [Fact]
    public void Load_TwoFiles_NamesRowsByFileAndLine()
    {
        Load("""{"prompt":"a"}""");
        var second = Path.Combine(_folder.FullName, "more.jsonl");
        File.WriteAllText(second, """{"prompt":"b","id":"own"}""" + "\n" + """{"prompt":"c"}""");

        var view = Ml.Data.LoadFromChatJsonLines([Path.Combine(_folder.FullName, "rows.jsonl"), second]);

        Assert.Equal(["file-1-line-1 | a", "own | b", "file-2-line-2 | c"], Rows(view));
    }

    [Fact]
    public void Load_NulEscapeAndLongLine_AreOrdinaryText()
    {
        var text = new string('é', 5_000_000);
        var view = Load("""{"prompt":"a\u0000b"}""", $$"""{"prompt":"{{text}}"}""", """{"prompt":"z"}""");

        var rows = Rows(view);

        Assert.Equal("line-1 | a\0b", rows[0]);
        Assert.Equal(text.Length + "line-2 | ".Length, rows[1].Length);
        Assert.Equal("line-3 | z", rows[2]);
    }

    [Fact]
    public void LineReader_LinesAroundTheBufferAndTheLimit_AreReadOrReportedWhole()
    {
        var path = Path.Combine(_folder.FullName, "lines");
        File.WriteAllText(path, new string('a', 40) + "\n" + new string('b', 100) + "\nc\n" + new string('d', 300));
        using var lines = new LineReader(path, longestLine: 64, firstBuffer: 16);

        var read = new List<string>();
        while (lines.Read()) read.Add($"{lines.LineNumber}:{lines.IsTooLong}:{lines.Line.Length}");

        Assert.Equal(["1:False:40", "2:True:0", "3:False:1", "4:True:0"], read);
    }

    [Fact]
    public void Load_ExtraFields_AreTextColumns()
    {
        var view = Load(new ChatJsonLinesOptions { ExtraFields = ["lang", "score"] },
            """{"prompt":"a","lang":"de","score":{"x": [1, 2]}}""", """{"score":2,"prompt":"b"}""");

        Assert.Equal("RowId:String Prompt:String lang:String score:String", Columns(view));
        Assert.Equal(["line-1 | a | de | {\"x\": [1, 2]}", "line-2 | b |  | 2"], Rows(view));
    }

    [Fact]
    public void Load_LaterRowDoesNotFitTheColumns_SaysWhichOptionHelps()
    {
        var pair = """{"prompt":[{"role":"user","content":"q"}],"chosen":"c","rejected":"r"}""";
        var longer = """{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"},{"role":"user","content":"b"}],"rejected":"r"}""";

        Assert.Contains("set Answers = Chat", Assert.Throws<InvalidDataException>(() => Rows(Load(pair, longer))).Message);
        Assert.Equal("line-2 | user:q | assistant:a,user:b | assistant:r",
            Rows(Load(new ChatJsonLinesOptions { Answers = ChatColumnFormat.Chat }, pair, longer))[1]);
        Assert.Contains("set Prompts = Chat", Assert.Throws<InvalidDataException>(() => Rows(Load("""{"prompt":"a"}""", """{"prompt":[{"role":"user","content":"q"}]}"""))).Message);
        Assert.Equal(["line-1 | user:a", "line-2 | user:q"], Rows(Load(
            new ChatJsonLinesOptions { Prompts = ChatColumnFormat.Chat }, """{"prompt":"a"}""", """{"prompt":[{"role":"user","content":"q"}]}""")));
    }

    [Fact]
    public void Load_BadOptions_NamesEveryProblem()
    {
        var error = Assert.Throws<ArgumentException>(() => Load(
            new ChatJsonLinesOptions { ExtraFields = ["a", "a", "Prompt"], IdField = "", Report = new(), Format = (ChatRowFormat)99 }, "{}"));

        Assert.Contains("Format is 99", error.Message);
        Assert.Contains("names \"a\" 2 times", error.Message);
        Assert.Contains("\"Prompt\"", error.Message);
        Assert.Contains("IdField is empty", error.Message);
        Assert.Contains("nothing would be reported", error.Message);
    }

    [Fact]
    public void Load_FormatForced_PassesOverOtherFields()
    {
        var view = Load(new ChatJsonLinesOptions { Format = ChatRowFormat.Prompts },
            """{"prompt":"a","chosen":[{"role":"strange"}],"rejected":5}""");

        Assert.Equal("line-1 | a", Assert.Single(Rows(view)));
    }

    [Fact]
    public void Load_OnlyOneAnswerIsActive_ImplicitPromptIsStillSplit()
    {
        var view = Load("""{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"c"}],"rejected":"r"}""",
            """{"chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":[{"role":"user","content":"p"},{"role":"assistant","content":"r"}]}""");

        using var cursor = view.GetRowCursor([view.Schema["Chosen"]]);
        var getter = ChatColumn.TextGetter(cursor, view.Schema["Chosen"]);
        ReadOnlyMemory<char> value = default;
        Assert.True(cursor.MoveNext() && cursor.MoveNext());
        getter(ref value);

        Assert.Equal("c", value.ToString());
    }

    [Fact]
    public void Load_MlNetsOwnTransforms_TakeChatColumns()
    {
        var view = Load([.. Enumerable.Range(0, 20).Select(i => $$"""{"prompt":[{"role":"user","content":"q{{i}}"}],"rejected":"r","user_preference":"f"}""")]);
        static IEnumerable<string> Prompts(IDataView rows) => Rows(rows).Select(row => row.Split(" | ")[1]);

        var split = Ml.Data.TrainTestSplit(view, 0.25, seed: 3);
        Assert.Equal(Prompts(view).Order(), Prompts(split.TrainSet).Concat(Prompts(split.TestSet)).Order());
        // ML.NET's cache and shuffle leave columns of custom types out.
        Assert.Equal("RowId:String Rejected:String Feedback:String", Columns(Ml.Data.Cache(view)));
        Assert.Equal("RowId:String Rejected:String Feedback:String", Columns(Ml.Data.ShuffleRows(view, seed: 5)));
        Assert.Equal(Rows(view).Skip(2).Take(3), Rows(Ml.Data.TakeRows(Ml.Data.SkipRows(view, 2), 3)));
        var featurized = Ml.Transforms.Text.FeaturizeText("Features", "Feedback").Fit(view).Transform(view);
        Assert.Equal(Prompts(view), Prompts(Ml.Transforms.DropColumns("Features").Fit(featurized).Transform(featurized)));
    }

    [Fact]
    public void Save_LoadedRows_LoadAgainEqual()
    {
        foreach (var line in new[]
        {
            """{"id":"a","prompt":[{"role":"system","content":"s"},{"role":"user","content":"q 🚲 \u2028"}],"rejected":"bad","user_preference":"no!"}""",
            """{"id":"a","prompt":"q","chosen":" c","rejected":" r","chosen_finish_reason":"length"}""",
            """{"id":"a","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"c"},{"role":"user","content":"more"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"r"}]}""",
            """{"id":"a","messages":[{"role":"assistant","content":"","tool_calls":[{"id":"x"}]}]}""",
        })
        {
            var view = Load(line);
            var path = Path.Combine(_folder.FullName, "copy.jsonl");
            Ml.Data.SaveAsChatJsonLines(view, path);
            var copy = Ml.Data.LoadFromChatJsonLines(path);

            Assert.Equal(Columns(view), Columns(copy));
            Assert.Equal(Rows(view), Rows(copy));
        }
        Assert.Equal(["copy.jsonl", "rows.jsonl"], _folder.GetFiles().Select(file => file.Name).Order());
    }

    [Fact]
    public void Save_OtherColumns_KeepNameAndKind()
    {
        var view = Ml.Data.LoadFromEnumerable([new { Prompt = "q", Score = 0.1f, Count = 3L, Good = true, Values = new[] { 1f, float.NaN } }]);
        using var stream = new MemoryStream();
        Ml.Data.SaveAsChatJsonLines(view, stream);

        Assert.Equal("{\"prompt\":\"q\",\"Score\":0.1,\"Count\":3,\"Good\":true,\"Values\":[1,null]}\n", System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }

    [Fact]
    public void Save_FailsHalfway_LeavesTheOldFile()
    {
        var view = Load("""{"prompt":"a"}""", "broken");
        var path = Path.Combine(_folder.FullName, "copy.jsonl");
        File.WriteAllText(path, "old");

        Assert.Throws<InvalidDataException>(() => Ml.Data.SaveAsChatJsonLines(view, path));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(2, _folder.GetFiles().Length);
    }

    [Fact]
    public void Load_RecordedFiles_GiveEveryRow()
    {
        Golden.Folder("trl", "sft.jsonl");   // all of the files, or none
        var trl = Golden.Folder("trl");
        var counts = new Dictionary<string, int>
        {
            ["pairs.jsonl"] = 24, ["pairs_plain.jsonl"] = 10, ["pairs_implicit.jsonl"] = 10, ["pairs_implicit_plain.jsonl"] = 10,
            ["pairs_edge.jsonl"] = 8, ["sft.jsonl"] = 24, ["sft_plain.jsonl"] = 10, ["chats.jsonl"] = 12,
        };
        foreach (var (file, count) in counts) Assert.Equal(count, Rows(Ml.Data.LoadFromChatJsonLines(Path.Combine(trl, file))).Count);
        Assert.Equal(30, Rows(Ml.Data.LoadFromChatJsonLines(Path.Combine(Golden.Folder("dsat"), "dsat.jsonl"))).Count);
        Assert.Equal(60, Rows(Ml.Data.LoadFromChatJsonLines(Path.Combine(Golden.Folder("dsat"), "conversations.jsonl"))).Count);
        Assert.Equal(22, Rows(Ml.Data.LoadFromChatJsonLines(Path.Combine(Golden.Folder("paper-mode"), "paper.jsonl"))).Count);
    }

    private IDataView Load(params string[] lines) => Load(new ChatJsonLinesOptions(), lines);

    private IDataView Load(ChatJsonLinesOptions options, params string[] lines)
    {
        var path = Path.Combine(_folder.FullName, "rows.jsonl");
        File.WriteAllText(path, string.Join("\n", lines));
        return Ml.Data.LoadFromChatJsonLines(path, options);
    }

    private static string Columns(IDataView view) => string.Join(" ", view.Schema.Select(column => $"{column.Name}:{column.Type}"));

    private static List<string> Rows(IDataView view)
    {
        using var cursor = view.GetRowCursor(view.Schema);
        var cells = view.Schema.Select<DataViewSchema.Column, Func<string>>(column =>
        {
            if (column.Type is ChatDataViewType)
            {
                var chat = cursor.GetGetter<IReadOnlyList<ChatMessage>>(column);
                IReadOnlyList<ChatMessage> messages = [];
                return () =>
                {
                    chat(ref messages);
                    return string.Join(",", messages.Select(message => $"{message.Role}:{message.Text}"));
                };
            }
            var text = cursor.GetGetter<ReadOnlyMemory<char>>(column);
            ReadOnlyMemory<char> value = default;
            return () =>
            {
                text(ref value);
                return value.ToString();
            };
        }).ToList();
        var rows = new List<string>();
        while (cursor.MoveNext()) rows.Add(string.Join(" | ", cells.Select(cell => cell())));
        return rows;
    }
}
