using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Keys and values of all layers in blocks of <see cref="Tokens"/> tokens. A sequence holds the blocks it fills, so rows come and go without copying; a
/// full block is found again by the tokens up to its end, so that a common beginning of several prompts is computed once.
/// </summary>
/// <remarks>
/// Keys lie [layer, head, D, token], values [layer, head, token, D rounded up to 16]: both ways of reading them run along memory. Blocks that nobody
/// holds any more are kept for later prompts until their memory is needed.
/// </remarks>
internal sealed unsafe class KeyValueBlocks : IDisposable
{
    /// <summary>Tokens per block.</summary>
    public const int Tokens = 32;

    private readonly nint[] _keyOffsets, _valueOffsets;   // of each layer, in floats
    private readonly int[] _keyStrides, _valueStrides;    // from head to head
    private readonly nint _blockFloats;
    private readonly List<Block> _blocks = [];
    private readonly Stack<int> _empty = [];
    private readonly LinkedList<int> _idle = [];          // known blocks that nobody holds, the longest idle first
    private readonly Dictionary<(long Parent, int Hash), int> _known = [];
    private long _lastSerial;

    public KeyValueBlocks(DecoderSpecification specification)
    {
        var layers = specification.Layers.Count;
        (_keyOffsets, _valueOffsets, _keyStrides, _valueStrides) = (new nint[layers], new nint[layers], new int[layers], new int[layers]);
        for (var layer = 0; layer < layers; layer++)
        {
            var attention = specification.Layers[layer].Attention;
            (_keyStrides[layer], _valueStrides[layer]) = (attention.HeadSize * Tokens, AttentionOverBlocks.Padded(attention.HeadSize) * Tokens);
            _keyOffsets[layer] = _blockFloats;
            _valueOffsets[layer] = _blockFloats + attention.KeyValueHeads * _keyStrides[layer];
            _blockFloats = _valueOffsets[layer] + attention.KeyValueHeads * _valueStrides[layer];
        }
    }

    /// <summary>Blocks that memory is held for, those nobody uses included.</summary>
    public int Count => _blocks.Count;

    /// <summary>Blocks that sequences hold.</summary>
    public int InUse => _blocks.Count - _empty.Count - _idle.Count;

    /// <summary>[D, <see cref="Tokens"/>].</summary>
    public float* Keys(int block, int layer, int head) => _blocks[block].Memory + _keyOffsets[layer] + head * _keyStrides[layer];

    /// <summary>[<see cref="Tokens"/>, D rounded up to 16].</summary>
    public float* Values(int block, int layer, int head) => _blocks[block].Memory + _valueOffsets[layer] + head * _valueStrides[layer];

    /// <summary>Blocks for this many tokens.</summary>
    public static int For(int tokens) => (tokens + Tokens - 1) / Tokens;

    /// <summary>A block to fill: an empty one, a new one while there are fewer than <paramref name="most"/>, else the one that was idle longest.</summary>
    public int Take(int most)
    {
        if (!_empty.TryPop(out var index))
        {
            if (_blocks.Count >= most && _idle.First is { } oldest) Forget(index = oldest.Value);
            else index = Allocate();
        }
        _blocks[index].Users = 1;
        return index;
    }

    /// <summary>One more sequence uses a block.</summary>
    public void Share(int index)
    {
        var block = _blocks[index];
        if (block.Users++ == 0) _idle.Remove(block.Place!);
    }

    /// <summary>A sequence gives a block back.</summary>
    public void Release(int index)
    {
        var block = _blocks[index];
        if (--block.Users > 0) return;
        if (block.Serial == 0) _empty.Push(index);
        else block.Place = _idle.AddLast(index);
    }

    /// <summary>The block that holds these tokens behind a known beginning; −1 if there is none.</summary>
    /// <param name="parent">The block before it; −1 for the first.</param>
    /// <param name="tokens">Its <see cref="Tokens"/> ids.</param>
    public int Find(int parent, ReadOnlySpan<int> tokens) =>
        _known.TryGetValue(KeyOf(parent, tokens), out var index) && _blocks[index].Ids.AsSpan().SequenceEqual(tokens) ? index : -1;

    /// <summary>Makes a full block known by its tokens; a block whose tokens are known already stays unknown.</summary>
    public void Remember(int index, int parent, ReadOnlySpan<int> tokens)
    {
        if (parent >= 0 && _blocks[parent].Serial == 0) return;
        var key = KeyOf(parent, tokens);
        if (!_known.TryAdd(key, index)) return;
        var block = _blocks[index];
        (block.Serial, block.Key) = (++_lastSerial, key);
        tokens.CopyTo(block.Ids);
    }

    public void Dispose()
    {
        foreach (var block in _blocks) NativeMemory.AlignedFree(block.Memory);
        _blocks.Clear();
    }

    // Serial numbers are never used twice: what is known behind a forgotten block is not found any more, and grows old.
    private (long, int) KeyOf(int parent, ReadOnlySpan<int> tokens)
    {
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(tokens));
        return (parent < 0 ? 0 : _blocks[parent].Serial, hash.ToHashCode());
    }

    private void Forget(int index)
    {
        var block = _blocks[index];
        _idle.Remove(block.Place!);
        _known.Remove(block.Key);
        (block.Serial, block.Place) = (0, null);
    }

    private int Allocate()
    {
        var bytes = (nuint)_blockFloats * sizeof(float);
        var memory = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(memory, bytes);   // what lies behind a sequence's end is read, times zero, and must be numbers
        _blocks.Add(new(memory));
        return _blocks.Count - 1;
    }

    private sealed class Block(float* memory)
    {
        public float* Memory { get; } = memory;
        public int[] Ids { get; } = new int[Tokens];
        public int Users { get; set; }
        public long Serial { get; set; }
        public (long, int) Key { get; set; }
        public LinkedListNode<int>? Place { get; set; }
    }
}

/// <summary>The cached tokens of one row, and the blocks that hold them.</summary>
internal sealed class CachedSequence
{
    public List<int> Blocks { get; } = [];

    /// <summary>Tokens whose keys and values are held.</summary>
    public int Length { get; set; }

    /// <summary>Full blocks that are known by their tokens, counted from the beginning.</summary>
    public int Remembered { get; set; }
}
