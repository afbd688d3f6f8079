using System.Diagnostics;
using Microsoft.ML.Drift.CrashTests;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Generation;
using TorchSharp;

namespace Microsoft.ML.Drift.Tests.Iteration;

/// <summary>Full disks, folders that cannot be written, files that were removed or changed: a clear error, nothing else damaged, and after the repair the run ends as if nothing had been.</summary>
public sealed class DamagedRunTests : IDisposable
{
    private static readonly IDataView Rows = TinyPolicy.View(TinyPolicy.Complaints(12));

    private readonly string _folder = Directory.CreateTempSubdirectory("drift-damage-").FullName;
    private readonly MLContext _ml = new(1);
    private readonly CausalLM _policy;
    private readonly List<string> _notices = [];

    public DamagedRunTests()
    {
        torch.set_num_threads(1);
        _policy = TinyPolicy.Create();
    }

    public void Dispose()
    {
        _policy.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Output => Path.Combine(_folder, "run");

    private DriftIterationEstimator.Options Options => new()
    {
        NumberOfIterations = 2, NumberOfHeldOutRows = 2, Sampling = TinyPolicy.Options, RunFolder = Output, Notices = new Callback<string>(_notices.Add),
        Training = new DpoTrainer.Options { BatchSize = 4, LearningRate = 1e-3, WarmupRatio = 0, Optimizer = OptimizerType.AdamW, Checkpoints = new() { EverySteps = 1 } },
    };

    [Fact]
    public void Run_DiskFullAtManyPlaces_SaysSoAndContinuesWhenThereIsRoom()
    {
        var expected = Whole();
        using var disk = Disk.Mount(_folder);
        var failures = new List<string>();
        // Each time a little more room, until the run gets through.
        for (var kilobytes = 4; ; kilobytes = kilobytes * 5 / 4 + 4)
        {
            disk.Resize(kilobytes);
            if (Record.Exception(() => Run(Options with { RunFolder = disk.Path("run") })) is not { } error) break;
            Assert.IsAssignableFrom<IOException>(error);
            failures.Add(error.Message);
            Assert.True(failures.Count < 60);
        }

        Assert.True(failures.Count > 5, string.Join('\n', failures));
        Assert.All(failures, message => Assert.Contains("No space left on device", message));
        Assert.Empty(RunContents.Differences(expected, RunContents.Of(disk.Path("run"))));
    }

    [Fact]
    public void Run_ReadOnlyFolder_SaysSoAndContinuesWhenItCanBeWritten()
    {
        var expected = Whole();
        using var disk = Disk.Mount(_folder);
        disk.Resize(20_000);
        StopIn("iter1", DriftActivity.Training, disk.Path("run"));
        disk.Protect(true);

        Assert.Contains("Read-only file system", Assert.ThrowsAny<IOException>(() => Run(Options with { RunFolder = disk.Path("run") })).Message);

        disk.Protect(false);
        Run(Options with { RunFolder = disk.Path("run") });
        Assert.Empty(RunContents.Differences(expected, RunContents.Of(disk.Path("run"))));
    }

    [Theory]
    [InlineData("metrics.jsonl")]
    [InlineData("scores.train.jsonl")]
    [InlineData("samples.jsonl")]
    [InlineData("pairs.train.jsonl")]
    [InlineData("stage.json")]
    public void Run_FileThatCannotBeWritten_IsNamedAndMadeWhenItCan(string name)
    {
        var expected = Whole();
        var obstacle = Path.Combine(Output, "iter1", name);
        Directory.CreateDirectory(obstacle);
        var other = Options with { RunFolder = Output };
        Assert.Contains("holds iter1 but no run.json", Assert.Throws<InvalidDataException>(() => Run(other)).Message);
        Directory.Delete(Output, recursive: true);
        StopIn("iter1", DriftActivity.Sampling, Output);
        File.Delete(obstacle);
        Directory.CreateDirectory(obstacle);

        var error = Assert.ThrowsAny<SystemException>(() => Run(other));
        Assert.True(error is IOException or UnauthorizedAccessException, error.ToString());
        Assert.Contains(name, error.Message);

        Directory.Delete(obstacle);
        Run(other);
        Assert.Empty(RunContents.Differences(expected, RunContents.Of(Output)));
    }

    [Theory]
    [InlineData("iter1/model/model.safetensors")]
    [InlineData("iter1/metrics.jsonl")]
    [InlineData("iter1/pairs.test.jsonl")]
    [InlineData("iter1/stage.json")]
    public void Run_FileOfAFinishedStageChangedOrRemoved_IsNamed_AndTheStageIsMadeAgainWhenItsFolderIsRemoved(string name)
    {
        var expected = Whole();
        StopIn("iter2", DriftActivity.Training, Output);
        var file = Path.Combine(Output, name);
        var before = File.ReadAllBytes(file);
        var changed = (byte[])before.Clone();
        changed[before.Length / 2] ^= 1;

        File.WriteAllBytes(file, changed);
        var error = Assert.Throws<InvalidDataException>(() => Run(Options));
        Assert.Contains("Stage iter1 was finished, but", error.Message);
        Assert.Contains(Path.GetFileName(name), error.Message);
        File.Delete(file);
        Assert.Contains(Path.GetFileName(name), Assert.Throws<InvalidDataException>(() => Run(Options)).Message);

        foreach (var stage in new[] { "iter1", "iter2" }) Directory.Delete(Path.Combine(Output, stage), recursive: true);
        Run(Options);
        Assert.Empty(RunContents.Differences(expected, RunContents.Of(Output)));
    }

    [Fact]
    public void Run_CheckpointWithAFlippedBit_FallsBackAndSaysSo()
    {
        var expected = Whole();
        StopIn("iter2", DriftActivity.Evaluating, Output);
        var newest = Directory.GetDirectories(Path.Combine(Output, "iter2", "checkpoints")).Max(StringComparer.Ordinal)!;
        var file = Path.Combine(newest, "state.safetensors");
        var bytes = File.ReadAllBytes(file);
        bytes[^5] ^= 0x10;
        File.WriteAllBytes(file, bytes);

        Run(Options);

        Assert.Contains(_notices, notice => notice.Contains($"{newest} cannot be used: {file} was changed", StringComparison.Ordinal));
        Assert.Contains(_notices, notice => notice.Contains("falls back to the last good state", StringComparison.Ordinal));
        Assert.Empty(RunContents.Differences(expected, RunContents.Of(Output)));
    }

    [Fact]
    public void Run_LeftoversOfAKilledProcess_AreSweptAway()
    {
        StopIn("iter1", DriftActivity.Training, Output);
        File.WriteAllText(Path.Combine(Output, "iter1", ".pairs.train.jsonl.0123.tmp"), "half");
        Directory.CreateDirectory(Path.Combine(Output, "iter1", "checkpoints", ".step-000002.0123.tmp"));

        Run(Options);

        Assert.DoesNotContain(Directory.GetFileSystemEntries(Output, "*", SearchOption.AllDirectories), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    private SortedDictionary<string, string> Whole()
    {
        var folder = Path.Combine(_folder, "whole");
        Run(Options with { RunFolder = folder });
        return RunContents.Of(folder);
    }

    private void Run(DriftIterationEstimator.Options options) => _ml.Drift().Trainers.Drift(_policy, options).Run(Rows).Transformer.Model.Dispose();

    private void StopIn(string stage, DriftActivity activity, string folder)
    {
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Run(Options with
        {
            RunFolder = folder,
            CancellationToken = cancel.Token,
            Progress = new Callback<DriftProgress>(progress =>
            {
                if (progress.Stage == stage && progress.Activity == activity) cancel.Cancel();
            }),
        }));
    }

    private sealed class Callback<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }

    /// <summary>A small disk in memory, which only root can make.</summary>
    private sealed class Disk(string place) : IDisposable
    {
        public static Disk Mount(string folder)
        {
            var place = Directory.CreateDirectory(System.IO.Path.Combine(folder, "disk")).FullName;
            if (!OperatingSystem.IsLinux() || !Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)) Assert.Skip("Making a small disk needs Linux and root.");
            return new Disk(place);
        }

        public string Path(string name) => System.IO.Path.Combine(place, name);

        public void Resize(int kilobytes) => Assert.True(Command("mount", "-o", $"remount,size={kilobytes}k", place));

        public void Protect(bool readOnly) => Assert.True(Command("mount", "-o", readOnly ? "remount,ro" : "remount,rw", place));

        public void Dispose() => Command("umount", place);

        private static bool Command(string program, params string[] arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
