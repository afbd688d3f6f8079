using Microsoft.ML.Drift.CrashTests;

namespace Microsoft.ML.Drift.Tests.Iteration;

/// <summary>A short part of what test/Microsoft.ML.Drift.CrashTests does at length; docs/reliability.md has the long runs' figures.</summary>
public sealed class KilledRunTests : IDisposable
{
    private const string Application = "Microsoft.ML.Drift.Tests";

    private readonly string _folder = Directory.CreateTempSubdirectory("drift-killed-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Run_KilledAtTwentyMoments_LeavesWhatTheUndisturbedRunLeaves()
    {
        Workload.WriteTiny(_folder);
        var outcome = new KillCampaign(_folder, Application, TextWriter.Null).Run(points: 20, terminations: 4, seed: 20261124);

        TestContext.Current.TestOutputHelper?.WriteLine(outcome.ToString());
        Assert.Equal((20, 4), (outcome.Kills, outcome.Terminations));
        Assert.True(outcome.Mismatches.Count == 0, outcome.ToString());
    }

    [Fact]
    public void Run_SecondProcess_IsRefusedAndNamesTheFirst_AndADeadOwnerReleasesTheFolder()
    {
        Workload.WriteTiny(_folder);
        var output = Path.Combine(_folder, "run");
        using var first = new VictimProcess(Workload.PathIn(_folder), output, Application);
        while (!first.Lines.Any(line => line.StartsWith("seed ", StringComparison.Ordinal))) Thread.Sleep(1);
        first.Freeze();

        using (var second = new VictimProcess(Workload.PathIn(_folder), output, Application))
        {
            Assert.Equal(1, second.Wait());
            Assert.Contains($"is in use by process {first.Id} on {Environment.MachineName}, started ", second.Errors);
        }
        first.Kill();
        first.Wait();
        using var third = new VictimProcess(Workload.PathIn(_folder), output, Application);
        Assert.True(third.Wait() == 0, third.Errors);
    }

    [Fact]
    public async Task Soak_AShortPart_IsFlat()
    {
        // In a process of its own, since it counts what the process holds.
        string Beside(string name) => Path.Combine(AppContext.BaseDirectory, name);

        var (exitCode, output) = await Checkout.Dotnet(
            _folder,
            ["exec", "--depsfile", Beside($"{Application}.deps.json"), "--runtimeconfig", Beside("Microsoft.ML.Drift.CrashTests.runtimeconfig.json"), Beside("Microsoft.ML.Drift.CrashTests.dll"), "soak", "--steps", "200", "--rows", "3000"]);

        Assert.True(exitCode == 0, output);
        Assert.Contains("training is flat", output);
        Assert.Contains("sampling is flat", output);
    }
}
