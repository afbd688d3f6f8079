using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// What a decoder computes, in typed features: a family (<see cref="ModelFamily"/>) translates its config.json into this, and
/// <see cref="Decoder"/> knows nothing else about families. Shapes: <c>C</c> hidden width, <c>H</c> heads, <c>D</c> head width, <c>V</c> vocabulary.
/// </summary>
internal sealed record DecoderSpecification
{
    public required int VocabularySize { get; init; }
    public required int HiddenSize { get; init; }
    public required IReadOnlyList<LayerSpecification> Layers { get; init; }
    public required NormSpecification Norm { get; init; }

    /// <summary>The input embedding is also the output projection.</summary>
    public required bool TiedEmbeddings { get; init; }

    /// <summary>The token whose row of the input embedding gets no gradient and starts at zero.</summary>
    public int? PaddingIndex { get; init; }

    /// <summary>Embeddings are multiplied by this before the first layer.</summary>
    public double EmbeddingMultiplier { get; init; } = 1;

    /// <summary>Logits are divided by this.</summary>
    public double LogitsDivisor { get; init; } = 1;

    /// <summary>c in <c>c · tanh(logits / c)</c>.</summary>
    public double? LogitsSoftCap { get; init; }
}

/// <summary>One decoder layer: attention, then feed-forward, each added to the residual stream.</summary>
internal sealed record LayerSpecification
{
    public required AttentionSpecification Attention { get; init; }
    public required FeedForwardSpecification FeedForward { get; init; }
    public NormPlacement Norms { get; init; } = NormPlacement.Before;

    /// <summary>What a branch gives is multiplied by this before it is added to the residual stream.</summary>
    public double ResidualMultiplier { get; init; } = 1;
}

/// <summary>Names of the norms around the two branches of a layer, as checkpoints call them; null where there is none.</summary>
internal sealed record NormPlacement(string? BeforeAttention, string? AfterAttention, string? BeforeFeedForward, string? AfterFeedForward)
{
    /// <summary>Llama: the input of each branch is normalised.</summary>
    public static NormPlacement Before { get; } = new("input_layernorm", null, "post_attention_layernorm", null);

    /// <summary>OLMo 2: the output of each branch is normalised.</summary>
    public static NormPlacement After { get; } = new(null, "post_attention_layernorm", null, "post_feedforward_layernorm");

    /// <summary>Gemma 2 and 3: input and output.</summary>
    public static NormPlacement Both { get; } =
        new("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm");
}

/// <summary>Root-mean-square normalisation; Gemma multiplies by 1 + weight.</summary>
internal sealed record NormSpecification(double Epsilon, bool WeightIsOffset = false);

internal enum QueryKeyNorm
{
    None,
    /// <summary>Each head on its own: weights of length D.</summary>
    PerHead,
    /// <summary>All heads together: weights of length H · D.</summary>
    WholeWidth,
}

/// <summary>Grouped-query attention.</summary>
internal sealed record AttentionSpecification
{
    public required int Heads { get; init; }
    public required int KeyValueHeads { get; init; }
    public required int HeadSize { get; init; }

    /// <summary>Scores are multiplied by this.</summary>
    public required double Scale { get; init; }

    /// <summary>Null for a layer that does not rotate queries and keys.</summary>
    public required RotarySpecification? Rotary { get; init; }

    public bool QueryKeyValueBias { get; init; }
    public bool OutputBias { get; init; }
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>c in <c>c · tanh(scores / c)</c>.</summary>
    public double? ScoreSoftCap { get; init; }

    /// <summary>How many keys a query sees, itself included; null for all.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The checkpoint holds one qkv_proj.</summary>
    public bool FusedOnDisk { get; init; }
}

internal enum Activation { Silu, GeluTanh, Gelu }

/// <summary>A gated feed-forward network, or a mixture of them.</summary>
internal sealed record FeedForwardSpecification
{
    public required int IntermediateSize { get; init; }
    public required Activation Activation { get; init; }
    public bool Bias { get; init; }

    /// <summary>The checkpoint holds one gate_up_proj.</summary>
    public bool FusedOnDisk { get; init; }

    /// <summary>Null for a dense layer.</summary>
    public ExpertsSpecification? Experts { get; init; }
}

/// <summary>A token goes to the <paramref name="PerToken"/> experts with the largest router probabilities.</summary>
/// <param name="Count">Number of experts.</param>
/// <param name="PerToken">Experts a token goes to.</param>
/// <param name="Normalize">The chosen probabilities are divided by their sum.</param>
internal sealed record ExpertsSpecification(int Count, int PerToken, bool Normalize);

/// <summary>Rotary position embedding: the first <see cref="Dimensions"/> of each head turn in pairs (i, i + Dimensions / 2).</summary>
internal sealed record RotarySpecification
{
    public required double Base { get; init; }
    public required int Dimensions { get; init; }
    public RotaryScaling Scaling { get; init; } = new UnscaledRotary();
}

/// <summary>How frequencies are changed for sequences longer than those of pretraining.</summary>
internal abstract record RotaryScaling
{
    /// <summary>The factor on cos and sin.</summary>
    public virtual double AttentionFactor => 1;

    /// <summary>Where frequencies depend on the longest sequence seen so far: the length up to which they do not.</summary>
    public virtual int? DynamicBeyond => null;

    /// <summary>Frequencies, float32, [Dimensions / 2], on the CPU.</summary>
    /// <param name="rotary">Base and dimensions.</param>
    /// <param name="longest">The longest sequence so far; only dynamic rules look at it.</param>
    public abstract torch.Tensor Frequencies(RotarySpecification rotary, long longest);

    /// <summary>base^(2i / Dimensions), as float32.</summary>
    protected static torch.Tensor Wavelengths(double @base, int dimensions) =>
        torch.pow(torch.tensor((float)@base), TensorArithmetic.WholeNumbers(dimensions, step: 2).to(torch.float32).DividedBy((float)dimensions));
}
