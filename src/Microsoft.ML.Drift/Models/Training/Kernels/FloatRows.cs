using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>The rows of a float32 tensor in main memory, without gaps. The tensor must outlive it.</summary>
internal readonly unsafe struct FloatRows
{
    private readonly float* _start;

    /// <param name="tensor">[…, width].</param>
    public FloatRows(Tensor tensor)
    {
        var shape = tensor.shape;
        _start = (float*)TensorMemory.Address(tensor);
        Width = (int)shape[^1];
        Count = 1;
        for (var i = 0; i < shape.Length - 1; i++) Count *= shape[i];
    }

    /// <summary>How many rows.</summary>
    public long Count { get; }

    /// <summary>Floats of a row.</summary>
    public int Width { get; }

    /// <summary>Where a row begins.</summary>
    public float* this[long row] => _start + row * Width;
}
