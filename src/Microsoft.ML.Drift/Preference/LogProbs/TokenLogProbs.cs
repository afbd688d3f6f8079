using System.Diagnostics;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Log-probs of given tokens, from the hidden states that predict them. Only those positions get logits, and only some columns of the vocabulary at a time.
/// </summary>
/// <remarks>
/// With <c>N</c> scored tokens the logits <c>[N, V]</c> would be the largest tensor of a training step. If they fit into the budget, they are
/// computed once and turned into their own gradient in place; otherwise <see cref="Backward"/> computes each chunk again, and memory does not depend on V. No log-softmax is
/// ever stored: the derivative of log p(target) with respect to the logits is <c>onehot(target) − softmax</c>. All tensors belong to the dispose scope
/// that is current when <see cref="Compute"/> is called.
/// </remarks>
internal sealed class TokenLogProbs
{
    /// <summary>Bytes of logits that may exist at a time: 256 MiB, some 1,300 tokens of a vocabulary of 50,000.</summary>
    public const long DefaultLogitBudget = 256L << 20;

    private readonly OutputHead _head;
    private readonly Tensor _hidden;
    private readonly Tensor _targets;
    private readonly long _rowsPerChunk;
    private readonly Tensor _normalizers;
    private readonly List<Traced> _kept = [];

    private TokenLogProbs(OutputHead head, Tensor hidden, Tensor targets, long rowsPerChunk, TokenLogProbOptions options)
    {
        (_head, _hidden, _targets, _rowsPerChunk) = (head, hidden, targets, rowsPerChunk);
        var count = targets.shape[0];
        _normalizers = empty(count, ScalarType.Float32, hidden.device);
        Scores = new(
            empty_like(_normalizers), empty_like(_normalizers), empty_like(_normalizers), options.LogSumSquares ? empty_like(_normalizers) : null,
            options.Argmax ? empty(count, ScalarType.Bool, hidden.device) : null);
    }

    /// <summary>What the tokens scored.</summary>
    public TokenScores Scores { get; }

    /// <summary>Scores tokens.</summary>
    /// <param name="head">Hidden states → logits.</param>
    /// <param name="hidden"><c>[N, C]</c>; row i predicts token i. Read as a constant: its gradient is what <see cref="Backward"/> returns.</param>
    /// <param name="targets"><c>[N]</c> int64, each below V.</param>
    /// <param name="options">What else to compute, and how much memory to use.</param>
    public static TokenLogProbs Compute(OutputHead head, Tensor hidden, Tensor targets, TokenLogProbOptions options)
    {
        Debug.Assert(hidden.dim() == 2 && targets.dim() == 1 && hidden.shape[0] == targets.shape[0], "hidden [N, C], targets [N]");
        using var mode = no_grad();
        var (all, chunk) = (sizeof(float) * head.VocabularySize, sizeof(float) * Math.Min(head.ChunkWidth, head.VocabularySize));
        var keeps = options.Differentiable && targets.shape[0] * all <= options.LogitBudget;
        var scored = new TokenLogProbs(head, hidden.detach(), targets, Math.Max(1, options.LogitBudget / (keeps ? all : chunk)), options);
        foreach (var rows in scored.RowChunks()) scored.ScoreRows(rows, keeps);
        return scored;
    }

    /// <summary>
    /// The gradient of <c>Σ weights · log p</c>: adds the output layer's share to its parameters' gradients and returns the hidden states' share.
    /// </summary>
    /// <param name="weights"><c>[N]</c> float32: the loss's derivative with respect to each log-prob.</param>
    /// <returns><c>[N, C]</c>, in the dtype of the hidden states.</returns>
    public Tensor Backward(Tensor weights)
    {
        using var mode = no_grad();
        var gradient = zeros_like(_hidden);
        foreach (var rows in RowChunks())
        {
            var index = 0;
            foreach (var (start, end) in Columns())
            {
                using var scope = NewDisposeScope();
                var logits = _kept.Count > 0 ? _kept[index++] : _head.Logits(_hidden[rows], start, end, differentiable: true);
                gradient[rows].add_(logits.Back(LogitGradient(logits.Value, rows, weights[rows].unsqueeze(1), start, end)), TensorArithmetic.One);
                logits.Value.Dispose();
            }
        }
        _kept.Clear();
        return gradient;
    }

    private IEnumerable<Range> RowChunks()
    {
        var count = _targets.shape[0];
        for (long start = 0; start < count; start += _rowsPerChunk) yield return (int)start..(int)Math.Min(count, start + _rowsPerChunk);
    }

    private IEnumerable<(long Start, long End)> Columns()
    {
        for (long start = 0; start < _head.VocabularySize; start += _head.ChunkWidth) yield return (start, Math.Min(_head.VocabularySize, start + _head.ChunkWidth));
    }

    private void ScoreRows(Range rows, bool keeps)
    {
        // Chunks that are kept live as long as this object, and with them what their way back needs.
        using var scope = keeps ? null : NewDisposeScope();
        var hidden = _hidden[rows];
        var columns = new ColumnStatistics(_targets[rows], Columns().Count(), Scores.LogSumSquares is not null, Scores.IsArgmax is not null);
        foreach (var (start, end) in Columns())
        {
            using var inner = keeps ? null : NewDisposeScope();
            var logits = _head.Logits(hidden, start, end, keeps);
            columns.Add(logits.Value, start, end);
            if (keeps) _kept.Add(logits);
        }
        using var results = NewDisposeScope();
        var normalizers = columns.Normalizers();
        _normalizers[rows].copy_(normalizers);
        Scores.LogProbs[rows].copy_(columns.TargetLogits - normalizers);
        Scores.MeanLogits[rows].copy_(columns.Sums.DividedBy((double)_head.VocabularySize));
        Scores.Entropies[rows].copy_(columns.Entropies(normalizers));
        Scores.LogSumSquares?[rows].copy_(columns.DoubledNormalizers() - normalizers.Times(2));
        Scores.IsArgmax?[rows].copy_(columns.Best.eq(_targets[rows]));
    }

    // In the logits' own memory: weight · (onehot − softmax).
    private Tensor LogitGradient(Tensor logits, Range rows, Tensor weights, long start, long end)
    {
        if (FusedRows.CanUse(logits) && FusedRows.CanUse(weights))
        {
            LogitRows.GradientInPlace(logits, _targets[rows], start, _normalizers[rows], weights);
            return logits;
        }
        var (places, inside) = ColumnStatistics.Places(_targets[rows], start, end);
        return logits.sub_(_normalizers[rows].unsqueeze(1)).exp_().mul_(-weights).scatter_add_(1, places, weights * inside);
    }
}

/// <summary>What <see cref="TokenLogProbs"/> computes besides log-probs, and its memory.</summary>
internal readonly record struct TokenLogProbOptions()
{
    /// <summary>Whether <see cref="TokenLogProbs.Backward"/> will follow.</summary>
    public bool Differentiable { get; init; }

    /// <summary>Also log Σᵥ p(v)².</summary>
    public bool LogSumSquares { get; init; }

    /// <summary>Also whether the target is the most likely token.</summary>
    public bool Argmax { get; init; }

    /// <summary>Bytes of logits that may exist at a time.</summary>
    public long LogitBudget { get; init; } = TokenLogProbs.DefaultLogitBudget;
}
