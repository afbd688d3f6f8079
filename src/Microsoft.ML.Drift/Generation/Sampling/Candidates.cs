using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// The tokens that may come next, with their logits: starts as the whole vocabulary and is narrowed by top-k, top-p, min-p and typical-p. The arrays
/// are allocated once and reused for every step.
/// </summary>
/// <remarks>
/// Nothing is sorted as a whole. Where transformers sorts ascending and drops while the cumulative probability stays within 1 − p, the same boundary
/// is found here from the top: tokens are taken off a heap until the rest weighs 1 − p or less. Sums are kept in double and compared in single
/// precision, as torch does.
/// </remarks>
internal sealed class Candidates(int vocabularySize)
{
    private const int Lanes = 16;

    // The smallest number that -ln u takes: u is a 32-bit number plus a half.
    private const double LeastTime = 1.0 / (1L << 34);

    // Whole vectors are read and written: behind the last candidate there is room for one.
    private readonly int[] _ids = new int[vocabularySize + Lanes];
    private readonly float[] _logits = new float[vocabularySize + Lanes];
    private readonly float[] _probabilities = new float[vocabularySize + Lanes];
    private readonly float[] _distances = new float[vocabularySize];
    private readonly float[] _scratch = new float[vocabularySize];

    public int Count { get; private set; }

    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    /// <summary>The candidates' probabilities, sum 1; valid after <see cref="Normalise"/>.</summary>
    public ReadOnlySpan<float> Probabilities => _probabilities.AsSpan(0, Count);

    /// <summary>Takes every token whose logit is finite and, if <paramref name="k"/> is positive, not below the k-th largest.</summary>
    public void Take(ReadOnlySpan<float> logits, int k)
    {
        // A greatest lower bound that no finite logit falls below drops the infinite ones.
        Count = Gather(logits, k > 0 && k < logits.Length ? MathF.Max(KthLargest(logits, k), float.MinValue) : float.MinValue);
        _logits.AsSpan(Count, Lanes).Fill(float.NegativeInfinity);
    }

    /// <summary>Fills <see cref="Probabilities"/>: softmax of the candidates' logits, float32.</summary>
    public void Normalise()
    {
        _logits.AsSpan(Count, Lanes).Fill(float.NegativeInfinity);
        var most = Vector512.Create(BestLogit());
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        for (var i = 0; i < Count; i += Lanes)
        {
            var weights = Vector512.Exp(Vector512.LoadUnsafe(in _logits[i]) - most);
            weights.StoreUnsafe(ref _probabilities[i]);
            var (first, second) = Vector512.Widen(weights);
            low += first;
            high += second;
        }
        var scale = Vector512.Create((float)Sum(low + high));
        for (var i = 0; i < Count; i += Lanes) (Vector512.LoadUnsafe(in _probabilities[i]) / scale).StoreUnsafe(ref _probabilities[i]);
    }

    /// <summary>Keeps the most probable tokens until what is left weighs 1 − <paramref name="p"/> or less; at least one token. Needs <see cref="Normalise"/>.</summary>
    public void KeepNucleus(double p)
    {
        var droppable = (float)(1 - p);
        var rest = SumOfProbabilities();

        // Tokens this improbable weigh less than 1 − p all together, so all of them go, and most of the vocabulary never enters the heap.
        DropBelow((float)((1 - p) * (1 - 1e-6) / Count));

        BuildHeap();
        var kept = 0;
        while (kept < Count)
        {
            var heapSize = Count - kept;
            if (kept > 0 && (float)rest <= droppable) break;
            rest -= _probabilities[0];
            Swap(0, heapSize - 1);
            kept++;
            SiftDown(0, heapSize - 1);
        }
        KeepEnd(kept);
    }

    /// <summary>Keeps tokens with at least <paramref name="share"/> of the best token's probability. Needs <see cref="Normalise"/>.</summary>
    public void KeepShareOfBest(double share)
    {
        var best = 0f;
        foreach (var probability in Probabilities) best = MathF.Max(best, probability);
        DropBelow((float)share * best);
    }

