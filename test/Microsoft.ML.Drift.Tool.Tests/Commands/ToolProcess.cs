using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

/// <summary>The tool as a process of its own, and the signals that a terminal or a service manager sends it.</summary>
internal static partial class ToolProcess
{
    public const int Interrupt = 2;
    public const int Terminate = 15;

    public static Process Start(string[] command, params (string Name, string Value)[] environment)
    {
        string Beside(string name) => Path.Combine(AppContext.BaseDirectory, name);
        var start = new ProcessStartInfo("dotnet", ["exec", "--depsfile", Beside("Microsoft.ML.Drift.Tool.Tests.deps.json"), "--runtimeconfig", Beside("drift.runtimeconfig.json"), Beside("drift.dll"), .. command])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static void Send(Process process, int signal) => _ = Kill(process.Id, signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
