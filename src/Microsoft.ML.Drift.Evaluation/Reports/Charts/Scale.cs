namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>From values to places of a chart, with round numbers to mark.</summary>
internal sealed class Scale
{
    private readonly double _from;
    private readonly double _to;
    private readonly double _start;
    private readonly double _end;

    private Scale(double from, double to, double start, double end, IReadOnlyList<double> ticks) => (_from, _to, _start, _end, Ticks) = (from, to, start, end, ticks);

    /// <summary>Round numbers within the scale.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>A scale that begins and ends at round numbers and holds all the values.</summary>
    /// <param name="values">Finite values, at least one.</param>
    /// <param name="start">Place of the smallest.</param>
    /// <param name="end">Place of the largest.</param>
    /// <param name="marks">About how many numbers to mark.</param>
    /// <param name="whole">Mark whole numbers only.</param>
    public static Scale Around(IReadOnlyCollection<double> values, double start, double end, int marks = 5, bool whole = false)
    {
        var (low, high) = (values.Min(), values.Max());
        if (high - low < 1e-12 * Math.Max(1, Math.Abs(high)))
        {
            var margin = high == 0 ? 1 : Math.Abs(high) * 0.1;
            (low, high) = (low - margin, high + margin);
        }
        var step = Step((high - low) / marks, whole);
        var (first, last) = (Math.Floor(low / step + 1e-9), Math.Ceiling(high / step - 1e-9));
        var ticks = Enumerable.Range(0, (int)(last - first) + 1).Select(i => Clean((first + i) * step, step)).ToList();
        return new(first * step, last * step, start, end, ticks);
    }

    /// <summary>A scale that ends exactly at the given values; marks lie within.</summary>
    public static Scale Between(double low, double high, double start, double end, int marks = 6)
    {
        if (high <= low) (low, high) = (low - 0.5, high + 0.5);
        var step = Step((high - low) / marks, whole: true);
        var ticks = new List<double>();
        for (var tick = Math.Ceiling(low / step); tick * step <= high + 1e-9; tick++) ticks.Add(tick * step);
        return new(low, high, start, end, ticks);
    }

    public double Of(double value) => _start + (value - _from) / (_to - _from) * (_end - _start);

    private static double Step(double raw, bool whole)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = power * (raw / power) switch { < 1.5 => 1, < 3.2 => 2, < 7 => 5, _ => 10 };
        return whole ? Math.Max(1, step) : step;
    }

    // 3 · 0.1 is 0.30000000000000004.
    private static double Clean(double value, double step) => Math.Round(value, Math.Clamp(2 - (int)Math.Floor(Math.Log10(step)), 0, 15));
}
