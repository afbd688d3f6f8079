using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.Models;

/// <summary>A piece of native memory that grows on demand and keeps its size; its content does not survive growing.</summary>
internal sealed unsafe class WorkingMemory : IDisposable
{
    private nint _floats;

    public float* Start { get; private set; }

    /// <summary>Makes room for [rows, width] and returns where it begins.</summary>
    public float* Reserve(int rows, int width)
    {
        var needed = (nint)rows * width;
        if (needed <= _floats) return Start;
        NativeMemory.AlignedFree(Start);
        Start = (float*)NativeMemory.AlignedAlloc((nuint)needed * sizeof(float), 64);
        _floats = needed;
        return Start;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Start);
        Start = null;
        _floats = 0;
    }
}
