namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Sequences with a common beginning: the trunk once, then what follows it in each. A branch sees the trunk and itself, and its positions go on where the
/// trunk ends. Without branches it is a plain sequence.
/// </summary>
/// <param name="Trunk">The common ids; may be empty if there are branches.</param>
/// <param name="Branches">The ids that follow in each sequence.</param>
internal sealed record TokenTree(ReadOnlyMemory<int> Trunk, IReadOnlyList<ReadOnlyMemory<int>> Branches)
{
    public TokenTree(ReadOnlyMemory<int> sequence) : this(sequence, [])
    {
    }

    /// <summary>Tokens that are computed.</summary>
    public int Length => Trunk.Length + Branches.Sum(branch => branch.Length);

    /// <summary>Tokens of the longest sequence.</summary>
    public int Depth => Trunk.Length + Branches.Select(branch => branch.Length).DefaultIfEmpty(0).Max();
}
