using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Drift.Benchmarks.Training;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>Runs a case in a process of its own, so that its peak memory hides behind no other's.</summary>
internal static class OwnProcess
{
    /// <summary>The first argument of such a process; threads and the case follow.</summary>
    public const string Argument = "case";

    private static readonly Dictionary<string, CaseResult> s_results = [];

    /// <summary>Measures a case; a case that was measured before in this run is not measured again.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="threads">Threads of libtorch.</param>
    /// <exception cref="InvalidOperationException">The process failed.</exception>
    public static CaseResult Measure(TrainingCase work, int threads)
    {
        var json = JsonSerializer.Serialize(work);
        if (s_results.TryGetValue(json, out var known)) return known;
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(OwnProcess).Assembly.Location, Argument, $"{threads}", json]) { RedirectStandardOutput = true })!;
        var answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{work.Plan.Name()} at {work.Shape} ended with code {process.ExitCode}; 137 means that the system was short of memory.");
        var result = s_results[json] = JsonSerializer.Deserialize<CaseResult>(answer)!;
        Console.Error.WriteLine($"{work.Model.Name}, {work.Shape}, {work.Plan.Name()}, {work.Steps} steps: peak {result.Peak / 1e6:F0} MB, {result.Added / 1e6:F0} MB added");
        return result;
    }

    /// <summary>The other side: does the work and prints the result.</summary>
    public static int Answer(string threads, string json)
    {
        TorchRuntime.EnsureLoaded();
        TorchSharp.torch.set_num_threads(int.Parse(threads, CultureInfo.InvariantCulture));
        Console.WriteLine(JsonSerializer.Serialize(JsonSerializer.Deserialize<TrainingCase>(json)!.Run()));
        return 0;
    }
}
