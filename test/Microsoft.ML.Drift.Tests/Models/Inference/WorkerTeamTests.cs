using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Models;

public class WorkerTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Run_ManyRounds_DoesEveryPartOnce(int size)
    {
        using var team = new WorkerTeam(size);
        var done = new int[64];
        var work = new Action<int, int>((part, worker) =>
        {
            Assert.InRange(worker, 0, size - 1);
            Interlocked.Increment(ref done[part]);
        });
        var expected = new int[64];
        for (var round = 0; round < 3000; round++)
        {
            var parts = 1 + round % 64;
            for (var part = 0; part < parts; part++) expected[part]++;
            team.Run(parts, work);
            if (round % 1000 == 500) Thread.Sleep(20);   // long enough for the others to fall asleep
        }
        Assert.Equal(expected, done);
    }

    [Fact]
    public void Run_APartThrows_TheCallerGetsItAndTheTeamGoesOn()
    {
        using var team = new WorkerTeam(3);
        Assert.Throws<InvalidOperationException>(() => team.Run(8, (part, _) => { if (part == 5) throw new InvalidOperationException(); }));
        var sum = 0;
        team.Run(8, (part, _) => Interlocked.Add(ref sum, part));
        Assert.Equal(28, sum);
    }
}
