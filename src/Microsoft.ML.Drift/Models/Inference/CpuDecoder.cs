using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// The forward pass of a <see cref="Decoder"/> for sampling on a CPU with AVX-512, without torch: it reads the decoder's weights where they are and keeps
/// keys and values in blocks. New tokens of any rows, whole prompts or single ones, go through it together, without padding.
/// </summary>
/// <remarks>
/// A token's logits are the same to the last bit whatever else is in the pass and however its prompt was cut into passes. The weights must not change
/// while it exists: prompts computed before are found again, and a copy in eight bits is not made again. Used by one thread at a time.
/// </remarks>
internal sealed unsafe partial class CpuDecoder : IDisposable
{
    private const int TokensPerPart = 8;
    private const int QueryTokensPerPart = 16;

    private readonly Decoder _decoder;
    private readonly DecoderSpecification _specification;
    private readonly LayerPointers[] _layers;
    private readonly WeightPointer _output;
    private readonly float* _embedding;
    private readonly float* _finalNorm;
    private readonly Dictionary<RotarySpecification, RotaryAngles> _rotations = [];
    private readonly KeyValueBlocks _blocks;
    private readonly TeamProducts _products;
    private readonly AttentionOverBlocks[] _attention;
    private readonly WorkingMemory _x = new(), _normed = new(), _fused = new(), _mixed = new(), _inner = new(), _logits = new();
    private readonly List<TokenPlace> _places = [];
    private readonly List<QueryTile> _tiles = [];
    private readonly List<int> _wanted = [];
    private int _longest;
    private readonly Action<int, int> _normPart, _headsPart, _mixPart, _finishPart;

    /// <param name="decoder">The model; see <see cref="Supports"/>. It stays the caller's and must outlive this.</param>
    /// <param name="weights">What the matrices are multiplied as; in eight bits they are copied now.</param>
    public CpuDecoder(Decoder decoder, WeightPrecision weights = WeightPrecision.Float32)
    {
        if (WhyUnsupported(decoder) is { } reason) throw new NotSupportedException(reason);
        (_decoder, _specification) = (decoder, decoder.Specification);
        _layers = [.. decoder.Layers.Select((layer, index) => LayerPointers.Of(layer, _specification.Layers[index]))];
        var (embedding, outputLayer, outputMatrix) = decoder.Ends;
        _embedding = (float*)TensorMemory.Address(embedding);
        _finalNorm = (float*)TensorMemory.Address(decoder.FinalNormWeight);
        _output = outputLayer is null ? WeightPointer.Of(outputMatrix) : WeightPointer.Of(outputLayer);
        foreach (var rotary in _specification.Layers.Select(layer => layer.Attention.Rotary).OfType<RotarySpecification>().Distinct())
            _rotations[rotary] = new(rotary);
        _blocks = new(_specification);
        Team = new(get_num_threads());
        if (weights == WeightPrecision.Q8_0) (_layers, _output) = ([.. _layers.Select(layer => layer.Quantize(Team))], _output.Quantize(Team));
        _products = new(Team);
        _attention = [.. Enumerable.Range(0, Team.Size).Select(_ => new AttentionOverBlocks())];
        (_normPart, _headsPart, _mixPart, _finishPart) = (NormPart, HeadsPart, MixPart, FinishPart);
    }

    /// <summary>Whether this computes what the decoder computes; see <see cref="WhyUnsupported"/>.</summary>
    public static bool Supports(Decoder decoder) => WhyUnsupported(decoder) is null;

    /// <summary>What keeps this from computing what the decoder computes, in words; null: nothing does.</summary>
    public static string? WhyUnsupported(Decoder decoder)
    {
        var layers = decoder.Specification.Layers;
        return !RowProducts.IsSupported ? "this processor has no AVX-512"
            : decoder.Device.type != DeviceType.CPU ? $"the model is on {decoder.Device}"
            : decoder is not { StorageDtype: ScalarType.Float32, ComputeDtype: ScalarType.Float32 } ? "the model's weights are not float32"
            : layers.Any(layer => layer.FeedForward.Experts is not null) ? "the model is a mixture of experts"
            : layers.Any(layer => layer.FeedForward.Activation == Activation.Gelu) ? "the model uses GELU without an approximation"
            : layers.Any(layer => layer.Attention.Rotary?.Scaling.DynamicBeyond is not null) ? "the model's rotary angles depend on the length of the text"
            : null;
    }

    /// <summary>The threads that compute; free between passes.</summary>
    public WorkerTeam Team { get; }

    /// <summary>Tokens for which memory is held, free room included.</summary>
    public long CacheTokens => (long)_blocks.Count * KeyValueBlocks.Tokens;

    /// <summary>Tokens computed so far, those found in the cache not counted.</summary>
    public long ComputedTokens { get; private set; }

