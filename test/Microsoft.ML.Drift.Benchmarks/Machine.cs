using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>What this machine can do with the libtorch we use; measured in the same run as everything that is compared with it.</summary>
/// <param name="Gemm">Floating-point operations per second of a large float32 matrix product.</param>
/// <param name="Stream">Bytes per second at which a product with one vector reads a float32 matrix of 1 GiB.</param>
internal sealed record Machine(double Gemm, double Stream)
{
    /// <summary>The processor's name.</summary>
    public static string Name { get; } = ReadName();

    public static long Memory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public static Machine Measure(int rounds)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        const int size = 3072;
        var (a, b) = (randn(size, size), randn(size, size));
        var (vector, matrix) = (randn(1, 4096), randn(65536, 4096));
        var times = Interleaved.Measure(
            rounds,
            ("GEMM", () => matmul(a, b).Dispose()),
            ("stream", () => nn.functional.linear(vector, matrix).Dispose()));
        return new Machine(2.0 * size * size * size / times[0].Fastest, matrix.numel() * sizeof(float) / times[1].Fastest);
    }

    public override string ToString() =>
        $"float32 GEMM {Gemm / 1e9:F0} GFLOP/s, weight streaming {Stream / 1e9:F1} GB/s, {get_num_threads()} threads, {Memory >> 30} GiB, {RuntimeInformation.OSDescription}";

    private static string ReadName()
    {
        const string info = "/proc/cpuinfo";
        var line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return $"{line?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString()}, {Environment.ProcessorCount} cores";
    }
}
