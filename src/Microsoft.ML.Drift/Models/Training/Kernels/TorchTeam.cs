using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>Runs parts of our own kernels on libtorch's threads.</summary>
/// <remarks>
/// libtorch's OpenMP threads spin for a while after each operation, waiting for the next one. Threads of ours would share the cores with them; so our parts are handed to the same team,
/// through the entry point that compiled OpenMP code calls. Where there is none (other operating systems), .NET's pool does the work.
/// </remarks>
internal static unsafe class TorchTeam
{
    private static readonly delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void> s_parallel = FindEntryPoint();

    /// <summary>Does all parts and returns when the last one is done. Which thread does which part is chance, so a part's result must not depend on it.</summary>
    /// <param name="parts">Their number.</param>
    /// <param name="work">Takes the part's number.</param>
    public static void Run(int parts, Action<int> work) => Run(parts, torch.get_num_threads(), (part, _) => work(part));

    /// <inheritdoc cref="Run(int, Action{int})"/>
    /// <param name="parts">Their number.</param>
    /// <param name="threads">The most threads that work.</param>
    /// <param name="work">Takes the part's number and the thread's, which is below <paramref name="threads"/>.</param>
    public static void Run(int parts, int threads, Action<int, int> work)
    {
        threads = Math.Min(parts, threads);
        if (threads <= 1)
        {
            for (var part = 0; part < parts; part++) work(part, 0);
            return;
        }
        var round = new Round(parts, work);
        if (s_parallel is null)
        {
            Parallel.For(0, threads, _ => round.TakeParts());
        }
        else
        {
            var handle = GCHandle.Alloc(round);
            s_parallel(&Enter, GCHandle.ToIntPtr(handle), (uint)threads, 0);
            handle.Free();
        }
        round.Failure?.Throw();
    }

    /// <summary>As <see cref="Run(int, Action{int})"/> over ranges of rows.</summary>
    /// <param name="rows">Their number.</param>
    /// <param name="rowsPerPart">Rows of a part; the last one may have fewer.</param>
    /// <param name="work">Takes the first row and the row after the last.</param>
    public static void RunRows(long rows, long rowsPerPart, Action<long, long> work) =>
        Run((int)((rows + rowsPerPart - 1) / rowsPerPart), part => work(part * rowsPerPart, Math.Min(rows, (part + 1) * rowsPerPart)));

    [UnmanagedCallersOnly]
    private static void Enter(nint round) => ((Round)GCHandle.FromIntPtr(round).Target!).TakeParts();

    private static delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void> FindEntryPoint()
    {
        TorchRuntime.EnsureLoaded();
        // A symbol is looked up in the library and in those it depends on, so this is the OpenMP that libtorch itself uses.
        var found = OperatingSystem.IsLinux() && NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, null, out var library)
            && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var address) ? address : 0;
        return (delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void>)found;
    }

    private sealed class Round(int parts, Action<int, int> work)
    {
        private int _next = -1;
        private int _workers = -1;
        private ExceptionDispatchInfo? _failure;

        public ExceptionDispatchInfo? Failure => _failure;

        public void TakeParts()
        {
            var worker = Interlocked.Increment(ref _workers);
            for (var part = Interlocked.Increment(ref _next); part < parts; part = Interlocked.Increment(ref _next))
            {
                try
                {
                    work(part, worker);
                }
                catch (Exception e)
                {
                    // No exception may pass through native frames.
                    _failure = ExceptionDispatchInfo.Capture(e);
                }
            }
        }
    }
}
