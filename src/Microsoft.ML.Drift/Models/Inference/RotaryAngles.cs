using System.Runtime.InteropServices;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>cos and sin of every position up to the longest so far, for one rotation.</summary>
internal sealed unsafe class RotaryAngles : IDisposable
{
    private readonly float[] _frequencies;
    private readonly float _factor;
    private float* _table;   // [position, cos | sin, Dimensions / 2]
    private int _positions;

    public RotaryAngles(RotarySpecification rotary)
    {
        using var scope = torch.NewDisposeScope();
        (Half, _factor) = (rotary.Dimensions / 2, (float)rotary.Scaling.AttentionFactor);
        _frequencies = rotary.Scaling.Frequencies(rotary, longest: 0).data<float>().ToArray();
    }

    /// <summary>Dimensions / 2.</summary>
    public int Half { get; }

    /// <summary>Makes the table long enough for this many positions.</summary>
    public void Reserve(int positions)
    {
        if (positions <= _positions) return;
        positions = Math.Max(positions, Math.Max(512, 2 * _positions));
        _table = (float*)NativeMemory.Realloc(_table, (nuint)positions * (nuint)(2 * Half) * sizeof(float));
        for (var position = _positions; position < positions; position++)
        {
            var line = _table + (nint)position * 2 * Half;
            for (var pair = 0; pair < Half; pair++)
            {
                var angle = position * _frequencies[pair];
                (line[pair], line[Half + pair]) = (MathF.Cos(angle) * _factor, MathF.Sin(angle) * _factor);
            }
        }
        _positions = positions;
    }

    /// <summary>Turns a head in place: (a, b) → (a cos − b sin, b cos + a sin) for the halves a and b of its first dimensions.</summary>
    public void Rotate(float* head, int position)
    {
        var cos = _table + (nint)position * 2 * Half;
        var sin = cos + Half;
        for (var pair = 0; pair < Half; pair += 16)
        {
            var (a, b) = (VectorMath.Load(head, pair, Half), VectorMath.Load(head + Half, pair, Half));
            var (c, s) = (VectorMath.Load(cos, pair, Half), VectorMath.Load(sin, pair, Half));
            VectorMath.Store(head, pair, Half, a * c - b * s);
            VectorMath.Store(head + Half, pair, Half, b * c + a * s);
        }
    }

    public void Dispose() => NativeMemory.Free(_table);
}
