using Microsoft.ML.Drift.Models;
using System.Diagnostics;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Log-probs of given tokens, from the hidden states that predict them. Only those positions get logits, and only a chunk of rows at a time.
/// </summary>
/// <remarks>
/// With <c>N</c> scored tokens the logits <c>[N, V]</c> are the largest tensor of a training step. If they fit into the budget, they are
/// computed once and turned into their own gradient in place; otherwise <see cref="Backward"/> computes each chunk again. No log-softmax is
/// ever stored: the derivative of log p(target) with respect to the logits is <c>onehot(target) − softmax</c>. All tensors belong to the dispose scope
/// that is current when <see cref="Compute"/> is called.
/// </remarks>
internal sealed class TokenLogProbs
{
    /// <summary>Bytes of logits that may exist at a time: 256 MiB, some 1,300 tokens of a vocabulary of 50,000.</summary>
    public const long DefaultLogitBudget = 256L << 20;

    private readonly Func<Tensor, Tensor> _head;
    private readonly Tensor _hidden;
    private readonly Tensor _targets;
    private readonly long _rowsPerChunk;
    private Chunk? _onlyChunk;

    private TokenLogProbs(Func<Tensor, Tensor> head, Tensor hidden, Tensor targets, long rowsPerChunk)
    {
        (_head, _hidden, _targets, _rowsPerChunk) = (head, hidden, targets, rowsPerChunk);
        var count = targets.shape[0];
        LogProbs = empty(count, ScalarType.Float32, hidden.device);
        MeanLogits = empty(count, ScalarType.Float32, hidden.device);
    }

    /// <summary><c>[N]</c> float32: log p(target), without gradient.</summary>
    public Tensor LogProbs { get; }

    /// <summary><c>[N]</c> float32: the mean of the position's logits over the vocabulary.</summary>
    public Tensor MeanLogits { get; }

    /// <summary><c>[N]</c> float32, on request: log Σᵥ p(v)², WPO's normaliser.</summary>
    public Tensor? LogSumSquares { get; private set; }

    /// <summary><c>[N]</c> bool, on request: whether the target has the largest logit.</summary>
    public Tensor? IsArgmax { get; private set; }

    /// <summary>Scores tokens.</summary>
    /// <param name="head">Hidden states <c>[n, C]</c> → float32 logits <c>[n, V]</c>, differentiable.</param>
    /// <param name="hidden"><c>[N, C]</c>; row i predicts token i. Read as a constant: its gradient is what <see cref="Backward"/> returns.</param>
    /// <param name="targets"><c>[N]</c> int64, each below V.</param>
    /// <param name="vocabularySize">V, the number of logits.</param>
    /// <param name="options">What else to compute, and how much memory to use.</param>
    public static TokenLogProbs Compute(
        Func<Tensor, Tensor> head, Tensor hidden, Tensor targets, long vocabularySize, TokenLogProbOptions options)
    {
        Debug.Assert(hidden.dim() == 2 && targets.dim() == 1 && hidden.shape[0] == targets.shape[0], "hidden [N, C], targets [N]");
        var rowsPerChunk = Math.Max(1, options.LogitBudget / (sizeof(float) * vocabularySize));
        var scored = new TokenLogProbs(head, hidden.detach(), targets, rowsPerChunk);
        scored.Forward(options);
        return scored;
    }

    /// <summary>
    /// The gradient of <c>Σ weights · LogProbs</c>: adds the output layer's share to its parameters' gradients and returns the hidden states' share.
    /// </summary>
    /// <param name="weights"><c>[N]</c> float32: the loss's derivative with respect to each log-prob.</param>
    /// <returns><c>[N, C]</c>, in the dtype of the hidden states.</returns>
    public Tensor Backward(Tensor weights)
    {
        var gradient = empty_like(_hidden);
        foreach (var (start, end) in Chunks())
        {
            using var scope = NewDisposeScope();
            var chunk = _onlyChunk ?? ForwardChunk(start, end, differentiable: true);
            gradient[start..end].copy_(BackwardChunk(chunk, _targets[start..end], weights[start..end]));
            chunk.Logits.Dispose();
        }
        _onlyChunk = null;
        return gradient;
    }

    private void Forward(TokenLogProbOptions options)
    {
        var keep = options.Differentiable && _targets.shape[0] > 0 && _targets.shape[0] <= _rowsPerChunk;
        if (options.LogSumSquares) LogSumSquares = empty_like(LogProbs);
        if (options.Argmax) IsArgmax = empty(_targets.shape[0], ScalarType.Bool, _hidden.device);
        foreach (var (start, end) in Chunks())
        {
            using var scope = NewDisposeScope();
            var chunk = ForwardChunk(start, end, differentiable: keep);
            Read(chunk, start, end);
            if (keep) _onlyChunk = chunk.MoveToOuterDisposeScope();
        }
    }

    private IEnumerable<(int Start, int End)> Chunks()
    {
        var count = _targets.shape[0];
        for (long start = 0; start < count; start += _rowsPerChunk) yield return ((int)start, (int)Math.Min(count, start + _rowsPerChunk));
    }

    private Chunk ForwardChunk(int start, int end, bool differentiable)
    {
        using var mode = set_grad_enabled(differentiable);
        var hidden = _hidden[start..end].detach().requires_grad_(differentiable);
        var logits = _head(hidden);
        Debug.Assert(logits.dtype == ScalarType.Float32, "Log-probs are accumulated in float32.");
        using var constant = no_grad();
        return new Chunk(hidden, logits, logits.logsumexp(1));
    }

    private void Read(Chunk chunk, int start, int end)
    {
        using var mode = no_grad();
        var targets = _targets[start..end].unsqueeze(1);
        var targetLogits = chunk.Logits.gather(1, targets).squeeze(1);
        LogProbs[start..end].copy_(targetLogits - chunk.LogSumExp);
        MeanLogits[start..end].copy_(chunk.Logits.mean([1]));
        LogSumSquares?[start..end].copy_(chunk.Logits.Times(2).logsumexp(1) - chunk.LogSumExp.Times(2));
        IsArgmax?[start..end].copy_(chunk.Logits.argmax(1) == _targets[start..end]);
    }

    private static Tensor BackwardChunk(Chunk chunk, Tensor targets, Tensor weights)
    {
        var column = weights.unsqueeze(1);
        var gradient = chunk.Logits.detach();
        using (no_grad())
        {
            // In the logits' own memory: weight · (onehot − softmax).
            gradient.sub_(chunk.LogSumExp.unsqueeze(1)).exp_().mul_(-column).scatter_add_(1, targets.unsqueeze(1), column);
        }
        chunk.Logits.backward([gradient]);
        return chunk.Hidden.grad!;
    }

    private readonly record struct Chunk(Tensor Hidden, Tensor Logits, Tensor LogSumExp)
    {
        public Chunk MoveToOuterDisposeScope()
        {
            Hidden.MoveToOuterDisposeScope();
            Logits.MoveToOuterDisposeScope();
            LogSumExp.MoveToOuterDisposeScope();
            return this;
        }
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
