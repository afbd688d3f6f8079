namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// The mean of the batch means seen so far: BCO's δ (arXiv 2404.04656, section 4). A batch counts once, whatever its size.
/// </summary>
internal sealed class RunningMean
{
    public RunningMean(double value = 0, long count = 0) => (Value, Count) = (value, count);

    public double Value { get; private set; }

    /// <summary>How many batches the mean has seen; part of the state a resumed run needs.</summary>
    public long Count { get; private set; }

    public RunningMean Copy() => new(Value, Count);

    public void Add(double batchMean)
    {
        Count++;
        Value += (batchMean - Value) / Count;
    }
}
