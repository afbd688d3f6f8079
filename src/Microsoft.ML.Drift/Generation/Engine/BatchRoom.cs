using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>The rule for how many rows may start next to those that run.</summary>
internal sealed class BatchRoom(int maxCacheTokens, int maxRows, IReadOnlyList<RunningRow> running)
{
    /// <summary>Prompt tokens, padding included, that are computed in one forward pass; a bound for its activations.</summary>
    private const int MaxPromptTokensAtOnce = 4096;

    private int _longest = running.Count == 0 ? 0 : KeyValueCache.RoundUp(running.Max(row => row.LongestLength));
    private int _rows = running.Count;
    private int _taken, _longestPrompt;

    /// <summary>Takes a row in, if it fits. A single row always does.</summary>
    /// <param name="promptLength">Its prompt's tokens.</param>
    /// <param name="longestLength">Tokens of prompt and answer, if the answer takes all it may.</param>
    public bool TryTake(int promptLength, int longestLength)
    {
        if (_rows >= maxRows) return false;
        var longest = Math.Max(_longest, KeyValueCache.RoundUp(longestLength));
        var longestPrompt = Math.Max(_longestPrompt, promptLength);
        if (_rows > 0 && (long)longest * (_rows + 1) > maxCacheTokens) return false;
        if (_taken > 0 && (long)longestPrompt * (_taken + 1) > MaxPromptTokensAtOnce) return false;
        (_longest, _longestPrompt) = (longest, longestPrompt);
        _rows++;
        _taken++;
        return true;
    }
}
