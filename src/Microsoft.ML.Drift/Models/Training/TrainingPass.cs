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
    public TrainingPass(PackedSequences sequences, RotaryTables rotary, PackedAttention attention, ScalarType computeDtype, bool records) =>
        (Sequences, Rotary, Attention, ComputeDtype, Records) = (sequences, rotary, attention, computeDtype, records);

    public PackedSequences Sequences { get; }

    public RotaryTables Rotary { get; }

    public PackedAttention Attention { get; }

    public ScalarType ComputeDtype { get; }

    /// <summary>Whether values are kept for the way back.</summary>
    public bool Records { get; set; }

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
