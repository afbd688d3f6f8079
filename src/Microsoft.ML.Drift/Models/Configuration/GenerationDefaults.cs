using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Models;

/// <summary>What a model's generation_config.json recommends; null where it says nothing.</summary>
public sealed record GenerationDefaults
{
    /// <summary>The tokens that end an answer; empty where the file does not say.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>The padding token.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Whether to draw from the distribution (true) or to take the likeliest token (false).</summary>
    public bool? DoSample { get; init; }

    /// <summary>Divides the logits; greater than 0.</summary>
    public double? Temperature { get; init; }

    /// <summary>Keep the likeliest tokens up to this total probability; 0 to 1.</summary>
    public double? TopP { get; init; }

    /// <summary>Keep this many of the likeliest tokens.</summary>
    public int? TopK { get; init; }

    /// <summary>Keep tokens at least this fraction as likely as the likeliest; 0 to 1.</summary>
    public double? MinP { get; init; }

    /// <summary>Keep tokens whose surprise is closest to the entropy up to this total probability; greater than 0, at most 1.</summary>
    public double? TypicalP { get; init; }

    /// <summary>Logits of tokens seen before are divided (positive) or multiplied (negative) by this.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>No n-gram of this many tokens may occur twice.</summary>
    public int? NoRepeatNgramSize { get; init; }

    /// <summary>No end token before this many tokens of the answer.</summary>
    public int? MinNewTokens { get; init; }

    /// <summary>The longest answer, in tokens.</summary>
    public int? MaxNewTokens { get; init; }

    internal static GenerationDefaults Parse(string json, string where)
    {
        using var document = SoundJson.Parse(json, where);
        var config = new ConfigurationReader(document.RootElement, where);
        return new GenerationDefaults
        {
            EosTokenIds = config.Integers("eos_token_id"),
            PadTokenId = config.Integers("pad_token_id") is [var first, ..] ? first : null,
            DoSample = config.Has("do_sample") ? config.Flag("do_sample") : null,
            Temperature = config.OptionalNumber("temperature"),
            TopP = config.OptionalNumber("top_p"),
            TopK = config.OptionalInteger("top_k"),
            MinP = config.OptionalNumber("min_p"),
            TypicalP = config.OptionalNumber("typical_p"),
            RepetitionPenalty = config.OptionalNumber("repetition_penalty"),
            NoRepeatNgramSize = config.OptionalInteger("no_repeat_ngram_size"),
            MinNewTokens = config.OptionalInteger("min_new_tokens"),
            MaxNewTokens = config.OptionalInteger("max_new_tokens"),
        };
    }
}
