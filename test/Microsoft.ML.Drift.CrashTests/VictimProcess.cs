using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>A run in a process of its own, watched by what it says.</summary>
internal sealed partial class VictimProcess : IDisposable
{
    private const int Terminate = 15;
    private const int Interrupt = 2;
    private const int Stop = 19;

    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private string _errors = "";

    /// <param name="workloadFile">What to run.</param>
    /// <param name="output">Its run folder.</param>
    /// <param name="application">The name of the program whose dependencies the process gets: this one, or the tests that hold it.</param>
    public VictimProcess(string workloadFile, string output, string application)
    {
        string[] arguments =
        [
            "exec", "--depsfile", Beside($"{application}.deps.json"), "--runtimeconfig", Beside("Microsoft.ML.Drift.CrashTests.runtimeconfig.json"),
            Beside("Microsoft.ML.Drift.CrashTests.dll"), "run", workloadFile, output,
        ];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["MKL_NUM_THREADS"] = "1";
        _process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        _process.OutputDataReceived += (_, line) => Hear(line.Data);
        _process.ErrorDataReceived += (_, line) => _errors += line.Data is null ? "" : line.Data + "\n";
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Called with every line, on another thread.</summary>
    public event Action<string>? Said;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Errors => _errors;

    /// <summary>What it said last.</summary>
    public string LastLine
    {
        get
        {
            lock (_gate) return _lines.Count == 0 ? "start" : _lines[^1];
        }
    }

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate) return [.. _lines];
        }
    }

    /// <summary>SIGKILL: no handler runs, nothing is flushed.</summary>
    public void Kill()
    {
        if (!_process.HasExited) _process.Kill();
    }

    /// <summary>SIGTERM or SIGINT: the program is asked to stop.</summary>
    public void Ask(bool interrupt)
    {
        if (!_process.HasExited) _ = Signal(_process.Id, interrupt ? Interrupt : Terminate);
    }

    /// <summary>SIGSTOP: it stays, and does nothing.</summary>
    public void Freeze() => _ = Signal(_process.Id, Stop);

    /// <summary>The exit code.</summary>
    public int Wait()
    {
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null) return;
        lock (_gate) _lines.Add(line);
        Said?.Invoke(line);
    }

    private static string Beside(string name) => Path.Combine(AppContext.BaseDirectory, name);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
