namespace Microsoft.ML.Drift.Models;

internal sealed unsafe partial class CpuDecoder
{
    // The pass being computed.
    private int _count;
    private int _layer;
    private float* _normSource;
    private float* _normTarget;
    private nint _normWeight;

    private void Embed(float* x)
    {
        var width = _specification.HiddenSize;
        for (var row = 0; row < _count; row++)
        {
            var target = x + (nint)row * width;
            Buffer.MemoryCopy(_embedding + (nint)_places[row].Id * width, target, width * sizeof(float), width * sizeof(float));
            if (_specification.EmbeddingMultiplier != 1) VectorMath.Scale(target, (float)_specification.EmbeddingMultiplier, width);
        }
    }

    /// <summary>Attention up to, not including, its output projection.</summary>
    private void Attend(float* x)
    {
        var layer = _layers[_layer];
        var attention = layer.Specification.Attention;
        _fused.Reserve(_count, layer.QueryKeyValue.Outputs);
        _mixed.Reserve(_count, layer.Output.Inputs);
        _products.Store(Norm(x, layer.BeforeAttention, _normed.Start), _count, layer.QueryKeyValue, _fused.Start);
        Team.Run(Parts(_count), _headsPart);
        Team.Run(_tiles.Count * attention.KeyValueHeads, _mixPart);
    }

    private void FinishAttention(float* x)
    {
        var layer = _layers[_layer];
        AddBranch(x, _mixed.Start, layer.Output, layer.AfterAttention);
    }

    private void Feed(float* x)
    {
        var layer = _layers[_layer];
        var inner = _inner.Reserve(_count, layer.Down.Inputs);
        _products.Gate(Norm(x, layer.BeforeFeedForward, _normed.Start), _count, layer.GateUp, inner, layer.Specification.FeedForward.Activation);
        AddBranch(x, inner, layer.Down, layer.AfterFeedForward);
    }

    /// <summary>x += norm(input Wᵀ + b) · multiplier.</summary>
    private void AddBranch(float* x, float* input, WeightPointer matrix, nint norm)
    {
        var factor = _layers[_layer].Specification.ResidualMultiplier;
        if (norm == 0)
        {
            _products.Add(input, _count, matrix, x, factor);
            return;
        }
        var branch = _fused.Reserve(_count, _specification.HiddenSize);
        _products.Store(input, _count, matrix, branch);
        Norm(branch, norm, branch);
        var width = _specification.HiddenSize;
        for (var row = 0; row < _count; row++) VectorMath.AddScaled(x + (nint)row * width, branch + (nint)row * width, (float)factor, width);
    }

    /// <summary>After the last attention only the tokens whose logits are wanted go on.</summary>
    private int KeepWanted(float* x)
    {
        var (width, mixedWidth) = (_specification.HiddenSize, _layers[_layer].Output.Inputs);
        for (var i = 0; i < _wanted.Count; i++)
        {
            Copy(x, _wanted[i], i, width);
            Copy(_mixed.Start, _wanted[i], i, mixedWidth);
        }
        return _count = _wanted.Count;

        static void Copy(float* rows, int from, int to, int width)
        {
            if (from != to) Buffer.MemoryCopy(rows + (nint)from * width, rows + (nint)to * width, width * sizeof(float), width * sizeof(float));
        }
    }

    private float* Norm(float* x, nint weight, float* target)
    {
        if (weight == 0) return x;
        _normSource = x;
        _normTarget = target;
        _normWeight = weight;
        Team.Run(Parts(_count), _normPart);
        return target;
    }

    private void NormPart(int part, int worker)
    {
        var width = _specification.HiddenSize;
        for (var row = part * TokensPerPart; row < Math.Min(_count, (part + 1) * TokensPerPart); row++)
            VectorMath.RmsNorm(_normSource + (nint)row * width, (float*)_normWeight, width, _specification.Norm, _normTarget + (nint)row * width);
    }

