using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>What TRL 0.19.1 itself took for a step of SmolLM2-135M, float32, on two cores of a machine whose GEMM rate is known.</summary>
internal static class RecordedTrl
{
    private const double Gemm = 175e9;
    private const long SmolLM2Parameters = 134_515_008;

    private static readonly Dictionary<string, double> s_seconds = new() { [TrainingShape.Even(4, 192, 64).Name] = 29.4, [StepBenchmark.Drift.Name] = 258 };

    /// <summary>A sentence that compares a time with TRL's, scaled by this machine's GEMM rate; empty where TRL was not measured.</summary>
    public static string Compare(TrainingShape shape, CausalLM model, Timing ours, Machine machine)
    {
        if (model.ParameterCount != SmolLM2Parameters || !s_seconds.TryGetValue(shape.Name, out var seconds)) return "";
        var scaled = seconds * Gemm / machine.Gemm;
        return $" TRL 0.19.1 itself took {seconds} s where GEMM is {Gemm / 1e9:F0} GFLOP/s, scaled to this machine {scaled:F1} s: ours is {scaled / ours.Median:F1} times faster.";
    }
}
