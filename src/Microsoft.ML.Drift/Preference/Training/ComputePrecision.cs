using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>Switches decoders to bfloat16 products for the duration of a training, and back.</summary>
internal sealed class ComputePrecision : IDisposable
{
    private readonly List<(Decoder Decoder, ScalarType Before)> _switched = [];

    /// <param name="bfloat16">Whether to switch at all.</param>
    /// <param name="decoders">The decoders; nulls are skipped.</param>
    public ComputePrecision(bool bfloat16, params Decoder?[] decoders)
    {
        if (!bfloat16) return;
        foreach (var decoder in decoders.OfType<Decoder>())
        {
            _switched.Add((decoder, decoder.ComputeDtype));
            decoder.ComputeDtype = ScalarType.BFloat16;
        }
    }

    /// <summary>bfloat16 weights are not trained: with three significant digits they would not move at DRIFT's rate of 5e-7.</summary>
    public static IEnumerable<string> Problems(CausalLM policy)
    {
        if (policy.Decoder.StorageDtype != ScalarType.Float32)
            yield return $"The policy's weights are {policy.Decoder.StorageDtype}; training needs Float32, as small updates vanish in fewer digits. " +
                "Load it with Dtype = WeightType.Float32; Bfloat16 = true then still computes in bfloat16.";
        if (policy.Decoder.Adapter is { DropsBeforeLogits: true })
            yield return "The policy's adapter has lora_dropout and adapts lm_head, for which dropout is not available; set lora_dropout to 0 in its adapter_config.json.";
    }

    public void Dispose()
    {
        foreach (var (decoder, before) in _switched) decoder.ComputeDtype = before;
    }
}
