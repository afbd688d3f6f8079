using System.Diagnostics;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>Rows that are sampled together. Rows can join and leave between any two steps. Used by one thread at a time.</summary>
internal abstract class RunningBatch : IDisposable
{
    private readonly List<RunningRow> _rows = [];

    /// <summary>The way to run a batch of this model that is fastest on its device.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="batching">How many rows may run, and how many tokens of them may be kept.</param>
    /// <param name="weights">How exactly the model's matrices are read; anything but float32 needs <see cref="CpuDecoder"/>.</param>
    /// <param name="alwaysTorch">Whether torch computes even where there is a faster way.</param>
    public static RunningBatch Create(Decoder decoder, GenerationBatching batching, WeightPrecision weights, bool alwaysTorch = false)
    {
        var maxRows = decoder.RowsChangeEachOther ? 1 : batching.BatchSize;
        Debug.Assert(weights == WeightPrecision.Float32 || !alwaysTorch, "torch computes with the model's own weights only");
        return weights != WeightPrecision.Float32 || (CpuDecoder.Supports(decoder) && !alwaysTorch)
            ? new CpuBatch(decoder, weights, maxRows, batching.MaxCacheTokens)
            : new TorchBatch(decoder, maxRows, batching.MaxCacheTokens);
    }

    public int Count => _rows.Count;

    public IReadOnlyList<RunningRow> Rows => _rows;

    /// <summary>Tokens for which keys and values are held now, free room included.</summary>
    public abstract long CacheTokens { get; }

    /// <summary>Lets a row join at the next step, if there is room for it at its longest. There always is for a row alone.</summary>
    public bool TryAdd(RunningRow row)
    {
        if (!HasRoomFor(row)) return false;
        _rows.Add(row);
        return true;
    }

    /// <summary>Makes one token for every running row, or computes prompts of joining ones, or does both.</summary>
    /// <returns>How many tokens were made.</returns>
    public abstract int Step();

    /// <summary>Takes the rows that are done out of the batch.</summary>
    public IReadOnlyList<RunningRow> RemoveDone()
    {
        // Asked once for each row: another thread may give one up at any moment.
        var isDone = _rows.ConvertAll(row => row.IsDone);
        if (!isDone.Contains(true)) return [];
        Release(isDone);
        var done = _rows.Where((_, index) => isDone[index]).ToList();
        _rows.RemoveAll(done.Contains);
        return done;
    }

    public abstract void Dispose();

    protected abstract bool HasRoomFor(RunningRow row);

    /// <summary>Frees what rows hold that are about to leave.</summary>
    /// <param name="leaves">For each row, whether it leaves.</param>
    protected abstract void Release(IReadOnlyList<bool> leaves);
}
