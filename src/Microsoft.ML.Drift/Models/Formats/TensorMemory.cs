using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>Raw bytes in and out of CPU tensors, of any length: a .NET span ends at 2 GB, a tensor does not.</summary>
internal static unsafe class TensorMemory
{
    private const long PieceBytes = 1 << 30;

    /// <summary>Where the elements of a contiguous CPU tensor lie; null for a tensor without elements. Keep the tensor alive while using it.</summary>
    public static byte* Address(torch.Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous())
            throw new ArgumentException($"A {tensor.device_type} tensor of shape [{string.Join(", ", tensor.shape)}] has no plain memory here: it must be contiguous and on the CPU.", nameof(tensor));
        if (tensor.numel() == 0) return null;
        if (ByteCount(tensor) <= int.MaxValue) return (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
        using var scope = torch.NewDisposeScope();
        return (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.detach().reshape(-1).narrow(0, 0, 1).bytes));
    }

    public static long ByteCount(torch.Tensor tensor) => checked(tensor.numel() * tensor.element_size());

    /// <summary>A new CPU tensor holding a copy of the bytes at <paramref name="source"/>.</summary>
    public static torch.Tensor Copy(byte* source, long byteCount, torch.ScalarType type, long[] shape)
    {
        var tensor = torch.empty(shape, dtype: type, device: torch.CPU);
        CopyBytes(source, Address(tensor), byteCount);
        return tensor;
    }

    public static void CopyBytes(byte* source, byte* destination, long byteCount) => Buffer.MemoryCopy(source, destination, byteCount, byteCount);

    /// <summary>Writes the elements of a contiguous CPU tensor as they lie in memory.</summary>
    public static void Write(torch.Tensor tensor, Stream stream)
    {
        var start = Address(tensor);
        var left = ByteCount(tensor);
        while (left > 0)
        {
            var count = (int)Math.Min(left, PieceBytes);
            stream.Write(new ReadOnlySpan<byte>(start, count));
            start += count;
            left -= count;
        }
        GC.KeepAlive(tensor);
    }
}
