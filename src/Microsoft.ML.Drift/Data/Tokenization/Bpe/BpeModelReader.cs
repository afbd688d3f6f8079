using System.Text.Json;

namespace Microsoft.ML.Drift.Data;

/// <summary>Reads <c>model</c> of a tokenizer.json.</summary>
internal static class BpeModelReader
{
    public static BpeModel Read(TokenizerFileNode model)
    {
        // Files of the first versions have no type; merges tell BPE.
        var type = model["type"]?.Text() ?? (model.Has("merges") ? "BPE" : "(none)");
        if (type != "BPE") throw model.Unsupported("model type", type, "BPE");
        if (model["dropout"] is { } dropout && (dropout.Element.ValueKind != JsonValueKind.Number || dropout.Element.GetDouble() != 0))
            throw dropout.Error($"is {dropout.Element.GetRawText()}: with dropout the same text has other ids each time; set it to null");

        return new BpeModel(ReadVocabulary(model.Required("vocab")), ReadMerges(model.Required("merges")), new BpeOptions
        {
            UnknownToken = model["unk_token"]?.Text(),
            ContinuingSubwordPrefix = model["continuing_subword_prefix"]?.Text() ?? "",
            EndOfWordSuffix = model["end_of_word_suffix"]?.Text() ?? "",
            FuseUnknown = model.Boolean("fuse_unk", whenAbsent: false),
            ByteFallback = model.Boolean("byte_fallback", whenAbsent: false),
            IgnoreMerges = model.Boolean("ignore_merges", whenAbsent: false),
        });
    }

    private static Dictionary<string, int> ReadVocabulary(TokenizerFileNode node)
    {
        if (node.Element.ValueKind != JsonValueKind.Object) throw node.Error("must be an object of tokens and ids");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        try
        {
            foreach (var entry in node.Element.EnumerateObject()) vocabulary[entry.Name] = entry.Value.GetInt32();
        }
        catch (Exception exception) when (exception is InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{node.File}: {node.Path} holds, after {vocabulary.Count} tokens, one that is no text or whose id is no integer.", exception);
        }
        return vocabulary;
    }

    /// <summary>Merges are pairs in newer files and "left right" in older ones, where a token cannot hold a space.</summary>
    private static IEnumerable<(string Left, string Right)> ReadMerges(TokenizerFileNode node)
    {
        if (node.Element.ValueKind != JsonValueKind.Array) throw node.Error("must be an array of pairs");
        var rank = 0;
        foreach (var merge in node.Element.EnumerateArray())
        {
            if (merge is { ValueKind: JsonValueKind.Array } && merge.GetArrayLength() == 2 && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String)
                yield return (merge[0].GetString()!, merge[1].GetString()!);
            else
            {
                var text = merge.ValueKind == JsonValueKind.String ? merge.GetString()! : "";
                var space = text.IndexOf(' ', StringComparison.Ordinal);
                if (text.StartsWith("#version", StringComparison.Ordinal)) continue;
                if (space < 0 || text.IndexOf(' ', space + 1) >= 0)
                    throw new InvalidDataException($"{node.File}: {node.Path}[{rank}] is {merge.GetRawText()}; it must be two tokens, as an array or with one space between them.");
                yield return (text[..space], text[(space + 1)..]);
            }
            rank++;
        }
    }
}
