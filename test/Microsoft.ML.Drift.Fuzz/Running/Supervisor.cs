using System.Diagnostics;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>How a reader fared.</summary>
internal sealed record Score(string Reader, long Inputs, long Accepted, long Refused, IReadOnlyList<Finding> Findings, TimeSpan Time, TimeSpan Slowest, long Largest);

/// <summary>Has inputs read by child processes, watches them, and goes on behind an input that ended one.</summary>
internal sealed class Supervisor(long seed, bool recordings, string folder)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    public Score Run(Reader reader, long first, long count, TimeSpan longest)
    {
        var work = Directory.CreateDirectory(Path.Combine(folder, $"{reader.Name}-{Guid.NewGuid():N}")).FullName;
        var clock = Stopwatch.StartNew();
        var findings = Path.Combine(work, "findings.jsonl");
        using var progress = Progress.Create(Path.Combine(work, "progress"));
        try
        {
            progress.Index = first;
            while (progress.Index < first + count && clock.Elapsed < longest)
            {
                progress.Started = false;
                var (reason, detail) = RunWorker(reader, work, progress, first + count, longest - clock.Elapsed);
                if (reason is null) break;
                if (!progress.Started) throw new InvalidOperationException($"The worker of {reader.Name} ended before its first input: {detail}");
                new Finding(reader.Name, seed, progress.Index, reason, "", detail).AppendTo(findings);
                progress.Index++;
            }
            return new(reader.Name, progress.Index - first, progress.Accepted, progress.Refused, Finding.ReadAll(findings), clock.Elapsed,
                TimeSpan.FromMicroseconds(progress.Slowest), progress.Largest);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Nothing if the worker came to its end, else what ended it.</summary>
    private (string? Reason, string Detail) RunWorker(Reader reader, string work, Progress progress, long end, TimeSpan longest)
    {
        string[] arguments =
        [
            .. Environment.ProcessPath is { } program && Path.GetFileNameWithoutExtension(program) == "dotnet" ? Hosted() : [],
            "worker", reader.Name, "--work", work, "--first", $"{progress.Index}", "--end", $"{end}", "--seed", $"{seed}", "--seconds", $"{Math.Ceiling(longest.TotalSeconds)}",
            .. recordings ? Array.Empty<string>() : ["--no-recordings"],
        ];
        using var worker = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = worker.StandardError.ReadToEndAsync();
        var output = worker.StandardOutput.ReadToEndAsync();
        var reason = Watch(worker, progress);
        worker.WaitForExit();
        if (reason is null && worker.ExitCode == 0) return (null, "");
        var text = error.Result + output.Result;
        return (reason ?? (text.Contains("Stack overflow", StringComparison.Ordinal) ? "StackOverflow" : $"Crash, exit code {worker.ExitCode}"), text.Length > 4000 ? text[..4000] : text);
    }

    // Under the test host the packages are those of the tests.
    private static string[] Hosted()
    {
        var program = typeof(Supervisor).Assembly.Location;
        var packages = ((string?)AppContext.GetData("APP_CONTEXT_DEPS_FILES") ?? Path.ChangeExtension(program, ".deps.json")).Split(';')[0];
        return ["exec", "--depsfile", packages, "--runtimeconfig", Path.ChangeExtension(program, ".runtimeconfig.json"), program];
    }

    private static string? Watch(Process worker, Progress progress)
    {
        var (index, since, processor) = (-1L, Stopwatch.StartNew(), TimeSpan.Zero);
        while (!worker.WaitForExit(Poll))
        {
            var used = worker.HasExited ? processor : worker.TotalProcessorTime;
            if (progress.Index != index || !progress.Started)
            {
                (index, processor) = (progress.Index, used);
                since.Restart();
            }
            if (used - processor < Limits.Hang && since.Elapsed < Limits.Stuck) continue;
            worker.Kill();
            return "Hang";
        }
        return null;
    }
}
