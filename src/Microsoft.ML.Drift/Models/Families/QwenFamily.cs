namespace Microsoft.ML.Drift.Models;

/// <summary>Qwen2 and 2.5 (biases on q, k and v), Qwen3 (norms on each head's q and k), Qwen3-MoE (experts).</summary>
internal static class QwenFamily
{
    public static DecoderSpecification DescribeQwen2(ConfigurationReader config)
    {
        var attention = StandardFields.Attention(config, keyValueHeadsByDefault: 32) with { QueryKeyValueBias = true };
        return Dense(config, attention);
    }

    public static DecoderSpecification DescribeQwen3(ConfigurationReader config) => Dense(config, Qwen3Attention(config, keyValueHeadsByDefault: 32));

    public static DecoderSpecification DescribeQwen3Moe(ConfigurationReader config)
    {
        // Unlike its dense siblings, this model slides in every layer.
        var attention = Qwen3Attention(config, keyValueHeadsByDefault: 4, headSizeByDefault: null) with { SlidingWindow = Window(config) };
        if (attention.SlidingWindow is null) config.OptionalInteger("max_window_layers");
        var dense = StandardFields.FeedForward(config);
        var experts = dense with
        {
            IntermediateSize = config.Size("moe_intermediate_size"),
            Experts = new ExpertsSpecification(config.Size("num_experts", 4096), config.Size("num_experts_per_tok"), config.Flag("norm_topk_prob")),
        };
        if (experts.Experts.PerToken > experts.Experts.Count)
            throw config.Found("num_experts_per_tok", $"at most num_experts, {experts.Experts.Count}");
        var (step, denseLayers) = (config.OptionalSize("decoder_sparse_step") ?? 1, config.Integers("mlp_only_layers").ToHashSet());
        return StandardFields.Decoder(config, tiedByDefault: false, layer => new LayerSpecification
        {
            Attention = attention,
            FeedForward = (layer + 1) % step == 0 && !denseLayers.Contains(layer) ? experts : dense,
        });
    }

    private static DecoderSpecification Dense(ConfigurationReader config, AttentionSpecification attention)
    {
        var firstSliding = config.OptionalInteger("max_window_layers") ?? 28;
        var windows = StandardFields.SlidingWindows(config, Window(config), layer => layer >= firstSliding);
        var feedForward = StandardFields.FeedForward(config);
        return StandardFields.Decoder(config, tiedByDefault: false, layer => new LayerSpecification
        {
            Attention = attention with { SlidingWindow = windows(layer) },
            FeedForward = feedForward,
        });
    }

    private static AttentionSpecification Qwen3Attention(ConfigurationReader config, int keyValueHeadsByDefault, int? headSizeByDefault = 128)
    {
        var bias = config.Flag("attention_bias");
        return StandardFields.Attention(config, keyValueHeadsByDefault, headSizeByDefault) with
        {
            QueryKeyValueBias = bias,
            OutputBias = bias,
            QueryKeyNorm = QueryKeyNorm.PerHead,
        };
    }

    // The width of the window means nothing unless it is switched on.
    private static int? Window(ConfigurationReader config)
    {
        var window = config.SizeUnlessNull("sliding_window", absent: 4096);
        return config.Flag("use_sliding_window") ? window : null;
    }
}
