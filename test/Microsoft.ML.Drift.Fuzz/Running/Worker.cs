namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Reads a range of inputs in this process. Whatever ends the process is told by <see cref="Progress"/> to have been at that input.</summary>
internal sealed class Worker(Reader reader, long seed, Progress progress, string findings)
{
    private const long WorthResetting = 64L << 20;
    private const int MostFindings = 200;

    private readonly HashSet<string> _told = [];
    private int _found;

    /// <summary>Reads the inputs on a thread with the stack that a thread of the pool has.</summary>
    public void Run(string folder, long first, long end, DateTime stopAt)
    {
        reader.Prepare(folder);
        var thread = new Thread(() => ReadAll(first, end, stopAt));
        thread.Start();
        thread.Join();
    }

    private void ReadAll(long first, long end, DateTime stopAt)
    {
        WarmUp(first);
        Usage.ResetPeak();
        for (var index = first; index < end; index++)
        {
            progress.Index = index;
            progress.Started = true;
            Measure(index);
            if (_found >= MostFindings || DateTime.UtcNow > stopAt)
            {
                end = index + 1;
                break;
            }
        }
        progress.Index = end;
    }

    // Compiling and loading are not an input's cost.
    private void WarmUp(long first)
    {
        for (var i = 1; i <= 20; i++)
        {
            try
            {
                reader.Read(reader.Next(FuzzRandom.Of("warm-up", seed, first + i)));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Counted when its turn comes.
            }
        }
    }

    private void Measure(long index)
    {
        var input = reader.Next(FuzzRandom.Of(reader.Name, seed, index));
        var (processorBefore, peakBefore) = Usage.Now();
        try
        {
            reader.Read(input);
            progress.Accepted++;
        }
        catch (Exception error) when (reader.IsPromised(error))
        {
            progress.Refused++;
        }
        catch (Exception error)
        {
            Tell(Finding.Of(reader, seed, index, error));
        }
        var (processorAfter, peakAfter) = Usage.Now();
        var (took, grew) = (processorAfter - processorBefore, peakAfter - peakBefore);
        progress.Slowest = Math.Max(progress.Slowest, (long)took.TotalMicroseconds);
        progress.Largest = Math.Max(progress.Largest, grew);
        if (took > Limits.Processor) Tell(new(reader.Name, seed, index, "Slow", "", $"{took.TotalSeconds:F1} s of processor time; allowed are {Limits.Processor.TotalSeconds} s."));
        if (grew > Limits.Memory) Tell(new(reader.Name, seed, index, "Memory", "", $"{grew >> 20} MB more memory; allowed are {Limits.Memory >> 20} MB."));
        if (grew > WorthResetting) Usage.ResetPeak();
    }

    private void Tell(Finding finding)
    {
        _found++;
        // A bug that every second input meets need not be told a thousand times.
        if (_told.Add(finding.Key) || finding.Kind is "Slow" or "Memory") finding.AppendTo(findings);
    }
}
