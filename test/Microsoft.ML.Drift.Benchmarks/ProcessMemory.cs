using System.Globalization;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>What the system says of this process's memory. Linux.</summary>
internal static class ProcessMemory
{
    /// <summary>Bytes resident now.</summary>
    public static long Resident() => Status("VmRSS:");

    /// <summary>Most bytes resident since the process began, or since <see cref="ResetPeak"/>; the metric <c>peak_memory_bytes</c> is the same number.</summary>
    public static long Peak() => Status("VmHWM:");

    /// <summary>Lets <see cref="Peak"/> begin again at what is resident now.</summary>
    public static void ResetPeak() => File.WriteAllText("/proc/self/clear_refs", "5");

    private static long Status(string name) =>
        long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
}

/// <summary>Watches the native heap, in which libtorch has its tensors: how much of it is in use, and how much is resident.</summary>
internal sealed class HeapSampler : IDisposable
{
    private static readonly nint s_information = NativeLibrary.TryLoad("libc.so.6", out var library) && NativeLibrary.TryGetExport(library, "mallinfo2", out var function) ? function : 0;

    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly long _before;
    private long _inUse;
    private long _resident;

    public HeapSampler()
    {
        _before = InUse();
        _thread = new Thread(Watch) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>The peaks since the beginning; null where the C library is not glibc.</summary>
    public HeapPeak? Stop()
    {
        _stop.Cancel();
        _thread.Join();
        return s_information == 0 ? null : new(_before, _inUse, _resident);
    }

    public void Dispose()
    {
        Stop();
        _stop.Dispose();
    }

    private void Watch()
    {
        do
        {
            _inUse = Math.Max(_inUse, InUse());
            _resident = Math.Max(_resident, ProcessMemory.Resident());
        }
        while (!_stop.Token.WaitHandle.WaitOne(10));
    }

    private static unsafe long InUse()
    {
        if (s_information == 0) return 0;
        var information = ((delegate* unmanaged<HeapInformation>)s_information)();
        return (long)(information.InUse + information.Mapped);
    }

    /// <summary>glibc's <c>struct mallinfo2</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct HeapInformation
    {
        public nuint Arena, FreeChunks, FastChunks, MappedChunks, Mapped, Unused, FastFree, InUse, Free, Trimmable;
    }
}

/// <summary>The native heap's peaks, in bytes.</summary>
/// <param name="Before">In use at the beginning.</param>
/// <param name="InUse">Most in use.</param>
/// <param name="Resident">Most of the process resident when it was looked at.</param>
internal sealed record HeapPeak(long Before, long InUse, long Resident);