    /// <summary>Normalises and turns queries and keys, and puts keys and values into the cache.</summary>
    private void HeadsPart(int part, int worker)
    {
        var layer = _layers[_layer];
        var attention = layer.Specification.Attention;
        var (size, heads, keyValueHeads) = (attention.HeadSize, attention.Heads, attention.KeyValueHeads);
        var rotation = attention.Rotary is { } rotary ? _rotations[rotary] : null;
        for (var row = part * TokensPerPart; row < Math.Min(_count, (part + 1) * TokensPerPart); row++)
        {
            var place = _places[row];
            var queries = _fused.Start + (nint)row * layer.QueryKeyValue.Outputs;
            var keys = queries + heads * size;
            var values = queries + (heads + keyValueHeads) * size;
            if (attention.QueryKeyNorm == QueryKeyNorm.WholeWidth)
            {
                VectorMath.RmsNorm(queries, (float*)layer.QueryNorm, heads * size, _specification.Norm, queries);
                VectorMath.RmsNorm(keys, (float*)layer.KeyNorm, keyValueHeads * size, _specification.Norm, keys);
            }
            for (var head = 0; head < heads + keyValueHeads; head++)
            {
                var one = queries + head * size;
                if (attention.QueryKeyNorm == QueryKeyNorm.PerHead)
                    VectorMath.RmsNorm(one, (float*)(head < heads ? layer.QueryNorm : layer.KeyNorm), size, _specification.Norm, one);
                rotation?.Rotate(one, place.Position);
            }
            var (block, slot) = (place.Sequence.Blocks[place.Position / KeyValueBlocks.Tokens], place.Position % KeyValueBlocks.Tokens);
            for (var head = 0; head < keyValueHeads; head++)
            {
                var column = _blocks.Keys(block, _layer, head) + slot;
                for (var d = 0; d < size; d++) column[d * KeyValueBlocks.Tokens] = keys[head * size + d];
                Buffer.MemoryCopy(values + head * size, _blocks.Values(block, _layer, head) + slot * AttentionOverBlocks.Padded(size), size * sizeof(float), size * sizeof(float));
            }
        }
    }

    /// <summary>Attention of some tokens of one row, for the query heads of one key-value head.</summary>
    private void MixPart(int part, int worker)
    {
        var layer = _layers[_layer];
        var attention = layer.Specification.Attention;
        var (tile, head) = (_tiles[part / attention.KeyValueHeads], part % attention.KeyValueHeads);
        var (group, size, width, mixedWidth) = (attention.Heads / attention.KeyValueHeads, attention.HeadSize, layer.QueryKeyValue.Outputs, layer.Output.Inputs);
        var queries = stackalloc float*[AttentionOverBlocks.Queries];
        var results = stackalloc float*[AttentionOverBlocks.Queries];
        var positions = stackalloc int[AttentionOverBlocks.Queries];
        var count = tile.Count * group;
        for (var first = 0; first < count; first += AttentionOverBlocks.Queries)
        {
            for (var i = 0; i < AttentionOverBlocks.Queries; i++)
            {
                var query = Math.Min(first + i, count - 1);
                var (token, queryHead) = (query / group, head * group + query % group);
                queries[i] = _fused.Start + (nint)(tile.Row + token) * width + queryHead * size;
                results[i] = _mixed.Start + (nint)(tile.Row + token) * mixedWidth + queryHead * size;
                positions[i] = tile.Position + token;
            }
            _attention[worker].Mix(_blocks, tile.Sequence, _layer, head, queries, positions, results, attention);
        }
    }

    private void FinishPart(int row, int worker)
    {
        var logits = _logits.Start + (nint)row * _specification.VocabularySize;
        var width = _specification.VocabularySize;
        if (_specification.LogitsDivisor != 1) VectorMath.Scale(logits, (float)(1 / _specification.LogitsDivisor), width);
        if (_specification.LogitsSoftCap is { } cap) VectorMath.SoftCap(logits, (float)cap, width);
    }

    private static int Parts(int tokens) => (tokens + TokensPerPart - 1) / TokensPerPart;
}
