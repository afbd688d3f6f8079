using Microsoft.ML.Drift.Models;
using static System.FormattableString;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// How answers are sampled. The defaults are those of the DRIFT paper's sampler: temperature 0.7, top-p 0.9, at most 512 new tokens; everything
/// else is off.
/// </summary>
/// <remarks>
/// <para>The settings act in the order in which <c>transformers</c> applies them: repetition penalty, no-repeat n-gram, minimum of new tokens,
/// frequency and presence penalty, temperature, top-k, top-p, min-p, typical-p.</para>
/// <para>A setting that is null is "not said": it is off, unless a caller that imitates <c>transformers</c> (the paper mode of
/// <see cref="DsatPairSampler"/>) fills it from the generation defaults that the model ships.</para>
/// </remarks>
public sealed record GenerationOptions
{
    internal static class Defaults
    {
        public const int MaxNewTokens = 512;
        public const double Temperature = 0.7;
        public const double TopP = 0.9;
        public const long Seed = 42;
    }

    private const int TransformersTopK = 50;

    /// <summary>The most probable token at every step: temperature 0, and no other setting on.</summary>
    public static GenerationOptions Greedy { get; } = new() { Temperature = 0, TopP = 1 };

    /// <summary>The longest answer, in tokens, its end token included. At least 1; default 512, as in the paper.</summary>
    public int MaxNewTokens { get; init; } = Defaults.MaxNewTokens;

    /// <summary>No end token is chosen before this many tokens of the answer exist. 0 to <see cref="MaxNewTokens"/>; null (the default) is 0.</summary>
    public int? MinNewTokens { get; init; }

    /// <summary>
    /// Logits are divided by this number. 0 or greater; default 0.7, as in the paper. 0 takes the most probable token after the penalties;
    /// top-k, top-p and min-p always keep that token, so they cannot change the choice, and the seed plays no part.
    /// </summary>
    public double Temperature { get; init; } = Defaults.Temperature;

    /// <summary>Only this many most probable tokens stay; ties with the last of them stay too. 0 is off; null (the default) is off.</summary>
    public int? TopK { get; init; }

    /// <summary>
    /// The smallest set of most probable tokens stays whose probabilities reach this sum. 0 to 1; default 0.9, as in the paper; 1 is off. Of equally
    /// probable tokens on the boundary those with the lower ids stay.
    /// </summary>
    public double TopP { get; init; } = Defaults.TopP;

    /// <summary>Tokens stay whose probability is at least this share of the best token's. 0 to 1; null (the default) is off.</summary>
    public double? MinP { get; init; }

    /// <summary>
    /// Locally typical sampling (Meister et al. 2023): tokens whose surprise is closest to the entropy stay until their probabilities reach this sum.
    /// Greater than 0, at most 1; 1 and null (the default) are off. It can exclude the most probable token, so it cannot be combined with temperature 0.
    /// </summary>
    public double? TypicalP { get; init; }

    /// <summary>
    /// Logits of tokens that occur in the prompt or the answer are divided by this number if positive, else multiplied (Keskar et al. 2019), once per
    /// token. Greater than 0; 1 and null (the default) are off.
    /// </summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>No n-gram of this many tokens occurs twice in prompt and answer. 0 and null (the default) are off.</summary>
    public int? NoRepeatNgramSize { get; init; }

    /// <summary>Subtracted from a token's logit for each time it occurs in the answer so far, as OpenAI and vLLM do. Any finite number; default 0.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Subtracted from a token's logit once it occurs in the answer so far, as OpenAI and vLLM do. Any finite number; default 0.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>True: the model's end tokens are tokens like any other, and only <see cref="MaxNewTokens"/> and <see cref="StopTexts"/> end an answer.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>
    /// An answer ends as soon as its text contains one of these; the text is cut before it, the token ids are kept. The text is compared without
    /// special tokens. None by default.
    /// </summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];

    /// <summary>
    /// The run's seed. Each row's draws depend on it, the iteration, the row's id and the sample's number, and on nothing else: not on batch size,
    /// order or other rows. Default 42, the paper's.
    /// </summary>
    public long Seed { get; init; } = Defaults.Seed;

    /// <summary>
    /// How exactly the model's matrices are read. Default <see cref="WeightPrecision.Float32"/>: as the model holds them. <see cref="WeightPrecision.Q8_0"/> samples faster where few rows run at a
    /// time, from a copy that is made when sampling starts and takes a quarter of the weights' memory; answers and reported log-probs are those of the rounded weights. It needs a CPU with AVX-512
    /// and a dense model with float32 weights; elsewhere asking for it is an error.
    /// </summary>
    public WeightPrecision Weights { get; init; }

    internal bool IsGreedy => Temperature == 0;

    /// <summary>
    /// These settings, with what is not said taken from the model's generation_config.json as transformers does it, and top-k 50 where that says nothing
    /// either: transformers' own default, which applies unasked.
    /// </summary>
    internal GenerationOptions WithShippedDefaults(GenerationDefaults shipped) => this with
    {
        TopK = TopK ?? shipped.TopK ?? TransformersTopK,
        MinP = MinP ?? shipped.MinP,
        TypicalP = TypicalP ?? (IsGreedy ? null : shipped.TypicalP),
        RepetitionPenalty = RepetitionPenalty ?? shipped.RepetitionPenalty,
        NoRepeatNgramSize = NoRepeatNgramSize ?? shipped.NoRepeatNgramSize,
        MinNewTokens = MinNewTokens ?? (IgnoreEos ? null : shipped.MinNewTokens),
    };