    /// <summary>Keeps the tokens whose surprise is closest to the entropy until they weigh <paramref name="mass"/>. Needs <see cref="Normalise"/>.</summary>
    public void KeepTypical(double mass)
    {
        // Surprise comes from the logits, not from the rounded probabilities, so that it stays finite where a probability underflows.
        var max = BestLogit();
        var sum = 0.0;
        foreach (var logit in _logits.AsSpan(0, Count)) sum += MathF.Exp(logit - max);
        var logSum = max + (float)Math.Log(sum);
        var entropy = 0.0;
        for (var i = 0; i < Count; i++) entropy += (logSum - _logits[i]) * _probabilities[i];
        for (var i = 0; i < Count; i++) _distances[i] = MathF.Abs(logSum - _logits[i] - (float)entropy);

        var farthest = FarthestTypical((float)mass);
        var kept = 0;
        for (var i = 0; i < Count; i++)
            if (_distances[i] <= farthest) Copy(i, kept++);
        Count = kept;
    }

    /// <summary>The distance of the token with which the closest tokens' probabilities reach the mass.</summary>
    private float FarthestTypical(float mass)
    {
        var distances = _scratch.AsSpan(0, Count);
        var weights = _probabilities.AsSpan(0, Count);
        _distances.AsSpan(0, Count).CopyTo(distances);
        distances.Sort(weights);
        var (sum, last) = (0.0, 0);
        while (last < Count - 1 && (float)(sum += weights[last]) < mass) last++;
        return distances[last];
    }

    /// <summary>
    /// One candidate at random by its probability: the least of E(id)/p(id), E exponential and drawn for each token id by itself. Rounding in the
    /// probabilities, which differs between batch sizes, then all but never changes the choice. Needs <see cref="Normalise"/>.
    /// </summary>
    public int Draw(RowGenerator generator, int step)
    {
        var likeliest = LikeliestIndex();
        var (winner, least) = (_ids[likeliest], Time(generator.Words(step, _ids[likeliest] >> 2), likeliest));
        var (block, words) = (-1, default(PhiloxBlock));
        for (var i = 0; i < Count; i++)
        {
            // So improbable that no random number could make it win: most of the vocabulary.
            if (_probabilities[i] * least < LeastTime) continue;
            var id = _ids[i];
            if (id >> 2 != block) words = generator.Words(step, block = id >> 2);
            // -ln u is more than 1 - u, which often is late enough.
            if ((1 - RowGenerator.Uniform(words[id & 3])) * (1 - 1e-9) > least * _probabilities[i]) continue;
            var time = Time(words, i);
            if (time > least || (time == least && id > winner)) continue;
            (winner, least) = (id, time);
        }
        return winner;
    }

    private double Time(PhiloxBlock words, int index) => -Math.Log(RowGenerator.Uniform(words[_ids[index] & 3])) / _probabilities[index];

    private int LikeliestIndex()
    {
        var likeliest = 0;
        for (var i = 1; i < Count; i++)
            if (_probabilities[i] > _probabilities[likeliest]) likeliest = i;
        return likeliest;
    }

    /// <summary>Collects the tokens whose logit is not below a bound.</summary>
    private int Gather(ReadOnlySpan<float> logits, float least)
    {
        ref var start = ref MemoryMarshal.GetReference(logits);
        var bound = Vector512.Create(least);
        var (count, id) = (0, 0);
        for (; id <= logits.Length - Lanes; id += Lanes)
        {
            var values = Vector512.LoadUnsafe(in start, (nuint)id);
            var stays = Vector512.GreaterThanOrEqual(values, bound).ExtractMostSignificantBits();
            if (stays == 0xFFFF)
            {
                values.StoreUnsafe(ref _logits[count]);
                (Vector512<int>.Indices + Vector512.Create(id)).StoreUnsafe(ref _ids[count]);
                count += Lanes;
                continue;
            }
            for (; stays != 0; stays &= stays - 1) Put(id + int.TrailingZeroCount((int)stays), logits);
        }
        for (; id < logits.Length; id++)
            if (logits[id] >= least) Put(id, logits);
        return count;

        void Put(int token, ReadOnlySpan<float> from)
        {
            _ids[count] = token;
            _logits[count++] = from[token];
        }
    }

