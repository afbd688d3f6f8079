using System.Diagnostics;

namespace Microsoft.ML.Drift.Preference;

/// <summary>What a step cost.</summary>
internal static class TrainingCost
{
    /// <summary><c>tokens</c> (padding not counted), <c>seconds</c>, <c>tokens_per_second</c>, and <c>peak_memory_bytes</c> of the process so far.</summary>
    /// <remarks>Before them <c>passes</c>, in how many parts the step's rows went through the model, and <c>passes_recomputed</c>, how many of these computed layers twice.</remarks>
    public static IEnumerable<(string Name, double Value)> Metrics(MicroBatchResult step, TimeSpan elapsed)
    {
        var tokens = step.Tokens;
        yield return ("passes", step.Passes);
        yield return ("passes_recomputed", step.Recomputed);
        yield return ("tokens", tokens);
        yield return ("seconds", elapsed.TotalSeconds);
        yield return ("tokens_per_second", tokens / elapsed.TotalSeconds);
        using var process = Process.GetCurrentProcess();
        yield return ("peak_memory_bytes", process.PeakWorkingSet64);
    }
}
