namespace Microsoft.ML.Drift.Fuzz;

/// <summary>A small generator (SplitMix64) whose numbers are the same everywhere: an input is known by its reader, seed and index.</summary>
internal sealed class FuzzRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The generator of one input.</summary>
    public static FuzzRandom Of(string reader, long seed, long index)
    {
        var state = 0xcbf29ce484222325UL;
        foreach (var c in reader) state = (state ^ c) * 0x100000001b3UL;
        return new(state ^ (ulong)seed * 0x9E3779B97F4A7C15UL ^ (ulong)index * 0xD1342543DE82EF95UL);
    }

    public ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15UL;
        var z = (_state ^ _state >> 30) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ z >> 27) * 0x94D049BB133111EBUL;
        return z ^ z >> 31;
    }

    /// <summary>A number from 0 to <paramref name="limit"/> − 1; 0 where there is no choice.</summary>
    public int Below(int limit) => limit <= 1 ? 0 : (int)(NextBits() % (ulong)limit);

    public bool Chance(int percent) => Below(100) < percent;

    public T Pick<T>(IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    /// <summary>1, 2, 3 …: each further one half as likely.</summary>
    public int Few(int most)
    {
        var count = 1;
        while (count < most && Chance(50)) count++;
        return count;
    }
}
