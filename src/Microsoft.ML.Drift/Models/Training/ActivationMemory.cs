using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// One piece of main memory for all that a pass keeps until its way back is done, used again by the next pass. Among a layer's short-lived tensors, long-lived ones would leave gaps in
/// the process's heap that fit nothing else: a third more memory than is in use.
/// </summary>
internal sealed class ActivationMemory : IDisposable
{
    private const int FloatsPerLine = 16;   // of the processor's cache

    private Tensor? _floats;
    private long _capacity;
    private bool _inUse;

    /// <summary>Begins a pass. One that has not ended keeps its memory, and this one gets new.</summary>
    /// <param name="bytes">What it will keep.</param>
    public void Begin(long bytes)
    {
        var floats = bytes / sizeof(float);
        if (_inUse || _capacity < floats) Dispose();
        (_capacity, Used, _inUse) = (Math.Max(_capacity, floats), 0, true);
    }

    /// <summary>Ends a pass, whose tensors must not be used any more.</summary>
    public void End() => _inUse = false;

    /// <summary>How much of it is taken; to be set back, last in first out, where later tensors are not used any more.</summary>
    public long Used { get; set; }

    /// <summary>A tensor with undefined content, for the current dispose scope. Where the memory does not suffice it gets memory of its own.</summary>
    /// <returns>[rows, width] float32.</returns>
    public Tensor Take(long rows, long width)
    {
        var (start, count) = (Used, rows * width);
        if (start + count > _capacity) return empty([rows, width], ScalarType.Float32);
        _floats ??= empty([_capacity], ScalarType.Float32).DetachFromDisposeScope();
        Used = start + (count + FloatsPerLine - 1) / FloatsPerLine * FloatsPerLine;
        using var piece = _floats.narrow(0, start, count);
        return piece.view(rows, width);
    }

    public void Dispose()
    {
        _floats?.Dispose();
        (_floats, _capacity) = (null, 0);
    }
}
