using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>How much memory a training pass takes, from the shapes alone.</summary>
/// <param name="decoder">The model that is trained.</param>
internal sealed class TrainingMemory(Decoder decoder)
{
    /// <summary>Bytes that a token holds from the forward pass to the backward pass.</summary>
    /// <param name="checkpoint">Whether only the layers' inputs are kept.</param>
    public long KeptPerToken(bool checkpoint) => decoder.Specification.Layers.Sum(layer => checkpoint ? Residual : PerLayer(layer)) + 3 * Residual;

    /// <summary>Bytes that a token holds while its layer is computed or differentiated, beside what is kept.</summary>
    public long WorkPerToken(bool checkpoint) => decoder.Specification.Layers.Max(layer =>
        (checkpoint ? PerLayer(layer) : 0) + 6 * Residual + 3 * HeadBytes(layer) + 3L * Active(layer) * layer.FeedForward.IntermediateSize * ComputeSize);

    /// <summary>Bytes that a pass takes of its <see cref="ActivationMemory"/>.</summary>
    /// <param name="tokens">T.</param>
    /// <param name="checkpoint">Whether only the layers' inputs are kept, and everything of one layer.</param>
    public long Lasting(long tokens, bool checkpoint)
    {
        var within = decoder.Specification.Layers.Select(layer =>
            Residual + HeadBytes(layer) + (long)layer.Attention.Heads * layer.Attention.HeadSize * ComputeSize + 2L * layer.FeedForward.IntermediateSize * ComputeSize);
        var layers = decoder.Specification.Layers.Count;
        return (tokens + 1) * (checkpoint ? (layers + 1) * Residual + within.Max() : layers * Residual + within.Sum());   // a row more for the pieces' ends
    }

    /// <summary>Bytes of what the optimizer moves, in float32.</summary>
    public long TrainedBytes => decoder.TrainableTensors.Where(slice => slice.Start == 0).Sum(slice => slice.Parameter.numel()) * sizeof(float);

    private long Residual => (long)decoder.Specification.HiddenSize * decoder.StorageDtype.ElementSize();

    private long ComputeSize => decoder.ComputeDtype.ElementSize();

    // The layer's input and what lies between its branches, scales of the norms, rotated heads and their mixture, gate and up; with norms behind the branches these, too.
    private long PerLayer(LayerSpecification layer)
    {
        var norms = (layer.Norms.AfterAttention is null ? 0 : 1) + (layer.Norms.AfterFeedForward is null ? 0 : 1);
        var attention = layer.Attention;
        var extraHeads = attention.QueryKeyNorm == QueryKeyNorm.None ? 1 : 2;
        // What libtorch differentiates keeps more: capped scores aside, projected tensors several times.
        var graph = attention.ScoreSoftCap is not null || attention.SlidingWindow is not null ? 3 : 1;
        return (2 + norms) * Residual + 16 + (extraHeads + graph) * HeadBytes(layer)
            + 2L * Active(layer) * layer.FeedForward.IntermediateSize * ComputeSize * (layer.FeedForward.Experts is null ? 1 : 2);
    }

    private long HeadBytes(LayerSpecification layer) => (layer.Attention.Heads + 2L * layer.Attention.KeyValueHeads) * layer.Attention.HeadSize * ComputeSize;

    private static int Active(LayerSpecification layer) => layer.FeedForward.Experts?.PerToken ?? 1;
}
