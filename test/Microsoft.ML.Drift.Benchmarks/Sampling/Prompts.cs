using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Benchmarks.Sampling;

/// <summary>Prompts of random tokens: none has a beginning in common with another, so nothing is computed once for several.</summary>
internal static class Prompts
{
    // Prompts of real conversations that ended in a complaint (golden/dsat), in SmolLM2's tokens, without and with the complaint.
    private static readonly int[] RealLengths = [65, 121, 113, 171, 38, 88, 33, 89, 36, 92, 123, 179, 35, 79, 35, 86];

    public static GenerationRequest[] Even(int count, int length, int vocabulary) => [.. Enumerable.Range(0, count).Select(row => Request(row, length, vocabulary))];

    public static GenerationRequest[] Ragged(int count, int vocabulary) =>
        [.. Enumerable.Range(0, count).Select(row => Request(row, RealLengths[row % RealLengths.Length] + row / RealLengths.Length % 7, vocabulary))];

    private static GenerationRequest Request(int row, int length, int vocabulary)
    {
        var random = new Random(row);
        return new($"{row}", [.. Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary))]);
    }
}
