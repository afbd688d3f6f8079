using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// What <see cref="TreeAttention"/> works in: keys and values in the order its kernels read them, the gradients of each query head, and each thread's scores. Layers of one kind share it, one
/// after the other. Its tensors belong to the dispose scope in which it is made.
/// </summary>
internal sealed unsafe class TreeAttentionMemory
{
    /// <summary>Keys that are scored together.</summary>
    public const int Panel = 64;

    /// <summary>The most queries that are worked on together.</summary>
    public const int MostQueries = 48;

    private const int FewestQueries = 12;
    private const int ScoreBytes = 256 << 10;   // two such pieces stay in a second-level cache
    private const int Lanes = PanelProduct.Lanes;

    private readonly IReadOnlyList<TreeSpan> _spans;
    private readonly int[] _columns;            // of each tree's transposed keys
    private readonly long[] _columnsBefore;
    private readonly int _scratchFloats;
    private readonly Tensor _keys, _values, _transposedKeys, _scratch;
    private readonly Tensor? _transposedValues, _keyGradients, _valueGradients;   // for the way back only

    /// <param name="spans">The trees.</param>
    /// <param name="tokens">T.</param>
    /// <param name="specification">The layers' attention.</param>
    /// <param name="records">Whether there will be a way back.</param>
    public TreeAttentionMemory(IReadOnlyList<TreeSpan> spans, int tokens, AttentionSpecification specification, bool records)
    {
        (_spans, Specification, Threads) = (spans, specification, get_num_threads());
        Padded = Ceiling(specification.HeadSize);
        _columns = [.. spans.Select(span => Ceiling(span.Length + Panel))];   // the last panel may read beyond the last key
        _columnsBefore = new long[spans.Count];
        for (var i = 1; i < spans.Count; i++) _columnsBefore[i] = _columnsBefore[i - 1] + _columns[i - 1];
        var deepest = spans.Max(span => span.Trunk + span.Branches.Select(branch => branch.Length).DefaultIfEmpty(0).Max());
        ScoreFloats = Math.Max(ScoreBytes / sizeof(float), FewestQueries * (deepest + 2 * Panel));
        _scratchFloats = 2 * ScoreFloats + 3 * MostQueries * Padded;
        _keys = zeros([(long)tokens * specification.KeyValueHeads * Padded], ScalarType.Float32);
        _values = zeros_like(_keys);
        _transposedKeys = zeros([_columns.Sum(count => (long)count) * specification.KeyValueHeads * specification.HeadSize], ScalarType.Float32);
        _scratch = zeros([Threads, _scratchFloats], ScalarType.Float32);
        if (!records) return;
        _transposedValues = zeros_like(_transposedKeys);
        _keyGradients = empty([(long)tokens * specification.Heads * Padded], ScalarType.Float32);
        _valueGradients = empty_like(_keyGradients);
    }

    public AttentionSpecification Specification { get; }

    /// <summary>How many threads there is memory for.</summary>
    public int Threads { get; }

    /// <summary>D, made a multiple of the vectors' length; the difference is 0.</summary>
    public int Padded { get; }

    /// <summary>Floats for the scores of some queries.</summary>
    public int ScoreFloats { get; }

    /// <summary>How many queries are worked on together, for their scores to stay in the cache.</summary>
    /// <param name="keys">Keys that the last one sees.</param>
    public static int QueriesTogether(int keys) => Math.Clamp(ScoreBytes / sizeof(float) / (keys + 2 * Panel) / FewestQueries * FewestQueries, FewestQueries, MostQueries);

    /// <summary>Floats of a row of a tree's transposed keys.</summary>
    public int ColumnsOf(int tree) => _columns[tree];

    /// <summary>[length, padded].</summary>
    public float* Keys(int tree, int group) => Rows(_keys, tree, group, Specification.KeyValueHeads);

    /// <summary>[length, padded].</summary>
    public float* Values(int tree, int group) => Rows(_values, tree, group, Specification.KeyValueHeads);

    /// <summary>[D, columns].</summary>
    public float* TransposedKeys(int tree, int group) => Transposed(_transposedKeys, tree, group);