    /// <summary>Finds the beginning of a prompt that was computed before; at least its last token is left to compute.</summary>
    public CachedSequence Open(ReadOnlySpan<int> prompt)
    {
        var sequence = new CachedSequence();
        for (var parent = -1; sequence.Length + KeyValueBlocks.Tokens < prompt.Length; sequence.Length += KeyValueBlocks.Tokens)
        {
            var found = _blocks.Find(parent, prompt.Slice(sequence.Length, KeyValueBlocks.Tokens));
            if (found < 0) break;
            _blocks.Share(found);
            sequence.Blocks.Add(parent = found);
        }
        sequence.Remembered = sequence.Blocks.Count;
        return sequence;
    }

    /// <summary>Gives a row's blocks back.</summary>
    public void Close(CachedSequence sequence)
    {
        foreach (var block in sequence.Blocks) _blocks.Release(block);
        sequence.Blocks.Clear();
    }

    /// <summary>Puts tokens into the next pass, behind those that their row's cache holds.</summary>
    /// <param name="sequence">The row's cache; at most one call per row and pass.</param>
    /// <param name="ids">The row's tokens from the first on, those in the cache included.</param>
    /// <param name="count">How many are new.</param>
    /// <param name="wantsLogits">Whether the logits after the last of them are needed.</param>
    /// <param name="mostCacheTokens">Keep to this many tokens of memory where forgetting old prompts suffices.</param>
    public void Place(CachedSequence sequence, ReadOnlySpan<int> ids, int count, bool wantsLogits, long mostCacheTokens)
    {
        var end = sequence.Length + count;
        _longest = Math.Max(_longest, end);
        var mostBlocks = (int)Math.Min(int.MaxValue, Math.Max(1, mostCacheTokens / KeyValueBlocks.Tokens));
        while (sequence.Blocks.Count < KeyValueBlocks.For(end)) sequence.Blocks.Add(_blocks.Take(mostBlocks));
        for (var start = sequence.Length; start < end; start += QueryTokensPerPart)
            _tiles.Add(new(sequence, _places.Count + start - sequence.Length, start, Math.Min(QueryTokensPerPart, end - start)));
        for (var position = sequence.Length; position < end; position++) _places.Add(new(sequence, ids[position], position));
        if (wantsLogits) _wanted.Add(_places.Count - 1);
        sequence.Length = end;
        Remember(sequence, ids);
    }

    /// <summary>Computes the tokens that were placed and keeps their keys and values.</summary>
    public void Forward()
    {
        try
        {
            if (_places.Count > 0) Compute();
        }
        finally
        {
            _places.Clear();
            _tiles.Clear();
            _wanted.Clear();
        }
    }

    private void Compute()
    {
        foreach (var rotation in _rotations.Values) rotation.Reserve(_longest);
        _count = _places.Count;
        ComputedTokens += _count;
        var width = _specification.HiddenSize;
        var x = _x.Reserve(_count, width);
        _normed.Reserve(_count, width);
        Embed(x);
        for (_layer = 0; _layer < _layers.Length; _layer++)
        {
            Attend(x);
            if (_layer == _layers.Length - 1 && KeepWanted(x) == 0) return;
            FinishAttention(x);
            Feed(x);
        }
        Norm(x, (nint)_finalNorm, _normed.Start);
        var logits = _logits.Reserve(_count, _specification.VocabularySize);
        _products.Store(_normed.Start, _count, _output, logits);
        if (_specification.LogitsDivisor != 1 || _specification.LogitsSoftCap is not null) Team.Run(_count, _finishPart);
    }

    /// <summary>The logits of the n-th run that wanted some, [V]; valid until the next pass. The caller may overwrite them.</summary>
    public Span<float> Logits(int index) => new(_logits.Start + (nint)index * _specification.VocabularySize, _specification.VocabularySize);

    public void Dispose()
    {
        Team.Dispose();
        _products.Dispose();
        foreach (var attention in _attention) attention.Dispose();
        foreach (var rotation in _rotations.Values) rotation.Dispose();
        foreach (var memory in new[] { _x, _normed, _fused, _mixed, _inner, _logits }) memory.Dispose();
        _blocks.Dispose();
        foreach (var matrix in _layers.SelectMany(layer => layer.Matrices).Append(_output)) matrix.Free();
        GC.KeepAlive(_decoder);
    }

    // Full blocks may be shared from this pass on: a layer stores the keys and values of all its tokens before it attends to any.
    private void Remember(CachedSequence sequence, ReadOnlySpan<int> ids)
    {
        for (; (sequence.Remembered + 1) * KeyValueBlocks.Tokens <= sequence.Length; sequence.Remembered++)
        {
            var at = sequence.Remembered;
            _blocks.Remember(sequence.Blocks[at], at == 0 ? -1 : sequence.Blocks[at - 1], ids.Slice(at * KeyValueBlocks.Tokens, KeyValueBlocks.Tokens));
        }
    }

    private readonly record struct TokenPlace(CachedSequence Sequence, int Id, int Position);

    private readonly record struct QueryTile(CachedSequence Sequence, int Row, int Position, int Count);
}
