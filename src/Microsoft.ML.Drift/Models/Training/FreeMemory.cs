using System.Globalization;

namespace Microsoft.ML.Drift.Models;

/// <summary>What the operating system and the container leave to this process.</summary>
internal static class FreeMemory
{
    /// <summary>Bytes of main memory that can still be taken.</summary>
    public static long Bytes()
    {
        var info = GC.GetGCMemoryInfo();
        var managed = info.TotalAvailableMemoryBytes - info.MemoryLoadBytes;
        var free = Available("/proc/meminfo") ?? managed;
        foreach (var (limit, used) in new[]
        {
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        })
        {
            // The pages of files that a container has read count as used, but give way.
            if (Number(limit) is { } most && Number(used) is { } now) free = Math.Min(free, most - now + (Statistic(Path.Combine(Path.GetDirectoryName(used)!, "memory.stat"), "inactive_file") ?? 0));
        }
        return Math.Max(0, free);
    }

    private static long? Available(string path) =>
        !File.Exists(path) ? null : File.ReadLines(path).FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 : null;

    private static long? Number(string path) =>
        File.Exists(path) && long.TryParse(File.ReadAllText(path).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static long? Statistic(string path, string name) =>
        !File.Exists(path) ? null : File.ReadLines(path).Select(line => line.Split(' ')).Where(parts => parts[0] == name)
            .Select(parts => (long?)long.Parse(parts[1], CultureInfo.InvariantCulture)).FirstOrDefault();
}
