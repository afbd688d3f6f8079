using System.Diagnostics;
using TorchSharp;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>What the process holds at one moment.</summary>
internal sealed record Measurement(double Done, TimeSpan Time, double ResidentBytes, double ManagedBytes, double Handles, double Tensors)
{
    public static Measurement Take(int done, TimeSpan time)
    {
        var managed = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return new Measurement(done, time, process.WorkingSet64, managed, OpenHandles(), torch.Tensor.TotalCount);
    }

    private static int OpenHandles() => Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : 0;
}
