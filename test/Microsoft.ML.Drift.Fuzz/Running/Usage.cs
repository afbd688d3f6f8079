using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>What this process has used: processor time of all its threads, and the most memory it ever held at once.</summary>
internal static partial class Usage
{
    private const int Self = 0;

    public static (TimeSpan Processor, long PeakBytes) Now()
    {
        Span<long> usage = stackalloc long[18]; // struct rusage: two timevals, ru_maxrss in KiB, 13 more
        usage.Clear();
        if (!OperatingSystem.IsLinux() || GetUsage(Self, ref MemoryMarshal.GetReference(usage)) != 0)
            return (Environment.CpuUsage.TotalTime, System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64);
        return (TimeSpan.FromSeconds(usage[0] + usage[2]) + TimeSpan.FromMicroseconds(usage[1] + usage[3]), usage[4] << 10);
    }

    /// <summary>Lets the peak begin anew at what is held now, where the system can do that.</summary>
    public static void ResetPeak()
    {
        GC.Collect();
        try
        {
            if (OperatingSystem.IsLinux()) File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The peak then only grows; the limit is met a little later.
        }
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetUsage(int who, ref long usage);
}
