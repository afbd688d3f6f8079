using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>A model's own view of a text as one vector: the mean of its hidden states after the final norm.</summary>
/// <param name="model">The model; it is only read.</param>
public sealed class SequenceEmbedder(CausalLM model)
{
    /// <summary>Embeds one sequence.</summary>
    /// <param name="inputIds">The sequence, at least one id, each below the model's vocabulary size.</param>
    /// <param name="start">Position of the first token that counts, such as an answer's after its prompt; 0 to the last position.</param>
    /// <returns>[C], the mean over the tokens that count.</returns>
    /// <exception cref="ArgumentException">There is no id, or one the model does not have.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No token counts.</exception>
    public float[] Embed(IReadOnlyList<int> inputIds, int start = 0)
    {
        ArgumentNullException.ThrowIfNull(inputIds);
        if (inputIds.Count == 0) throw new ArgumentException("There is no id to embed; at least one is needed.", nameof(inputIds));
        var size = model.Configuration.VocabularySize;
        foreach (var id in inputIds)
            if (id < 0 || id >= size) throw new ArgumentException($"The ids hold {id}; the model's ids are 0 to {size - 1}.", nameof(inputIds));
        if (start < 0 || start >= inputIds.Count) throw new ArgumentOutOfRangeException(nameof(start), start, $"It must lie between 0 and {inputIds.Count - 1}.");

        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = tensor(inputIds.Select(id => (long)id).ToArray(), device: model.Device).unsqueeze(0);
        var mask = AttentionMask.Causal(ones_like(ids));
        var hidden = model.Decoder.forward(ids, mask.Positions, mask).squeeze(0);
        return hidden[start..].to_type(ScalarType.Float32).mean([0L]).cpu().data<float>().ToArray();
    }
}
