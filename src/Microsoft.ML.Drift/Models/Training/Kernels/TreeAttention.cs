using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Attention of packed trees in kernels of our own: for each tree and query head, some queries at a time against the keys they see, with scores that never leave the cache. Full causal
/// attention in float32 on a CPU. Its tensors belong to the dispose scope in which it is made; layers use it one after the other.
/// </summary>
/// <remarks>
/// Forward keeps the logarithm of each query's normaliser; backward computes the scores again (Dao et al. 2022, arXiv 2205.14135). With P = softmax(S) and Δ = Σ dO · O for each query:
/// dV = Pᵀ dO, dS = P (dO Vᵀ − Δ), dQ = dS K, dK = dSᵀ Q. Sums run in an order that depends on the tree alone.
/// </remarks>
internal sealed unsafe class TreeAttention
{
    private const int Panel = TreeAttentionMemory.Panel;
    private const int MostQueries = TreeAttentionMemory.MostQueries;

    private readonly IReadOnlyList<TreeSpan> _spans;
    private readonly int _tokens;
    private readonly Dictionary<AttentionSpecification, TreeAttentionMemory> _memories;

    /// <param name="sequences">The tokens.</param>
    /// <param name="kinds">The layers it is for.</param>
    /// <param name="records">Whether there will be a way back.</param>
    public TreeAttention(PackedSequences sequences, IEnumerable<AttentionSpecification> kinds, bool records)
    {
        (_spans, _tokens) = (sequences.Spans, sequences.Length);
        _memories = kinds.ToDictionary(kind => kind, kind => new TreeAttentionMemory(_spans, _tokens, kind, records));
    }

    /// <summary>Whether the kernels serve such layers here.</summary>
    public static bool CanUse(PackedSequences sequences, AttentionSpecification specification, ScalarType dtype) =>
        Vector512.IsHardwareAccelerated && sequences.InputIds.device_type == DeviceType.CPU && dtype == ScalarType.Float32
        && specification.ScoreSoftCap is null && !(specification.SlidingWindow < sequences.Depth);

    /// <inheritdoc cref="PackedAttention.Mix"/>
    public Traced Mix(Tensor heads, AttentionSpecification specification, TrainingPass pass)
    {
        var output = pass.Keep(pass.NewKept(specification.Heads * specification.HeadSize));
        var normalizers = pass.Keep(empty([specification.Heads, _tokens], ScalarType.Float32));
        var (memory, rows, mixed, logs) = (_memories[specification], new FloatRows(heads), new FloatRows(output), new FloatRows(normalizers));
        memory.Load(rows, backward: false);
        ForEachHead(memory, head => Forward(head, rows, mixed, logs[head.Head]));
        return new(output, gradient =>
        {
            using var scope = NewDisposeScope();
            var (packed, all) = (gradient.contiguous(), empty_like(heads));
            var (given, gradients) = (new FloatRows(packed), new FloatRows(all));
            memory.Load(rows, backward: true);
            ForEachHead(memory, head => Backward(head, rows, mixed, logs[head.Head], given, gradients));
            memory.SumGradients(gradients);
            return all.MoveToOuterDisposeScope();
        });
    }

    private void ForEachHead(TreeAttentionMemory memory, Action<HeadOfTree> work)
    {
        var heads = memory.Specification.Heads;
        TorchTeam.Run(_spans.Count * heads, memory.Threads, (part, worker) => work(new(_spans[part / heads], part / heads, part % heads, memory, worker)));
    }

    private static void Forward(HeadOfTree of, FloatRows heads, FloatRows output, float* logs)
    {
        var (size, padded) = (of.Specification.HeadSize, of.Padded);
        var sums = stackalloc float[MostQueries];
        foreach (var block in of.Blocks())
        {
            of.LoadQueries(heads, block);
            of.Score(block, of.Queries, of.TransposedKeys, of.Scores);
            for (var i = 0; i < block.Count; i++)
            {
                of.Hide(block, i, of.Scores, float.NegativeInfinity);
                sums[i] = VectorMath.Exponentiate(of.Scores + i * block.Width, block.Width, out var most);
                logs[block.First + i] = most + MathF.Log(sums[i]);
            }
            of.Weigh(block, of.Scores, of.Values, of.Mixed);
            for (var i = 0; i < block.Count; i++)
                VectorMath.ScaleTo(of.Mixed + i * padded, 1 / sums[i], size, output[block.First + i] + of.Head * size);
        }
    }