    /// <summary>[D, columns].</summary>
    public float* TransposedValues(int tree, int group) => _transposedValues is null ? null : Transposed(_transposedValues, tree, group);

    /// <summary>[length, padded]: what one query head adds.</summary>
    public float* KeyGradients(int tree, int head) => _keyGradients is null ? null : Rows(_keyGradients, tree, head, Specification.Heads);

    /// <inheritdoc cref="KeyGradients"/>
    public float* ValueGradients(int tree, int head) => _valueGradients is null ? null : Rows(_valueGradients, tree, head, Specification.Heads);

    /// <summary>A thread's own memory: scores twice, then three times the rows of <see cref="MostQueries"/> queries.</summary>
    public float* Scratch(int worker) => (float*)TensorMemory.Address(_scratch) + (long)worker * _scratchFloats;

    /// <summary>Takes a layer's keys and values.</summary>
    /// <param name="heads">[T, (H + 2 Hkv) D].</param>
    /// <param name="backward">For the way back; else for the way there.</param>
    public void Load(FloatRows heads, bool backward)
    {
        var (groups, size) = (Specification.KeyValueHeads, Specification.HeadSize);
        TorchTeam.Run(_spans.Count * groups, part =>
        {
            var (tree, group) = (part / groups, part % groups);
            var (keyColumn, valueColumn) = ((Specification.Heads + group) * size, (Specification.Heads + groups + group) * size);
            Transpose(heads, tree, keyColumn, TransposedKeys(tree, group));
            if (backward) Transpose(heads, tree, valueColumn, TransposedValues(tree, group));
            var rows = backward ? Keys(tree, group) : Values(tree, group);
            for (var t = 0; t < _spans[tree].Length; t++)
                VectorMath.ScaleTo(heads[_spans[tree].Start + t] + (backward ? keyColumn : valueColumn), 1, size, rows + (long)t * Padded);
        });
    }

    /// <summary>Adds up what the query heads of each group have found.</summary>
    /// <param name="all">[T, (H + 2 Hkv) D], of which the last 2 Hkv D columns are written.</param>
    public void SumGradients(FloatRows all)
    {
        var (heads, groups, size) = (Specification.Heads, Specification.KeyValueHeads, Specification.HeadSize);
        TorchTeam.Run(_spans.Count * groups, part =>
        {
            var (tree, group, each) = (part / groups, part % groups, heads / groups);
            var span = _spans[tree];
            for (var i = 0; i < each; i++)
            {
                var keys = KeyGradients(tree, group * each + i);
                var values = ValueGradients(tree, group * each + i);
                for (var t = 0; t < span.Length; t++)
                {
                    var to = all[span.Start + t];
                    Put(keys + (long)t * Padded, to + (heads + group) * size, i == 0);
                    Put(values + (long)t * Padded, to + (heads + groups + group) * size, i == 0);
                }
            }
        });

        void Put(float* from, float* to, bool first)
        {
            if (first) VectorMath.ScaleTo(from, 1, size, to);
            else VectorMath.Add(to, from, size);
        }
    }

    private void Transpose(FloatRows heads, int tree, int column, float* to)
    {
        var (span, columns) = (_spans[tree], _columns[tree]);
        for (var t = 0; t < span.Length; t++)
        {
            var from = heads[span.Start + t] + column;
            for (var d = 0; d < Specification.HeadSize; d++) to[(long)d * columns + t] = from[d];
        }
    }

    private float* Rows(Tensor tensor, int tree, int head, int heads) =>
        (float*)TensorMemory.Address(tensor) + ((long)_spans[tree].Start * heads + (long)head * _spans[tree].Length) * Padded;

    private float* Transposed(Tensor tensor, int tree, int group) =>
        (float*)TensorMemory.Address(tensor) + (_columnsBefore[tree] * Specification.KeyValueHeads + (long)group * _columns[tree]) * Specification.HeadSize;

    private static int Ceiling(int count) => (count + Lanes - 1) / Lanes * Lanes;
}
