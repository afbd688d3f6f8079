using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>What training wants to know of logits, and their gradient, in one pass each over some columns of the vocabulary.</summary>
internal static unsafe class LogitRows
{
    /// <summary>Sums of each row's columns. All numbers are float32 in main memory.</summary>
    /// <param name="logits">[n, width].</param>
    /// <param name="targets">[n] int64: an id of the vocabulary for each row.</param>
    /// <param name="start">The id of the first column.</param>
    /// <param name="normalizers">[n]; becomes log Σ exp(logit).</param>
    /// <param name="expected">[n]; becomes Σ p · logit with p = exp(logit − normalizer).</param>
    /// <param name="sums">[n]; Σ logit is added.</param>
    /// <param name="targetLogits">[n]; the target's logit is added where it is among the columns.</param>
    public static void Summarize(Tensor logits, Tensor targets, long start, Tensor normalizers, Tensor expected, Tensor sums, Tensor targetLogits)
    {
        var (rows, ids) = (new FloatRows(logits), new IdList(targets));
        var (logs, means, totals, own) = (new FloatRows(normalizers), new FloatRows(expected), new FloatRows(sums), new FloatRows(targetLogits));
        FusedRows.ForEach(rows, row =>
        {
            logs[0][row] = VectorMath.LogSumExp(rows[row], rows.Width, out means[0][row], out var sum);
            totals[0][row] += sum;
            if (ids[row] - start is var place && place >= 0 && place < rows.Width) own[0][row] += rows[row][place];
        });
    }

    /// <summary>weight · (onehot(target) − softmax), in the logits' own memory.</summary>
    /// <param name="logits">[n, width].</param>
    /// <param name="targets">[n] int64.</param>
    /// <param name="start">The id of the first column.</param>
    /// <param name="normalizers">[n]: log Σ exp(logit) over the whole vocabulary.</param>
    /// <param name="weights">[n].</param>
    public static void GradientInPlace(Tensor logits, Tensor targets, long start, Tensor normalizers, Tensor weights)
    {
        var (rows, ids, logs, factors) = (new FloatRows(logits), new IdList(targets), new FloatRows(normalizers), new FloatRows(weights));
        FusedRows.ForEach(rows, row =>
        {
            VectorMath.ScaledExp(rows[row], logs[0][row], -factors[0][row], rows.Width);
            if (ids[row] - start is var place && place >= 0 && place < rows.Width) rows[row][place] += factors[0][row];
        });
    }

    /// <summary>An int64 tensor in main memory.</summary>
    private readonly struct IdList(Tensor tensor)
    {
        private readonly long* _start = (long*)TensorMemory.Address(tensor);

        public long this[long index] => _start[index];
    }
}
