using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>What all layers of one training or scoring pass share. Its tensors belong to the dispose scope in which it is made.</summary>
internal sealed class TrainingPass
{
    private readonly HashSet<Tensor> _kept = new(ReferenceEqualityComparer.Instance);

    /// <param name="sequences">The tokens.</param>
    /// <param name="rotary">cos and sin of the tokens.</param>
    /// <param name="attention">How tokens see each other.</param>
    /// <param name="computeDtype">Type of matrix products.</param>
    /// <param name="records">Whether a way back is wanted.</param>
    /// <param name="memory">Where to put what lives until the way back; null: wherever libtorch does.</param>
    public TrainingPass(PackedSequences sequences, RotaryTables rotary, PackedAttention attention, ScalarType computeDtype, bool records, ActivationMemory? memory = null) =>
        (Sequences, Rotary, Attention, ComputeDtype, Records, Memory) = (sequences, rotary, attention, computeDtype, records, memory);

    public PackedSequences Sequences { get; }

    public RotaryTables Rotary { get; }

    public PackedAttention Attention { get; }

    public ScalarType ComputeDtype { get; }

    /// <summary>Whether values are kept for the way back.</summary>
    public bool Records { get; set; }

    public ActivationMemory? Memory { get; }

    /// <summary>A value that is there until the way back is done, to be computed by the caller and then kept. Main memory only.</summary>
    /// <returns>[T, width] float32, undefined.</returns>
    public Tensor NewKept(long width) => Records ? NewLayerInput(width) : empty([Sequences.Length, width], ScalarType.Float32);

    /// <summary>The same for what lies between two layers, which is there even where the layers are computed again.</summary>
    public Tensor NewLayerInput(long width) => Memory?.Take(Sequences.Length, width) ?? empty([Sequences.Length, width], ScalarType.Float32);

    /// <summary>Lets a value live on for the way back: it leaves the current dispose scope for the next outer one.</summary>
    public Tensor Keep(Tensor value)
    {
        if (Records && _kept.Add(value)) value.MoveToOuterDisposeScope();
        return value;
    }

    /// <summary>What was kept since the last call; the caller disposes of it after the way back.</summary>
    public Tensor[] TakeKept()
    {
        Tensor[] kept = [.. _kept];
        _kept.Clear();
        return kept;
    }
}
