using System.Text.Json;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Tests.Data.Tokenization;

/// <summary>Ids and texts recorded from transformers and tokenizers; their README says what each field holds.</summary>
[Trait("Parity", "measured")]
public class GoldenTokenizerTests
{
    private static readonly string[] Unsupported = ["wordpiece", "unigram"];

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, PretrainedTokenizer> Loaded = new();

    /// <summary>Every recorded tokenizer, as its path below the folder of recordings.</summary>
    public static TheoryData<string> Recorded()
    {
        var data = new TheoryData<string>();
        var root = Golden.FolderOrNull("tokenizers");
        foreach (var file in (root is null ? [] : Directory.GetFiles(root, "tokenizer.json", SearchOption.AllDirectories)).Order(StringComparer.Ordinal))
            data.Add(Path.GetRelativePath(root!, Path.GetDirectoryName(file)!).Replace('\\', '/'));
        if (data.Count == 0) data.Add("(none)");
        return data;
    }

    [Theory, MemberData(nameof(Recorded))]
    public void Encode_RecordedCases_GivesTheRecordedIds(string name)
    {
        if (Load(name) is not { } tokenizer)
        {
            ParityPage.AddEqual("Tokenizers", name, "refused; texts", 0);
            return;
        }
        Assert.Empty(RecordedTokenizer.EncodingFailures(tokenizer, Path.Combine(Golden.Folder("tokenizers"), name)));
        ParityPage.AddEqual("Tokenizers", name, "texts encoded", Rows(name, "cases.jsonl").Count());
    }

    [Theory, MemberData(nameof(Recorded))]
    public void Decode_RecordedCases_GivesTheRecordedTexts(string name)
    {
        if (Load(name) is not { } tokenizer) return;
        foreach (var row in Rows(name, "cases.jsonl"))
        {
            var ids = RecordedTokenizer.Ids(row.GetProperty("ids_with_special"));
            Assert.Equal(row.GetProperty("decoded").GetString(), tokenizer.Decode(ids));
            Assert.Equal(row.GetProperty("decoded_skip_special").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
            var cleaned = row.TryGetProperty("decoded_skip_special_cleaned", out var recorded) ? recorded : row.GetProperty("decoded_skip_special");
            Assert.Equal(cleaned.GetString(), tokenizer.DecodeClean(ids));
        }
        ParityPage.AddEqual("Tokenizers", name, "decoded", Rows(name, "cases.jsonl").Count());
    }

    [Theory, MemberData(nameof(Recorded))]
    public void Append_EveryCase_JoinsToTheDecodedText(string name)
    {
        if (Load(name) is not { } tokenizer) return;
        foreach (var row in Rows(name, "cases.jsonl"))
        {
            var ids = RecordedTokenizer.Ids(row.GetProperty("ids_with_special"));
            var decoded = tokenizer.Decode(ids);
            // A run of byte tokens that is invalid as a whole is the one thing a stream cannot know in time.
            if (decoded.Contains('\uFFFD')) continue;
            Assert.Equal(decoded, Stream(tokenizer, ids, skipSpecialTokens: false, out var pieces));
            Assert.DoesNotContain(pieces, piece => piece.Contains('\uFFFD'));
        }
    }

    [Theory, MemberData(nameof(Recorded))]
    public void EncodeAndDecode_LongDocuments_GiveTheRecordedIdsAndTexts(string name)
    {
        if (Load(name) is not { } tokenizer || !File.Exists(Path.Combine(Golden.Folder("tokenizers"), name, "long.jsonl"))) return;
        var failures = new List<string>();
        foreach (var row in Rows(name, "long.jsonl"))
        {
            var text = row.GetProperty("text").GetString()!;
            RecordedTokenizer.Compare(failures, text, "ids", row.GetProperty("ids"), tokenizer.Encode(text));
            var decoded = row.TryGetProperty("decoded", out var recorded) ? recorded.GetString() : text;
            Assert.Equal(decoded, tokenizer.Decode(RecordedTokenizer.Ids(row.GetProperty("ids"))));
        }
        Assert.Empty(failures);
        ParityPage.AddEqual("Tokenizers", name, "long documents", Rows(name, "long.jsonl").Count());
    }

    [Theory, MemberData(nameof(Recorded))]
    public void Append_RecordedStreams_GivesTheRecordedPieces(string name)
    {
        if (Load(name) is not { } tokenizer || !File.Exists(Path.Combine(Golden.Folder("tokenizers"), name, "streaming.jsonl"))) return;
        foreach (var row in Rows(name, "streaming.jsonl"))
        {
            var text = Stream(tokenizer, RecordedTokenizer.Ids(row.GetProperty("ids")), row.GetProperty("skip_special_tokens").GetBoolean(), out var pieces);
            Assert.Equal(row.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetString()).Append(row.GetProperty("flush").GetString()), pieces);
            Assert.Equal(row.GetProperty("decoded").GetString(), text);
        }
        ParityPage.AddEqual("Tokenizers", name, "streams", Rows(name, "streaming.jsonl").Count());
    }

    /// <summary>Recorded from llama.cpp's tests; the vocabulary of Qwen2 is that of Qwen3.</summary>
    [Fact]
    public void Encode_Qwen2Cases_GivesTheRecordedIds()
    {
        var tokenizer = PretrainedTokenizer.Load(Golden.Folder("tokenizers", "qwen3"));
        var folder = Golden.Folder("tokenizers", "qwen2-cases");
        var texts = File.ReadAllText(Path.Combine(folder, "cases.inp")).Split("\n__ggml_vocab_test__\n");
        var expected = File.ReadAllLines(Path.Combine(folder, "cases.out"));
        Assert.Equal(expected.Length + 1, texts.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i].Trim(), string.Join(' ', tokenizer.Encode(texts[i])));
        ParityPage.AddEqual("Tokenizers", "qwen2-cases", "texts encoded", expected.Length);
    }

    /// <summary>The tokenizer; null for a model type that is refused, which is checked here.</summary>
    private static PretrainedTokenizer? Load(string name)
    {
        var folder = Path.Combine(Golden.Folder("tokenizers"), name);
        if (!Unsupported.Contains(Path.GetFileName(name))) return Loaded.GetOrAdd(folder, PretrainedTokenizer.Load);
        var error = Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.Load(folder));
        Assert.Contains(Path.GetFileName(name), error.Message, StringComparison.OrdinalIgnoreCase);
        return null;
    }

    private static string Stream(PretrainedTokenizer tokenizer, int[] ids, bool skipSpecialTokens, out List<string> pieces)
    {
        var stream = tokenizer.CreateStreamingDecoder(skipSpecialTokens);
        pieces = [.. ids.Select(stream.Append), stream.Flush()];
        return string.Concat(pieces);
    }

    private static IEnumerable<JsonElement> Rows(string name, string file) => RecordedTokenizer.Rows(Path.Combine(Golden.Folder("tokenizers"), name), file);
}
