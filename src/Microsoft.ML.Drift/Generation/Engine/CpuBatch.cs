using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// A batch over <see cref="CpuDecoder"/>: prompts of joining rows go through the model in pieces, together with the new tokens of running ones, and
/// a beginning that was computed for another row is not computed again.
/// </summary>
internal sealed class CpuBatch : RunningBatch
{
    /// <summary>Prompt tokens of one pass: enough to keep the processor busy, few enough that running rows do not wait long.</summary>
    private const int PromptTokensPerStep = 128;

    private readonly CpuDecoder _decoder;
    private readonly int _maxRows;
    private readonly long _maxCacheTokens;
    private readonly SamplerMemory[] _memories;
    private readonly List<RunningRow> _drawing = [];
    private readonly Action<int, int> _draw;

    public CpuBatch(Decoder decoder, WeightPrecision weights, int maxRows, long maxCacheTokens)
    {
        (_decoder, _maxRows, _maxCacheTokens) = (new(decoder, weights), maxRows, maxCacheTokens);
        _memories = [.. Enumerable.Range(0, _decoder.Team.Size).Select(_ => new SamplerMemory(decoder.Specification.VocabularySize))];
        _draw = Draw;
    }

    public override long CacheTokens => _decoder.CacheTokens;

    public override int Step()
    {
        var room = PromptTokensPerStep;
        _drawing.Clear();
        for (var i = 0; i < Count; i++) room -= Place(Rows[i], room);
        _decoder.Forward();
        _decoder.Team.Run(_drawing.Count, _draw);
        for (var i = 0; i < _drawing.Count; i++) _drawing[i].Tell();
        return _drawing.Count;
    }

    public override void Dispose() => _decoder.Dispose();

    // Every row may become as long as it is allowed to, so that none ever has to stop for others.
    protected override bool HasRoomFor(RunningRow row)
    {
        if (Count == 0) return true;
        if (Count >= _maxRows) return false;
        long tokens = CacheRoom(row);
        for (var i = 0; i < Count; i++) tokens += CacheRoom(Rows[i]);
        return tokens <= _maxCacheTokens;

        static int CacheRoom(RunningRow row) => KeyValueBlocks.For(row.LongestLength) * KeyValueBlocks.Tokens;
    }

    protected override void Release(IReadOnlyList<bool> leaves)
    {
        for (var i = 0; i < Count; i++)
            if (leaves[i] && Rows[i].Sequence is { } sequence) _decoder.Close(sequence);
    }

    /// <summary>Puts a row's next tokens into the pass.</summary>
    /// <returns>How many prompt tokens they are.</returns>
    private int Place(RunningRow row, int room)
    {
        var sequence = row.Sequence ??= _decoder.Open(row.Request.Prompt);
        var missing = row.History.Ids.Length - sequence.Length;
        var count = missing == 1 ? 1 : Math.Min(missing, room);
        if (count == 0) return 0;
        _decoder.Place(sequence, row.History.Memory.Span, count, wantsLogits: count == missing, _maxCacheTokens);
        if (count == missing) _drawing.Add(row);
        return missing == 1 ? 0 : count;
    }

    private void Draw(int index, int worker)
    {
        var logits = _decoder.Logits(index);
        _drawing[index].Advance(logits, VectorMath.LogSumExp(logits), _memories[worker]);
    }
}
