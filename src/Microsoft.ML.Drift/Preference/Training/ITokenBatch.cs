using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>Packed sequences with the list of tokens whose log-probs are wanted.</summary>
internal interface ITokenBatch
{
    /// <summary>T tokens.</summary>
    PackedSequences Sequences { get; }

    /// <summary><c>[N + E]</c> int64: the packed tokens that predict; the E extra ones at the end have no weight.</summary>
    Tensor Positions { get; }

    /// <summary><c>[N + E]</c> int64: the predicted ids.</summary>
    Tensor Targets { get; }

    /// <summary>Of each row, the tokens that are computed, and those that are scored.</summary>
    IReadOnlyList<(int Tokens, int Scored)> RowSizes { get; }

    /// <summary>The trees of some neighbouring rows.</summary>
    Range TreesOf(int first, int count);

    /// <summary>N: tokens that are scored.</summary>
    int ScoredCount { get; }
}
