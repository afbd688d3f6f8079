using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Models;

public class TorchTeamTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void Run_Parts_AreEachDoneOnce(int parts)
    {
        var done = new int[parts];
        TorchTeam.Run(parts, part => Interlocked.Increment(ref done[part]));
        Assert.All(done, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Run_Threads_HaveNumbersBelowTheirCount()
    {
        var workers = new int[500];
        TorchTeam.Run(workers.Length, threads: 2, (part, worker) => workers[part] = worker);
        Assert.All(workers, worker => Assert.InRange(worker, 0, 1));
    }

    [Fact]
    public void RunRows_Rows_AreCutIntoNeighbouringPieces()
    {
        var pieces = new (long, long)[3];
        TorchTeam.RunRows(rows: 25, rowsPerPart: 10, (first, end) => pieces[first / 10] = (first, end));
        Assert.Equal([(0, 10), (10, 20), (20, 25)], pieces);
    }

    [Fact]
    public void Run_PartThatThrows_ThrowsToTheCallerAndLeavesTheTeamUsable()
    {
        // An exception that left a native frame would end the process.
        var thrown = Assert.Throws<InvalidOperationException>(() => TorchTeam.Run(100, part => _ = part == 37 ? throw new InvalidOperationException("part 37") : part));
        Assert.Equal("part 37", thrown.Message);
        var sum = 0;
        TorchTeam.Run(100, part => Interlocked.Add(ref sum, part));
        Assert.Equal(4950, sum);
    }

    [Fact]
    public async Task Run_FromSeveralThreadsDuringCollections_KeepsTheirPartsApart()
    {
        using var stop = new CancellationTokenSource();
        var collector = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) GC.Collect();
        }, TestContext.Current.CancellationToken);
        var runs = Enumerable.Range(0, 4).Select(number => Task.Run(() =>
        {
            for (var round = 0; round < 50; round++)
            {
                long sum = 0;
                TorchTeam.Run(64, part => Interlocked.Add(ref sum, new object().GetHashCode() == 0 ? 0 : number * 64 + part));
                Assert.Equal(64L * (number * 64) + 2016, sum);
            }
        }, TestContext.Current.CancellationToken));
        await Task.WhenAll(runs);
        await stop.CancelAsync();
        await collector;
    }
}
