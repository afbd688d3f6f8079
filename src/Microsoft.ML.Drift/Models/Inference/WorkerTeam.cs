using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Threads that share the parts of one piece of work, hundreds of times per token: they wait for the next piece spinning, and sleep once there has been
/// none for a while. The calling thread works too.
/// </summary>
internal sealed class WorkerTeam : IDisposable
{
    // A forward pass hands out a piece every few microseconds; between two passes tokens are drawn, which takes longer.
    private const int SpinsBeforeSleep = 30_000;
    private const int PartBits = 20;
    private const long PartMask = (1 << PartBits) - 1;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);

    // [round | number of parts | next part]: one atomic word, so that a thread that comes late can never take a part of another round.
    private long _ticket;
    private int _done, _sleeping;
    private volatile bool _stopped;
    private Action<int, int> _work = (_, _) => { };
    private ExceptionDispatchInfo? _failure;

    /// <param name="size">Threads that work, the caller included; at least 1.</param>
    public WorkerTeam(int size)
    {
        Size = Math.Max(1, size);
        _threads = new Thread[Size - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"Drift inference {worker}" };
            _threads[i].Start();
        }
    }

    public int Size { get; }

    /// <summary>Does all parts and returns when the last one is done. Which thread does which part is chance.</summary>
    /// <param name="parts">Their number, less than 2²⁰.</param>
    /// <param name="work">Takes the part's number and the thread's, 0 to <see cref="Size"/> − 1.</param>
    public void Run(int parts, Action<int, int> work)
    {
        if (parts == 1 || _threads.Length == 0)
        {
            for (var part = 0; part < parts; part++) work(part, 0);
            return;
        }
        (_work, _done) = (work, 0);
        var round = ((Volatile.Read(ref _ticket) >> (2 * PartBits)) + 1) & 0x3FFFFF;
        Interlocked.Exchange(ref _ticket, (round << (2 * PartBits)) | ((long)parts << PartBits));
        if (Volatile.Read(ref _sleeping) > 0) _wake.Release(_threads.Length);
        TakeParts(0);
        var spinner = new SpinWait();
        // The others finish their last part within microseconds, unless the machine took their core away: then it should have this one.
        while (Volatile.Read(ref _done) < parts) spinner.SpinOnce(sleep1Threshold: -1);
        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    public void Dispose()
    {
        _stopped = true;
        _wake.Release(_threads.Length + 1);
        foreach (var thread in _threads) thread.Join();
        _wake.Dispose();
    }

    private void Serve(int worker)
    {
        long seen = 0;
        while (true)
        {
            var waited = 0;
            while (Volatile.Read(ref _ticket) >> (2 * PartBits) is var round && round == seen)
            {
                if (_stopped) return;
                if (++waited < SpinsBeforeSleep) Thread.SpinWait(1);
                else Sleep(seen);
            }
            seen = Volatile.Read(ref _ticket) >> (2 * PartBits);
            TakeParts(worker);
        }
    }

    private void Sleep(long seen)
    {
        Interlocked.Increment(ref _sleeping);
        // Whoever hands out a round after this check sees that someone sleeps.
        if (Volatile.Read(ref _ticket) >> (2 * PartBits) == seen && !_stopped) _wake.Wait();
        Interlocked.Decrement(ref _sleeping);
    }

    private void TakeParts(int worker)
    {
        while (true)
        {
            var ticket = Volatile.Read(ref _ticket);
            if ((ticket & PartMask) >= ((ticket >> PartBits) & PartMask)) return;
            ticket = Interlocked.Increment(ref _ticket) - 1;
            var (part, parts) = ((int)(ticket & PartMask), (int)((ticket >> PartBits) & PartMask));
            if (part >= parts) return;
            try
            {
                _work(part, worker);
            }
            catch (Exception e)
            {
                _failure = ExceptionDispatchInfo.Capture(e);
            }
            Interlocked.Increment(ref _done);
        }
    }
}
