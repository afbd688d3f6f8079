using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Attention among the tokens of <see cref="PackedSequences"/>: for each kind of layer by <see cref="TreeAttention"/> where it can be used, else by <see cref="TiledAttention"/>
/// or <see cref="RectangleAttention"/>, whichever can and costs less. Its tensors belong to the dispose scope in which it is made.
/// </summary>
internal sealed class PackedAttention
{
    // Measured on two cores: what a call of the tiles' kernel costs however small it is, and how many scores times head width it does per second, there and back.
    private const double SecondsPerCall = 1e-4;
    private const double ScoreWidthsPerSecond = 11e9;

    private enum Way { Trees, Tiles, Rectangle }

    private readonly TreeAttention? _trees;
    private readonly TiledAttention? _tiled;
    private readonly RectangleAttention? _rectangle;
    private readonly Dictionary<AttentionSpecification, Way> _ways = [];

    /// <param name="sequences">The tokens.</param>
    /// <param name="specification">The decoder's layers.</param>
    /// <param name="dtype">Type of queries, keys and values.</param>
    /// <param name="records">Whether there will be a way back.</param>
    public PackedAttention(PackedSequences sequences, DecoderSpecification specification, ScalarType dtype, bool records)
    {
        var kinds = specification.Layers.Select(layer => layer.Attention).Distinct().ToArray();
        foreach (var kind in kinds) _ways[kind] = TreeAttention.CanUse(sequences, kind, dtype) ? Way.Trees : UsesTiles(sequences, kind) ? Way.Tiles : Way.Rectangle;
        var (trees, tiles, rectangles) = (Kinds(Way.Trees), Kinds(Way.Tiles), Kinds(Way.Rectangle));
        if (trees.Length > 0) _trees = new(sequences, trees, records);
        if (tiles.Length > 0) _tiled = new(sequences, tiles.Select(kind => kind.Scale), dtype);
        if (rectangles.Length > 0) _rectangle = new(sequences, [.. rectangles.Select(kind => kind.SlidingWindow).Distinct()], dtype);

        AttentionSpecification[] Kinds(Way way) => [.. kinds.Where(kind => _ways[kind] == way)];
    }

    /// <summary>softmax(q kᵀ) v for each token among those it sees.</summary>
    /// <param name="heads">[T, (H + 2 Hkv) D]: queries, keys and values of each token, side by side.</param>
    /// <param name="specification">The layer's attention.</param>
    /// <param name="pass">The pass.</param>
    /// <returns>[T, H D].</returns>
    public Traced Mix(Tensor heads, AttentionSpecification specification, TrainingPass pass) => _ways[specification] switch
    {
        Way.Trees => _trees!.Mix(heads, specification, pass),
        Way.Tiles => _tiled!.Mix(heads, specification, pass),
        _ => Traced.Through(all => _rectangle!.Mix(all, specification), heads, pass),
    };

    private static bool UsesTiles(PackedSequences sequences, AttentionSpecification specification)
    {
        var canTile = sequences.InputIds.device_type == DeviceType.CPU && specification.ScoreSoftCap is null && !(specification.SlidingWindow < sequences.Depth);
        if (!canTile) return false;
        var width = (double)specification.Heads * specification.HeadSize;
        double tileScores = 0, calls = 0, widest = sequences.Spans.Max(span => span.Length);
        foreach (var span in sequences.Spans)
        {
            tileScores += (double)span.Trunk * span.Trunk + span.Branches.Sum(branch => (double)branch.Length * (span.Trunk + branch.Length));
            calls += 1 + span.Branches.Count;
        }
        return Cost(tileScores, calls) < Cost(sequences.Spans.Count * widest * widest, 1);

        double Cost(double scores, double numberOfCalls) => scores * width / ScoreWidthsPerSecond + numberOfCalls * SecondsPerCall;
    }
}
