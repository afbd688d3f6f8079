using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>How much memory a training takes, from the shapes alone.</summary>
internal sealed class TrainingMemory
{
    /// <summary>Bytes that the process takes whatever it trains: compiled code, libraries' buffers.</summary>
    public const long Fixed = 64L << 20;

    /// <summary>Measured: what the process's heap takes for what it holds.</summary>
    private const double OfHeap = 1.05;

    private readonly Decoder _decoder;
    private readonly long _perToken, _perTokenByCheckpoint, _perScored, _logitsPerScored, _logitChunkPerScored;

    /// <param name="decoder">The model that is trained.</param>
    public TrainingMemory(Decoder decoder)
    {
        _decoder = decoder;
        (_perToken, _perTokenByCheckpoint) = (Kept(false) + Work(false), Kept(true) + Work(true));
        _perScored = (long)decoder.Specification.HiddenSize * sizeof(float) * 4;
        _logitsPerScored = (long)decoder.Specification.VocabularySize * sizeof(float);
        _logitChunkPerScored = Math.Min(_logitsPerScored, decoder.Head().ChunkWidth * sizeof(float));
    }

    /// <summary>Bytes of gradients and optimizer state.</summary>
    /// <param name="floatsPerWeight">How many float32 numbers are held for each trained weight.</param>
    public long Standing(int floatsPerWeight) =>
        (long)(OfHeap * floatsPerWeight * sizeof(float) * _decoder.TrainableTensors.Where(slice => slice.Start == 0).Sum(slice => slice.Parameter.numel()));

    /// <summary>Bytes that a pass takes beside these, with <see cref="Fixed"/>.</summary>
    /// <param name="tokens">Tokens it computes.</param>
    /// <param name="scored">Tokens it scores.</param>
    /// <param name="checkpoint">Whether layers are computed again in the backward pass.</param>
    /// <param name="logitBudget">Bytes of logits it may hold.</param>
    public long OfPass(long tokens, long scored, bool checkpoint, long logitBudget) =>
        (long)(OfHeap * (tokens * (checkpoint ? _perTokenByCheckpoint : _perToken) + scored * _perScored + Logits(scored, logitBudget))) + Fixed;

    /// <summary>Bytes that a pass takes of its <see cref="ActivationMemory"/>.</summary>
    /// <param name="tokens">T.</param>
    /// <param name="checkpoint">Whether only the layers' inputs are kept, and everything of one layer.</param>
    public long Lasting(long tokens, bool checkpoint)
    {
        var within = _decoder.Specification.Layers.Select(layer =>
            Residual + HeadBytes(layer) + (long)layer.Attention.Heads * layer.Attention.HeadSize * ComputeSize + 2L * layer.FeedForward.IntermediateSize * ComputeSize);
        var layers = _decoder.Specification.Layers.Count;
        return (tokens + 1) * (checkpoint ? (layers + 1) * Residual + within.Max() : layers * Residual + within.Sum());   // a row more for the pieces' ends
    }

    // As TokenLogProbs does: all logits while the budget holds them, else as many rows of a chunk's columns as it holds.
    private long Logits(long scored, long budget) => scored * _logitsPerScored <= budget ? scored * _logitsPerScored : Math.Min(scored * _logitChunkPerScored, budget);

    // What a token holds from the forward pass to the backward pass.
    private long Kept(bool checkpoint) => _decoder.Specification.Layers.Sum(layer => checkpoint ? Residual : PerLayer(layer)) + 3 * Residual;

    // What a token holds while its layer is computed or differentiated, beside what is kept.
    private long Work(bool checkpoint) => _decoder.Specification.Layers.Max(layer =>
        (checkpoint ? PerLayer(layer) : 0) + 6 * Residual + 3 * HeadBytes(layer) + 3L * Active(layer) * layer.FeedForward.IntermediateSize * ComputeSize);

    private long Residual => (long)_decoder.Specification.HiddenSize * _decoder.StorageDtype.ElementSize();

    private long ComputeSize => _decoder.ComputeDtype.ElementSize();

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
