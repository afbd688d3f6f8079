using System.Runtime.InteropServices;
using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks;

/// <summary>What this machine can do with the libtorch we use; measured in the same run as everything that is compared with it.</summary>
/// <param name="Gemm">Floating-point operations per second of a large float32 matrix product, by MKL.</param>
/// <param name="Convolution">The same product as a 1×1 convolution, by oneDNN.</param>
/// <param name="StepGemm">Those of a product of a training step, by MKL.</param>
/// <param name="StepConvolution">The same by oneDNN.</param>
/// <param name="Stream">Bytes per second at which a product with one vector reads a float32 matrix of 1 GiB.</param>
internal sealed record Machine(double Gemm, double Convolution, double StepGemm, double StepConvolution, double Stream)
{
    private const int Large = 3072;

    // Tokens, inputs and outputs of SmolLM2's feed-forward at B4 P192/C64.
    private const int StepRows = 1280, StepInputs = 576, StepOutputs = 1536;

    /// <summary>The processor's name.</summary>
    public static string Name { get; } = ReadName();

    public static long Memory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public static Machine Measure(int rounds)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (x, square) = (randn(Large, Large), randn(Large, Large));
        var (tokens, weight) = (randn(StepRows, StepInputs), randn(StepOutputs, StepInputs));
        var (vector, matrix) = (randn(1, 4096), randn(65536, 4096));
        var times = Interleaved.Measure(
            rounds,
            ("GEMM", () => nn.functional.linear(x, square).Dispose()),
            ("convolution", () => Convolve(x, square).Dispose()),
            ("a step's GEMM", () => nn.functional.linear(tokens, weight).Dispose()),
            ("a step's convolution", () => Convolve(tokens, weight).Dispose()),
            ("stream", () => nn.functional.linear(vector, matrix).Dispose()));
        var (large, step) = (2.0 * Large * Large * Large, 2.0 * StepRows * StepInputs * StepOutputs);
        return new Machine(large / times[0].Fastest, large / times[1].Fastest, step / times[2].Fastest, step / times[3].Fastest, matrix.numel() * sizeof(float) / times[4].Fastest);
    }

    public override string ToString() =>
        $"float32 GEMM {Gemm / 1e9:F0} GFLOP/s by MKL, {Convolution / 1e9:F0} by oneDNN ({Large}³; {StepRows}×{StepInputs}×{StepOutputs}: {StepGemm / 1e9:F0} and {StepConvolution / 1e9:F0}), "
        + $"weight streaming {Stream / 1e9:F1} GB/s, {get_num_threads()} threads, {Memory >> 30} GiB, {RuntimeInformation.OSDescription}";

    // The same product as a convolution over an image of one pixel per row.
    private static Tensor Convolve(Tensor rows, Tensor weight) =>
        nn.functional.conv2d(rows.view(1, rows.shape[0], 1, rows.shape[1]).permute(0, 3, 1, 2), weight.view(weight.shape[0], weight.shape[1], 1, 1));

    private static string ReadName()
    {
        const string info = "/proc/cpuinfo";
        var line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return $"{line?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString()}, {Environment.ProcessorCount} cores";
    }
}