    /// <summary>The settings that are on, in words.</summary>
    internal string Describe()
    {
        var parts = new List<string> { IsGreedy ? "greedy" : Invariant($"temperature {Temperature}") };
        // At temperature 0 these cannot change the choice.
        if (!IsGreedy && TopK > 0) parts.Add(Invariant($"top-k {TopK}"));
        if (!IsGreedy && TopP < 1) parts.Add(Invariant($"top-p {TopP}"));
        if (!IsGreedy && MinP is { } minP) parts.Add(Invariant($"min-p {minP}"));
        if (!IsGreedy && TypicalP is { } typical and < 1) parts.Add(Invariant($"typical-p {typical}"));
        if (RepetitionPenalty is { } penalty and not 1) parts.Add(Invariant($"repetition penalty {penalty}"));
        if (NoRepeatNgramSize > 0) parts.Add(Invariant($"no repeated {NoRepeatNgramSize}-gram"));
        if (FrequencyPenalty != 0) parts.Add(Invariant($"frequency penalty {FrequencyPenalty}"));
        if (PresencePenalty != 0) parts.Add(Invariant($"presence penalty {PresencePenalty}"));
        if (MinNewTokens > 0) parts.Add(Invariant($"at least {MinNewTokens} new tokens"));
        parts.Add(Invariant($"at most {MaxNewTokens} new tokens"));
        if (IgnoreEos) parts.Add("end tokens ignored");
        if (StopTexts.Count > 0) parts.Add($"{StopTexts.Count} stop texts");
        if (Weights != WeightPrecision.Float32) parts.Add($"weights {Weights}");
        parts.Add(Invariant($"seed {Seed}"));
        return string.Join(", ", parts);
    }

    /// <summary>Every problem of these settings, in words; none for valid ones.</summary>
    internal IEnumerable<string> Problems()
    {
        if (MaxNewTokens < 1) yield return $"MaxNewTokens is {MaxNewTokens}; it must be at least 1.";
        if (MinNewTokens is { } least && (least < 0 || least > MaxNewTokens)) yield return $"MinNewTokens is {least}; it must lie between 0 and MaxNewTokens ({MaxNewTokens}).";
        if (!(Temperature >= 0) || double.IsInfinity(Temperature)) yield return $"Temperature is {Temperature}; it must be a finite number, 0 (greedy) or greater.";
        if (TopK < 0) yield return $"TopK is {TopK}; it must be 0 (off) or greater.";
        if (!(TopP is >= 0 and <= 1)) yield return $"TopP is {TopP}; it must lie between 0 and 1.";
        if (MinP is { } minP && !(minP is >= 0 and <= 1)) yield return $"MinP is {minP}; it must lie between 0 and 1.";
        if (TypicalP is { } typical && !(typical is > 0 and <= 1)) yield return $"TypicalP is {typical}; it must be greater than 0 and at most 1.";
        if (RepetitionPenalty is { } penalty && (!(penalty > 0) || double.IsInfinity(penalty))) yield return $"RepetitionPenalty is {penalty}; it must be a finite number greater than 0.";
        if (NoRepeatNgramSize < 0) yield return $"NoRepeatNgramSize is {NoRepeatNgramSize}; it must be 0 (off) or greater.";
        if (!double.IsFinite(FrequencyPenalty)) yield return $"FrequencyPenalty is {FrequencyPenalty}; it must be a finite number.";
        if (!double.IsFinite(PresencePenalty)) yield return $"PresencePenalty is {PresencePenalty}; it must be a finite number.";
        if (StopTexts.Any(string.IsNullOrEmpty)) yield return "StopTexts contains an empty text, which would end every answer at once; remove it.";
        if (!Enum.IsDefined(Weights)) yield return $"Weights is {Weights}; it must be {WeightPrecision.Float32} or {WeightPrecision.Q8_0}.";
        if (IsGreedy && TypicalP is > 0 and < 1) yield return "TypicalP has no meaning at Temperature 0, which takes the most probable token; set one of the two.";
        if (IgnoreEos && MinNewTokens > 0) yield return "MinNewTokens has no effect when IgnoreEos is set; set one of the two.";
    }

    /// <summary>What of these settings this model, or this machine, cannot do.</summary>
    internal IEnumerable<string> ProblemsWith(Decoder decoder)
    {
        if (Weights != WeightPrecision.Float32 && CpuDecoder.WhyUnsupported(decoder) is { } reason)
            yield return $"Weights is {Weights}, which needs a CPU with AVX-512 and a dense model with float32 weights, but {reason}; use {WeightPrecision.Float32}.";
    }

    /// <exception cref="ArgumentException">The settings have problems; the message lists all of them.</exception>
    internal void Validate()
    {
        var problems = Problems().ToList();
        if (problems.Count > 0) throw new ArgumentException($"{nameof(GenerationOptions)}: {string.Join(" ", problems)}");
    }
}