    private static void Backward(HeadOfTree of, FloatRows heads, FloatRows output, float* logs, FloatRows gradient, FloatRows all)
    {
        var (size, padded, column) = (of.Specification.HeadSize, of.Padded, of.Head * of.Specification.HeadSize);
        of.ClearGradients();
        foreach (var block in of.Blocks())
        {
            of.LoadQueries(heads, block);
            for (var i = 0; i < block.Count; i++) VectorMath.ScaleTo(gradient[block.First + i] + column, 1, size, of.Given + i * padded);
            of.Score(block, of.Queries, of.TransposedKeys, of.Scores);
            of.Score(block, of.Given, of.TransposedValues, of.Slopes);
            for (var i = 0; i < block.Count; i++)
            {
                var along = VectorMath.Dot(gradient[block.First + i] + column, output[block.First + i] + column, size);
                of.Hide(block, i, of.Scores, float.NegativeInfinity);
                of.Hide(block, i, of.Slopes, 0);
                VectorMath.SoftmaxGradient(of.Scores + i * block.Width, of.Slopes + i * block.Width, logs[block.First + i], along, block.Width);
            }
            of.Weigh(block, of.Slopes, of.Keys, of.Mixed);
            for (var i = 0; i < block.Count; i++) VectorMath.ScaleTo(of.Mixed + i * padded, (float)of.Specification.Scale, size, all[block.First + i] + column);
            of.Collect(block, of.Slopes, of.Queries, of.KeyGradients);
            of.Collect(block, of.Scores, of.Given, of.ValueGradients);
        }
    }

    /// <summary>Some neighbouring queries and the keys they see.</summary>
    /// <param name="First">The first query's place in the row.</param>
    /// <param name="Count">How many.</param>
    /// <param name="Trunk">Keys of the trunk, all of which they see; 0 for queries of the trunk itself.</param>
    /// <param name="Own">Where the keys of their own piece begin, from the tree's first token.</param>
    /// <param name="Seen">How many keys of their own piece the last query sees.</param>
    private readonly record struct QueryBlock(int First, int Count, int Trunk, int Own, int Seen)
    {
        /// <summary>Where the scores of the own piece begin.</summary>
        public int OwnColumn => Ceiling(Trunk);

        /// <summary>Floats of a row of scores.</summary>
        public int Width => OwnColumn + Ceiling(Seen);

        private static int Ceiling(int count) => (count + Panel - 1) / Panel * Panel;
    }

