using System.Runtime.InteropServices;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// The rows that are being sampled, and their keys and values. Every public method opens and closes its own tensor scopes, so that nothing leaks into
/// the code of a caller who enumerates results lazily.
/// </summary>
internal sealed class RunningBatch(Decoder decoder) : IDisposable
{
    private readonly List<RunningRow> _rows = [];
    private KeyValueCache? _cache;

    public int Count => _rows.Count;

    public IReadOnlyList<RunningRow> Rows => _rows;

    /// <summary>Tokens for which keys and values are held now, free room included.</summary>
    public long CacheTokens => _cache is null ? 0 : (long)_cache.Rows * _cache.Capacity;

    /// <summary>Computes the prompts of new rows, makes their first token and adds them to the batch. Equal prompts that stand together are computed once.</summary>
    /// <returns>How many tokens were made.</returns>
    public int Join(IReadOnlyList<RunningRow> rows)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (prompts, promptOf) = DistinctPrompts(rows);
        var joining = new KeyValueCache(decoder, prompts.Count, prompts.Max(prompt => prompt.Length) + 1);
        try
        {
            using (var logits = Prefill(prompts, joining)) Advance(rows, logits, promptOf);
            if (prompts.Count < rows.Count) joining.Select(promptOf);
            if (_cache is null) (_cache, joining) = (joining, null!);
            else
            {
                _cache.Reserve(joining.Capacity, most: joining.Capacity);
                _cache.Append(joining);
            }
        }
        finally
        {
            joining?.Dispose();
        }
        _rows.AddRange(rows);
        return rows.Count;
    }

    /// <summary>Makes one token for every row.</summary>
    /// <returns>How many tokens were made.</returns>
    public int Step()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _cache!.Reserve(_cache.LongestRow + 1, most: _rows.Max(row => row.LongestLength));
        if (RotationChanges())
        {
            StartOver();
            return _rows.Count;
        }
        var ones = new int[_rows.Count];
        Array.Fill(ones, 1);
        var last = tensor(_rows.Select(row => (long)row.History.Ids[^1]).ToArray(), ScalarType.Int64, decoder.Device).unsqueeze(1);
        var mask = AttentionMask.Cached(_cache, ones, 1);
        var hidden = decoder.forward(last, mask.Positions, mask, _cache);
        Advance(_rows, decoder.Logits(hidden).squeeze(1), null);
        return _rows.Count;
    }

    /// <summary>Takes the rows that are done out of the batch.</summary>
    public IReadOnlyList<RunningRow> RemoveDone()
    {
        // Asked once for each row: another thread may give one up at any moment.
        var isDone = _rows.ConvertAll(row => row.IsDone);
        if (!isDone.Contains(true)) return [];
        var done = _rows.Where((_, index) => isDone[index]).ToList();
        var staying = Enumerable.Range(0, _rows.Count).Where(index => !isDone[index]).ToArray();
        if (staying.Length > 0) _cache!.Select(staying, most: staying.Max(index => _rows[index].LongestLength));
        else Dispose();
        _rows.RemoveAll(done.Contains);
        return done;
    }

    public void Dispose()
    {
        _cache?.Dispose();
        _cache = null;
    }

    /// <summary>Whether the next token takes a row to where LongRoPE rotates by other frequencies than those of the keys in the cache.</summary>
    private bool RotationChanges()
    {
        var longest = _rows.Max(row => row.History.Ids.Length);
        return decoder.Specification.Layers.Any(layer => layer.Attention.Rotary?.Scaling is LongRotary rule && _cache!.LongestPosition <= rule.OriginalLength && longest > rule.OriginalLength);
    }

    /// <summary>Makes the next tokens from whole sequences and an empty cache, as transformers does at that point.</summary>
    private void StartOver()
    {
        var sequences = _rows.ConvertAll(row => row.History.Ids.ToArray());
        Dispose();
        _cache = new KeyValueCache(decoder, sequences.Count, sequences.Max(sequence => sequence.Length) + 1);
        Advance(_rows, Prefill(sequences, _cache), null);
    }

    /// <summary>The logits after the last token of each prompt, [prompts, V].</summary>
    private Tensor Prefill(IReadOnlyList<int[]> prompts, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        var width = prompts.Max(prompt => prompt.Length);
        var ids = new long[prompts.Count * width];
        for (var row = 0; row < prompts.Count; row++)
            for (var column = 0; column < prompts[row].Length; column++) ids[row * width + column] = prompts[row][column];
        var mask = AttentionMask.Cached(cache, [.. prompts.Select(prompt => prompt.Length)], width);
        var hidden = decoder.forward(tensor(ids, ScalarType.Int64, decoder.Device).view(prompts.Count, width), mask.Positions, mask, cache);
        var rows = TensorArithmetic.WholeNumbers(prompts.Count, decoder.Device);
        var last = tensor(prompts.Select(prompt => prompt.Length - 1L).ToArray(), ScalarType.Int64, decoder.Device);
        return decoder.Logits(hidden.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(last))).MoveToOuterDisposeScope();
    }

    /// <summary>Draws the next token of each row.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="logits">[prompts, V] float32.</param>
    /// <param name="lineOf">Which line of the logits belongs to each row; null: its own.</param>
    private void Advance(IReadOnlyList<RunningRow> rows, Tensor logits, int[]? lineOf)
    {
        using var scope = NewDisposeScope();
        var width = (int)logits.shape[1];
        var values = MemoryMarshal.Cast<byte, float>(logits.cpu().contiguous().bytes);
        var logSums = MemoryMarshal.Cast<byte, float>(logits.logsumexp(1).cpu().bytes);
        for (var i = 0; i < rows.Count; i++)
        {
            var line = lineOf?[i] ?? i;
            rows[i].Advance(values.Slice(line * width, width), logSums[line]);
        }
    }

    private static (List<int[]> Prompts, int[] PromptOf) DistinctPrompts(IReadOnlyList<RunningRow> rows)
    {
        var prompts = new List<int[]>();
        var promptOf = new int[rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            var prompt = rows[i].Request.Prompt;
            if (prompts.Count == 0 || !prompts[^1].AsSpan().SequenceEqual(prompt)) prompts.Add(prompt);
            promptOf[i] = prompts.Count - 1;
        }
        return (prompts, promptOf);
    }
}
