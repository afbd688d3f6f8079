using System.Diagnostics;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>Counts the answers that run or wait, and refuses those for which the queue has no place.</summary>
/// <param name="together">How many answers run at the same time.</param>
/// <param name="queueLength">How many may wait.</param>
internal sealed class AdmissionGate(int together, int queueLength)
{
    private const int LongestRetry = 120;

    private readonly Lock _lock = new();
    private int _answers;
    private double _secondsPerRequest = 1;

    /// <summary>Lets a request in; disposing of its pass lets it out.</summary>
    /// <exception cref="ApiException">There is no place for so many answers, now or ever.</exception>
    public Pass Enter(int answers)
    {
        if (answers > together + queueLength) throw ApiException.BadRequest($"The request asks for {answers} answers; this server holds at most {together + queueLength} at a time.", "n");
        lock (_lock)
        {
            if (_answers + answers > together + queueLength) throw ApiException.Busy(RetryAfter());
            _answers += answers;
        }
        return new(this, answers);
    }

    /// <summary>About when one of the waiting answers will have started: the queue's length at the pace of the last requests.</summary>
    private int RetryAfter() => (int)Math.Clamp(Math.Ceiling(_secondsPerRequest * (_answers - together + 1) / together), 1, LongestRetry);

    private void Leave(int answers, TimeSpan took)
    {
        lock (_lock)
        {
            _answers -= answers;
            _secondsPerRequest += (took.TotalSeconds - _secondsPerRequest) / 8;
        }
    }

    internal sealed class Pass(AdmissionGate gate, int answers) : IDisposable
    {
        private readonly long _since = Stopwatch.GetTimestamp();
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) gate.Leave(answers, Stopwatch.GetElapsedTime(_since));
        }
    }
}
