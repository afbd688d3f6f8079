using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Parquet;
using Parquet.Schema;

namespace Microsoft.ML.Drift.Evaluation.Tests.AlpacaEval;

public sealed class AlpacaEvalFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-annotations-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Read_Json_EscapesAstralCharactersAndNaN()
    {
        var rows = Read("a.json", """
            [{"instruction": "say \"NaN\"", "output_1": "a\/b", "generator_1": "base", "output_2": "\ud83d\ude00 \u00e9", "generator_2": "new", "preference": NaN},
             {"instruction": "x", "output_1": "a", "output_2": "b", "preference": 1.25}]
            """);

        Assert.Equal("say \"NaN\"", rows[0].Instruction);
        Assert.True(double.IsNaN(rows[0].Preference));
        Assert.Equal((3, 3), (rows[0].BaselineLength, rows[0].OutputLength)); // "a/b"; one astral character, a space, é
        Assert.Equal(("base", "new"), (rows[0].Generator1, rows[0].Generator2));
        Assert.Equal((1, 1.25), (rows[1].Row, rows[1].Preference));
    }

    [Fact]
    public void Read_NoPreference_ComesFromTheCompletion()
    {
        // P(m) = 1 / (1 + e^(−3 + 1)) = 0.8807970780.
        var rows = Read("a.json", """
            [{"instruction": "hello", "output_1": "a", "output_2": "b", "preference": null,
              "raw_completion": {"logprobs": {"content": [{"token": "m", "top_logprobs": [{"token": "m", "logprob": -1.0}, {"token": "M", "logprob": -3.0}, {"token": "\ud83d", "logprob": -4}]}]}}},
             {"instruction": "hello", "output_1": "same", "output_2": "same"},
             {"instruction": "hello", "output_1": "a", "output_2": "b", "raw_completion": null}]
            """);

        Assert.Equal(PresentationOrder.IsSwitched("hello") ? 1.8807970780 : 1.1192029220, rows[0].Preference, 1e-9);
        Assert.Equal(1.5, rows[1].Preference);
        Assert.True(double.IsNaN(rows[2].Preference));
    }

    [Fact]
    public void Read_CsvJsonLinesAndParquet_GiveTheSame()
    {
        var csv = Read("a.csv", "row,preference,len_output,len_baseline,generator_2\n0,1.25,10,20,\"new, \"\"best\"\"\"\n2,,11,21,new\n");
        var lines = Read("a.jsonl", """
            {"row": 0, "preference": 1.25, "len_output": 10, "len_baseline": 20, "generator_2": "new, \"best\""}

            {"row": 2, "preference": null, "len_output": 11, "len_baseline": 21, "generator_2": "new"}
            """);
        var parquet = AlpacaEvalFiles.Read(WriteParquet());

        foreach (var rows in new[] { csv, lines, parquet })
        {
            Assert.Equal([(0, 1.25, 10, 20, "new, \"best\""), (2, double.NaN, 11, 21, "new")], rows.Select(row => (row.Row, row.Preference, row.OutputLength, row.BaselineLength, row.Generator2)));
        }
    }

    [Fact]
    public void Write_ThenRead_GivesTheSame()
    {
        var path = Path.Combine(_folder, "out.json");
        AlpacaEvalFiles.Write([new() { Instruction = "é\n\"😀\"", Output1 = "a", Output2 = "bc", Generator1 = "g", Generator2 = "h", Annotator = "j", Preference = 1.1 }, new() { Output1 = "x", Output2 = "" }], path);

        var rows = AlpacaEvalFiles.Read(path);

        Assert.Equal(("é\n\"😀\"", "a", "bc", "g", "h", "j", 1.1), (rows[0].Instruction, rows[0].Output1, rows[0].Output2, rows[0].Generator1, rows[0].Generator2, rows[0].Annotator, rows[0].Preference));
        Assert.True(double.IsNaN(rows[1].Preference));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("a.json", "{}", "must be an array")]
    [InlineData("a.json", "[1]", "entry 0: every row must be an object")]
    [InlineData("a.json", "[{\"output_1\":\"a\"}]", "entry 0: the field \"output_2\" is missing")]
    [InlineData("a.json", "[{\"output_1\":\"a\",\"output_2\":\"b\",\"preference\":\"good\"}]", "\"preference\" is \"good\"; it must be a number")]
    [InlineData("a.json", "[{\"output_1\":\"\\ud83d\"}]", "half of a surrogate pair")]
    [InlineData("a.jsonl", "{}\n{", "line 1: the field \"output_2\"|line 2: not valid JSON")]
    [InlineData("a.csv", "row,len_output\n1", "line 2: 1 fields; the header names 2")]
    [InlineData("a.csv", "row\n\"1", "line 2: a quoted field does not end")]
    [InlineData("a.csv", "row,len_output,len_baseline\n0,1.5,2", "line 2: \"len_output\" is \"1.5\"; it must be a whole number from 0")]
    [InlineData("a.parquet", "PAR1", "not a Parquet file")]
    [InlineData("a.txt", "", "the ending \".txt\" is not known")]
    public void Read_Malformed_SaysWhereAndWhat(string name, string text, string expected)
    {
        var message = Assert.Throws<InvalidDataException>(() => Read(name, text)).Message;

        Assert.Contains(expected.Split('|'), part => message.Contains(part, StringComparison.Ordinal));
    }

    private IReadOnlyList<AlpacaEvalAnnotation> Read(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return AlpacaEvalFiles.Read(path);
    }

    private string WriteParquet()
    {
        var path = Path.Combine(_folder, "a.parquet");
        Task.Run(async () =>
        {
            var (row, preference) = (new DataField<int>("row"), new DataField<double?>("preference"));
            var (own, baseline, name) = (new DataField<long>("len_output"), new DataField<long?>("len_baseline"), new DataField<string>("generator_2"));
            await using var stream = File.Create(path);
            await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(row, preference, own, baseline, name), stream);
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<int>(row, new[] { 0, 2 });
            await group.WriteAsync<double>(preference, new double?[] { 1.25, null });
            await group.WriteAsync<long>(own, new[] { 10L, 11 });
            await group.WriteAsync<long>(baseline, new long?[] { 20, 21 });
            await group.WriteAsync(name, new[] { "new, \"best\"", "new" });
        }).GetAwaiter().GetResult();
        return path;
    }
}
