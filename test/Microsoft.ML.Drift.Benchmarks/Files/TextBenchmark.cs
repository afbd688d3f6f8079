using System.Text;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Benchmarks.Files;

/// <summary>Megabytes of text per second: tokenizing and reading JSON Lines.</summary>
internal sealed class TextBenchmark : IBenchmark
{
    private const int JsonRows = 100_000;

    public string Mode => "text";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        Tokenizing(options, page);
        JsonLines(options, page);
    }

    private static void Tokenizing(BenchmarkOptions options, ResultPage page)
    {
        const string title = "text: tokenizing";
        if (!options.Wants(title) || BenchmarkModel.TokenizerFolder(options) is not { } folder) return;
        var texts = SourceTexts().ToArray();
        var bytes = texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text));
        var tokenizer = PretrainedTokenizer.Load(folder);
        // A fresh tokenizer has seen no word yet.
        var times = Interleaved.Measure(options.Rounds,
            ("first time", () => Encode(PretrainedTokenizer.Load(folder), texts, 1)), ("loading alone", () => PretrainedTokenizer.Load(folder)),
            ("again", () => Encode(tokenizer, texts, 1)), ($"again, {options.Threads} threads", () => Encode(tokenizer, texts, options.Threads)));
        var first = times[0].Median - times[1].Median;
        page.Write(title,
            $"{bytes / 1e6:F1} MB of this repository's sources and pages, none twice, in pieces of at most 4,000 characters; loading the tokenizer takes {times[1]}.", "",
            ResultPage.Table(["", "MB/s"], [["first time", $"{bytes / first / 1e6:F1}"], .. times.Skip(2).Select(time => (string[])[time.Name, $"{bytes / time.Median / 1e6:F1}"])]));
    }

    private static void JsonLines(BenchmarkOptions options, ResultPage page)
    {
        const string title = "text: JSON Lines";
        if (!options.Wants(title)) return;
        var path = Path.Combine(Path.GetTempPath(), $"drift-benchmark-{Environment.ProcessId}.jsonl");
        try
        {
            using (var writer = new StreamWriter(path))
                for (var row = 0; row < JsonRows; row++)
                    writer.WriteLine($$$"""{"id": "row-{{{row}}}", "prompt": [{"role": "user", "content": "Which of the {{{row}}} ways is \"best\"?\nPlease be brief."}, {"role": "assistant", "content": "It depends on what you want: {{{row % 97}}} of them are fast, the others are safe, and a few are both."}, {"role": "user", "content": "Only the safe ones, listed one by one."}], "rejected": [{"role": "assistant", "content": "Fast ways are {{{row % 89}}}, and they are the best in every case that I know of."}], "user_preference": {"role": "user", "content": "No, I asked for the safe ones!"}}""");
            var size = new FileInfo(path).Length;
            var ml = new MLContext(1);
            var times = Interleaved.Measure(options.Rounds, ("rows alone", () => Read(ml.Data.LoadFromChatJsonLines(path), values: false)), ("with all values", () => Read(ml.Data.LoadFromChatJsonLines(path), values: true)));
            page.Write(title, $"{JsonRows:N0} DSAT rows, {size / 1e6:F0} MB, one thread.", "", ResultPage.Table(["", "MB/s"], times.Select(time => (string[])[time.Name, $"{size / time.Median / 1e6:F0}"])));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Read(IDataView view, bool values)
    {
        var columns = values ? view.Schema.ToArray() : [];
        using var cursor = view.GetRowCursor(columns);
        while (cursor.MoveNext()) { }
    }

    private static void Encode(PretrainedTokenizer tokenizer, string[] texts, int threads)
    {
        if (threads == 1) foreach (var text in texts) tokenizer.EncodeToIds(text);
        else Parallel.ForEach(texts, new ParallelOptions { MaxDegreeOfParallelism = threads }, text => tokenizer.EncodeToIds(text));
    }

    private static IEnumerable<string> SourceTexts()
    {
        const int longest = 4000;
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !folder.EnumerateFiles("*.sln").Any()) folder = folder.Parent;
        if (folder is null) yield break;
        foreach (var file in folder.EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Extension is ".cs" or ".md" && !file.FullName.Contains("/obj/", StringComparison.Ordinal)))
        {
            var text = File.ReadAllText(file.FullName);
            for (var start = 0; start < text.Length; start += longest) yield return text.Substring(start, Math.Min(longest, text.Length - start));
        }
    }
}