    /// <summary>The k-th largest value, by a heap of the k largest.</summary>
    private float KthLargest(ReadOnlySpan<float> logits, int k)
    {
        var heap = _scratch.AsSpan(0, k);
        logits[..k].CopyTo(heap);
        for (var i = k / 2 - 1; i >= 0; i--) SiftLeastDown(heap, i);
        foreach (var logit in logits[k..])
        {
            if (!(logit > heap[0])) continue;
            heap[0] = logit;
            SiftLeastDown(heap, 0);
        }
        return heap[0];
    }

    private static void SiftLeastDown(Span<float> heap, int node)
    {
        var value = heap[node];
        for (int child; (child = 2 * node + 1) < heap.Length; node = child)
        {
            if (child + 1 < heap.Length && heap[child + 1] < heap[child]) child++;
            if (heap[child] >= value) break;
            heap[node] = heap[child];
        }
        heap[node] = value;
    }

    private float BestLogit()
    {
        var best = Vector512.Create(float.NegativeInfinity);
        var i = 0;
        for (; i <= Count - Lanes; i += Lanes) best = Vector512.Max(best, Vector512.LoadUnsafe(in _logits[i]));
        var result = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++) result = MathF.Max(result, best[lane]);
        for (; i < Count; i++) result = MathF.Max(result, _logits[i]);
        return result;
    }

    // Written out, so that the order is the same at every level of compilation.
    private static double Sum(Vector512<double> lanes)
    {
        var four = lanes.GetLower() + lanes.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    private double SumOfProbabilities()
    {
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        _probabilities.AsSpan(Count, Lanes).Clear();
        for (var i = 0; i < Count; i += Lanes)
        {
            var (first, second) = Vector512.Widen(Vector512.LoadUnsafe(in _probabilities[i]));
            low += first;
            high += second;
        }
        return Sum(low + high);
    }

    private void DropBelow(float probability)
    {
        var bound = Vector512.Create(probability);
        var kept = 0;
        for (var i = 0; i < Count; i += Lanes)
        {
            var stays = Vector512.GreaterThanOrEqual(Vector512.LoadUnsafe(in _probabilities[i]), bound).ExtractMostSignificantBits();
            for (; stays != 0; stays &= stays - 1)
                if (i + int.TrailingZeroCount((int)stays) is var index && index < Count) Copy(index, kept++);
        }
        Count = kept;
    }

    private void BuildHeap()
    {
        for (var node = Count / 2 - 1; node >= 0; node--) SiftDown(node, Count);
    }

    /// <summary>Restores the heap order, largest logit first and lower id first among equals, below a node.</summary>
    private void SiftDown(int node, int size)
    {
        for (int child; (child = 2 * node + 1) < size; node = child)
        {
            if (child + 1 < size && ComesBefore(child + 1, child)) child++;
            if (!ComesBefore(child, node)) return;
            Swap(child, node);
        }
    }

    private bool ComesBefore(int a, int b) => _logits[a] > _logits[b] || (_logits[a] == _logits[b] && _ids[a] < _ids[b]);

    private void Swap(int a, int b)
    {
        (_ids[a], _ids[b]) = (_ids[b], _ids[a]);
        (_logits[a], _logits[b]) = (_logits[b], _logits[a]);
        (_probabilities[a], _probabilities[b]) = (_probabilities[b], _probabilities[a]);
    }

    private void Copy(int from, int to)
    {
        (_ids[to], _logits[to], _probabilities[to]) = (_ids[from], _logits[from], _probabilities[from]);
    }

    /// <summary>The heap leaves the tokens that stay at the array's end.</summary>
    private void KeepEnd(int kept)
    {
        var start = Count - kept;
        for (var i = 0; i < kept; i++) Copy(start + i, i);
        Count = kept;
    }
}
