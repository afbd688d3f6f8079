using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>The thread that makes tokens for the rows of a <see cref="GenerationService"/>: it takes rows from the queue, and sleeps while there are none.</summary>
internal sealed class GenerationLoop : IDisposable
{
    private readonly Decoder _decoder;
    private readonly GenerationBatching _batching;
    private readonly WeightPrecision _weights;
    private readonly Thread _thread;
    private readonly LinkedList<ServedRow> _queue = new();
    private bool _disposed;
    private int _running;
    private long _generatedTokens;

    public GenerationLoop(Decoder decoder, GenerationBatching batching, WeightPrecision weights)
    {
        (_decoder, _batching, _weights) = (decoder, batching, weights);
        _thread = new Thread(Run) { IsBackground = true, Name = "Drift generation" };
        _thread.Start();
    }

    public int Running => Volatile.Read(ref _running);

    public long GeneratedTokens => Interlocked.Read(ref _generatedTokens);

    public int Waiting
    {
        get
        {
            lock (_queue) return _queue.Count;
        }
    }

    /// <exception cref="ObjectDisposedException">The service was disposed of.</exception>
    public void Add(ServedRow row)
    {
        lock (_queue)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(GenerationService));
            _queue.AddLast(row);
            Monitor.Pulse(_queue);
        }
    }

    public void Dispose()
    {
        lock (_queue)
        {
            if (_disposed) return;
            _disposed = true;
            Monitor.Pulse(_queue);
        }
        _thread.Join();
    }

    private void Run()
    {
        var batch = RunningBatch.Create(_decoder, _batching, _weights);
        try
        {
            while (WaitForWork(batch))
            {
                try
                {
                    Step(batch);
                }
                catch (Exception error)
                {
                    // The rows of this step are lost, the service is not: the next ones get a batch of their own.
                    foreach (var row in batch.Rows.Cast<ServedRow>()) row.Fail(error);
                    batch.Dispose();
                    batch = RunningBatch.Create(_decoder, _batching, _weights);
                }
                Volatile.Write(ref _running, batch.Count);
            }
            foreach (var row in batch.Rows.Cast<ServedRow>().Concat(_queue)) row.GiveUp();
        }
        finally
        {
            batch.Dispose();
        }
    }

    /// <summary>Sleeps until there is a row; false when the service ends.</summary>
    private bool WaitForWork(RunningBatch batch)
    {
        lock (_queue)
        {
            while (!_disposed && batch.Count == 0 && _queue.Count == 0) Monitor.Wait(_queue);
            return !_disposed;
        }
    }

    private void Step(RunningBatch batch)
    {
        batch.RemoveDone();
        AddTo(batch);
        if (batch.Count > 0) Interlocked.Add(ref _generatedTokens, batch.Step());
        batch.RemoveDone();
    }

    /// <summary>Takes the rows from the queue's head that fit next to the running ones. None overtakes another, so that a long one is not kept waiting for ever.</summary>
    private void AddTo(RunningBatch batch)
    {
        lock (_queue)
        {
            while (_queue.First is { Value: var row } && (row.IsDone || batch.TryAdd(row))) _queue.RemoveFirst();
            // Counted here, so that a row is never seen neither waiting nor running, and is running before its first token is out.
            Volatile.Write(ref _running, batch.Count);
        }
    }
}
