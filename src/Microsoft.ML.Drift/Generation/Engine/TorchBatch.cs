using System.Runtime.InteropServices;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// A batch over torch, for every device and model. Every method opens and closes its own tensor scopes, so that nothing leaks into the code of a caller
/// who enumerates results lazily.
/// </summary>
internal sealed class TorchBatch(Decoder decoder, int maxRows, int maxCacheTokens) : RunningBatch
{
    private readonly SamplerMemory _memory = new(decoder.Specification.VocabularySize);
    private KeyValueCache? _cache;
    private int _joined;   // the rows in the cache; those behind them wait for the next step
    private BatchRoom? _room;

    public override long CacheTokens => _cache is null ? 0 : (long)_cache.Rows * _cache.Capacity;

    public override int Step()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _room = null;
        var joining = Rows.Skip(_joined).ToList();
        _joined = Count;
        if (joining.Count == 0)
        {
            Continue();
            return Count;
        }
        Join(joining);
        return joining.Count;
    }

    public override void Dispose()
    {
        _cache?.Dispose();
        _cache = null;
    }

    protected override bool HasRoomFor(RunningRow row) => (_room ??= new(maxCacheTokens, maxRows, Rows)).TryTake(row.History.PromptLength, row.LongestLength);

    protected override void Release(IReadOnlyList<bool> leaves)
    {
        _room = null;
        var staying = Enumerable.Range(0, _joined).Where(index => !leaves[index]).ToArray();
        if (staying.Length == 0) Dispose();
        else if (staying.Length < _joined) _cache!.Select(staying, most: staying.Max(index => Rows[index].LongestLength));
        _joined = staying.Length;
    }

    /// <summary>Computes the prompts of new rows and makes their first token. Equal prompts that stand together are computed once.</summary>
    private void Join(List<RunningRow> rows)
    {
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
    }

    /// <summary>Makes one token for every row.</summary>
    private void Continue()
    {
        _cache!.Reserve(_cache.LongestRow + 1, most: Rows.Max(row => row.LongestLength));
        if (RotationChanges())
        {
            StartOver();
            return;
        }
        var ones = new int[Count];
        Array.Fill(ones, 1);
        var last = tensor(Rows.Select(row => (long)row.History.Ids[^1]).ToArray(), ScalarType.Int64, decoder.Device).unsqueeze(1);
        var mask = AttentionMask.Cached(_cache, ones, 1);
        var hidden = decoder.forward(last, mask.Positions, mask, _cache);
        Advance(Rows, decoder.Logits(hidden).squeeze(1), null);
    }

    /// <summary>Whether the next token takes a row to where LongRoPE rotates by other frequencies than those of the keys in the cache.</summary>
    private bool RotationChanges()
    {
        var longest = Rows.Max(row => row.History.Ids.Length);
        return decoder.Specification.Layers.Any(layer => layer.Attention.Rotary?.Scaling is LongRotary rule && _cache!.LongestPosition <= rule.OriginalLength && longest > rule.OriginalLength);
    }

    /// <summary>Makes the next tokens from whole sequences and an empty cache, as transformers does at that point.</summary>
    private void StartOver()
    {
        var sequences = Rows.Select(row => row.History.Ids.ToArray()).ToList();
        Dispose();
        _cache = new KeyValueCache(decoder, sequences.Count, sequences.Max(sequence => sequence.Length) + 1);
        Advance(Rows, Prefill(sequences, _cache), null);
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
            rows[i].Advance(values.Slice(line * width, width), logSums[line], _memory);
            rows[i].Tell();
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
