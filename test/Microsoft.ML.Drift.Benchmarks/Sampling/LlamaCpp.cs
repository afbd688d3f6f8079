namespace Microsoft.ML.Drift.Benchmarks.Sampling;

/// <summary>What llama.cpp reached with SmolLM2-135M in F32 on two cores of a machine whose GEMM and streaming rates are known.</summary>
internal static class LlamaCpp
{
    private const double Gemm = 178e9, Stream = 32e9;

    public const string Source = "decode 48 / 170 / 190 at batch 1 / 8 / 32, prompts 642, where GEMM is 178 GFLOP/s and streaming 32 GB/s";

    /// <summary>Tokens per second to expect here; null for a batch that was not measured.</summary>
    public static double? Decode(int batch, Machine machine) => batch switch
    {
        1 => 48 * machine.Stream / Stream,
        8 => 170 * machine.Gemm / Gemm,
        16 or 32 => 190 * machine.Gemm / Gemm,   // its rate grows little beyond 8
        _ => null,
    };

    public static double Prefill(Machine machine) => 642 * machine.Gemm / Gemm;
}