    /// <summary>One query head in one tree, and the memory of the thread that works on it.</summary>
    private readonly struct HeadOfTree
    {
        private readonly TreeSpan _span;
        private readonly int _stride;   // of the transposed keys and values

        public HeadOfTree(TreeSpan span, int tree, int head, TreeAttentionMemory memory, int worker)
        {
            (_span, Head, Specification, Padded, _stride) = (span, head, memory.Specification, memory.Padded, memory.ColumnsOf(tree));
            var group = head / (Specification.Heads / Specification.KeyValueHeads);
            Keys = memory.Keys(tree, group);
            Values = memory.Values(tree, group);
            TransposedKeys = memory.TransposedKeys(tree, group);
            TransposedValues = memory.TransposedValues(tree, group);
            KeyGradients = memory.KeyGradients(tree, head);
            ValueGradients = memory.ValueGradients(tree, head);
            Scores = memory.Scratch(worker);
            Slopes = Scores + memory.ScoreFloats;
            Queries = Slopes + memory.ScoreFloats;
            Given = Queries + MostQueries * Padded;
            Mixed = Given + MostQueries * Padded;
        }

        public AttentionSpecification Specification { get; }
        public int Head { get; }

        /// <summary>D, made a multiple of the vectors' length.</summary>
        public int Padded { get; }

        public float* Keys { get; }
        public float* Values { get; }
        public float* TransposedKeys { get; }
        public float* TransposedValues { get; }
        public float* KeyGradients { get; }
        public float* ValueGradients { get; }
        public float* Scores { get; }
        public float* Slopes { get; }
        public float* Queries { get; }
        public float* Given { get; }
        public float* Mixed { get; }

        public IEnumerable<QueryBlock> Blocks()
        {
            foreach (var block in Pieces(_span, 0, _span.Trunk, 0)) yield return block;
            foreach (var branch in _span.Branches)
                foreach (var block in Pieces(_span, branch.Start - _span.Start, branch.Length, _span.Trunk)) yield return block;
        }

        private static IEnumerable<QueryBlock> Pieces(TreeSpan span, int start, int length, int trunk)
        {
            var most = TreeAttentionMemory.QueriesTogether(trunk + length);
            for (var first = 0; first < length; first += most)
            {
                var count = Math.Min(most, length - first);
                yield return new(span.Start + start + first, count, trunk, start, first + count);
            }
        }

        /// <summary>Queries times the scale; between D and its padding stays 0.</summary>
        public void LoadQueries(FloatRows heads, QueryBlock block)
        {
            var size = Specification.HeadSize;
            for (var i = 0; i < block.Count; i++) VectorMath.ScaleTo(heads[block.First + i] + Head * size, (float)Specification.Scale, size, Queries + i * Padded);
        }

        /// <summary>scores = rows · columns, for the keys of the trunk and of the own piece; what lies behind them is not a score.</summary>
        public void Score(QueryBlock block, float* rows, float* columns, float* scores)
        {
            for (var panel = 0; panel < block.Trunk; panel += Panel) ScorePanel(block, rows, columns + panel, scores + panel);
            for (var panel = 0; panel < block.Seen; panel += Panel) ScorePanel(block, rows, columns + block.Own + panel, scores + block.OwnColumn + panel);
        }

        private void ScorePanel(QueryBlock block, float* rows, float* columns, float* scores) =>
            PanelProduct.Multiply(rows, Padded, 1, columns, _stride, scores, block.Width, block.Count, Panel, Specification.HeadSize, add: false);

        /// <summary>Puts a value where a query sees no key.</summary>
        public void Hide(QueryBlock block, int query, float* scores, float value)
        {
            var row = scores + query * block.Width;
            new Span<float>(row + block.Trunk, block.OwnColumn - block.Trunk).Fill(value);
            var seen = block.Seen - block.Count + query + 1;
            new Span<float>(row + block.OwnColumn + seen, block.Width - block.OwnColumn - seen).Fill(value);
        }

        /// <summary>result = weights · rows over the keys that are seen.</summary>
        public void Weigh(QueryBlock block, float* weights, float* rows, float* result)
        {
            if (block.Trunk > 0) PanelProduct.Multiply(weights, block.Width, 1, rows, Padded, result, Padded, block.Count, Padded, block.Trunk, add: false);
            PanelProduct.Multiply(
                weights + block.OwnColumn, block.Width, 1, rows + block.Own * Padded, Padded, result, Padded, block.Count, Padded, block.Seen, add: block.Trunk > 0);
        }

        /// <summary>sums += weightsᵀ · rows, for the keys that are seen.</summary>
        public void Collect(QueryBlock block, float* weights, float* rows, float* sums)
        {
            if (block.Trunk > 0) PanelProduct.Multiply(weights, 1, block.Width, rows, Padded, sums, Padded, block.Trunk, Padded, block.Count, add: true);
            PanelProduct.Multiply(weights + block.OwnColumn, 1, block.Width, rows, Padded, sums + block.Own * Padded, Padded, block.Seen, Padded, block.Count, add: true);
        }

        public void ClearGradients()
        {
            new Span<float>(KeyGradients, _span.Length * Padded).Clear();
            new Span<float>(ValueGradients, _span.Length * Padded).Clear();
        }
    }
}
