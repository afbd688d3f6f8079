namespace Microsoft.ML.Drift.Generation;

/// <summary>How much is computed at once. It bounds memory and decides speed; what is sampled does not depend on it.</summary>
public sealed record GenerationBatching
{
    internal static class Defaults
    {
        public const int BatchSize = 32;
        public const int MaxCacheTokens = 16384;
    }

    /// <summary>The most rows that are sampled together. At least 1; default 32.</summary>
    public int BatchSize { get; init; } = Defaults.BatchSize;

    /// <summary>
    /// The most tokens for which keys and values are kept: every row's prompt and longest answer in blocks of 32, or, where torch computes, rows times the
    /// longest of them in blocks of 128. Fewer rows run together where prompts are long; a single row runs even if it needs more. A token takes 2 × layers × key-value heads × head width numbers. At least 1; default 16,384.
    /// </summary>
    public int MaxCacheTokens { get; init; } = Defaults.MaxCacheTokens;

    internal IEnumerable<string> Problems()
    {
        if (BatchSize < 1) yield return $"BatchSize is {BatchSize}; it must be at least 1.";
        if (MaxCacheTokens < 1) yield return $"MaxCacheTokens is {MaxCacheTokens}; it must be at least 1.";
    }
}
