using System.Diagnostics;
using System.Text;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>What killing gave.</summary>
/// <param name="Points">Kills that hit a living process, by what it was doing.</param>
/// <param name="Terminations">SIGTERM and SIGINT sent to a living process.</param>
/// <param name="Runs">Runs that were killed several times and then finished.</param>
/// <param name="Restarts">Processes started in all.</param>
/// <param name="Mismatches">What differed from the undisturbed run, or went wrong.</param>
/// <param name="Elapsed">Time of all.</param>
internal sealed record KillOutcome(IReadOnlyDictionary<string, int> Points, int Terminations, int Runs, int Restarts, IReadOnlyList<string> Mismatches, TimeSpan Elapsed)
{
    public int Kills => Points.Values.Sum();

    public override string ToString()
    {
        var text = new StringBuilder($"{Kills} kills, {Terminations} SIGTERM/SIGINT, {Runs} runs, {Restarts} processes, {Mismatches.Count} mismatches, {Elapsed.TotalSeconds:F0} s");
        foreach (var (activity, count) in Points.OrderBy(point => point.Key, StringComparer.Ordinal)) text.Append($"\n  killed while {activity,-12} {count}");
        foreach (var mismatch in Mismatches) text.Append($"\n  MISMATCH {mismatch}");
        return text.ToString();
    }
}

/// <summary>
/// Runs a workload undisturbed, then again and again with kills, each run continued by the same command until it ends by itself; what each leaves must be what the undisturbed one
/// left.
/// </summary>
/// <remarks>
/// A kill is planned as an activity and a number of milliseconds: the process is killed so long after it first says that it does this. Activities take turns, moments are random.
/// <c>Preparing</c> is the reference pass.
/// </remarks>
internal sealed class KillCampaign(string folder, string application, TextWriter log)
{
    private const int KillsOfARun = 6;
    private static readonly string[] Activities = ["Sampling", "Preparing", "Training", "Evaluating", "Saving"];
    private const string Anything = "anything";

    private readonly SortedDictionary<string, int> _points = new(StringComparer.Ordinal);
    private readonly List<string> _mismatches = [];
    private int _processes;
    private int _terminations;
    private TimeSpan _usual;

    /// <param name="points">SIGKILLs that must hit.</param>
    /// <param name="terminations">SIGTERMs and SIGINTs, in turns, that must hit as well.</param>
    /// <param name="seed">Decides moments.</param>
    public KillOutcome Run(int points, int terminations, int seed)
    {
        var clock = Stopwatch.StartNew();
        var expected = Undisturbed();
        var random = new Random(seed);
        var runs = 0;
        for (; _points.Values.Sum() < points || _terminations < terminations; runs++)
        {
            var output = Path.Combine(folder, $"run-{runs}");
            var planned = Math.Min(KillsOfARun, points - _points.Values.Sum() + terminations - _terminations);
            var kills = 0;
            // A run may end before its kill: then the next run goes on with the plan.
            while (kills < planned && TryStop(output, random, ask: _terminations < terminations && (_points.Values.Sum() >= points || random.Next(4) == 0))) kills++;
            Finish(output);
            if (RunContents.Differences(expected, RunContents.Of(output)) is { Count: > 0 } differences) _mismatches.Add($"run {runs}: {string.Join(", ", differences)}");
            else Directory.Delete(output, recursive: true);
            if (runs % 5 == 4) log.WriteLine($"{_points.Values.Sum()} kills, {_terminations} terminations, {runs + 1} runs, {_mismatches.Count} mismatches, {clock.Elapsed.TotalSeconds:F0} s");
        }
        return new KillOutcome(_points, _terminations, runs, _processes, _mismatches, clock.Elapsed);
    }

    private SortedDictionary<string, string> Undisturbed()
    {
        var output = Path.Combine(folder, "undisturbed");
        using var victim = Start(output);
        var begun = new TaskCompletionSource();
        victim.Said += line =>
        {
            if (line == "begin") begun.TrySetResult();
        };
        var clock = Stopwatch.StartNew();
        if (Task.WhenAny(begun.Task, Task.Run(victim.Wait)).Result == begun.Task) clock.Restart();
        if (victim.Wait() != 0) throw new InvalidOperationException($"The undisturbed run failed: {victim.Errors}");
        _usual = clock.Elapsed;
        log.WriteLine($"The undisturbed run takes {_usual.TotalSeconds:F1} s.");
        return RunContents.Of(output);
    }

    /// <summary>Starts the run and stops it; false where it ended before.</summary>
    private bool TryStop(string output, Random random, bool ask)
    {
        // What was hit least comes first, so that the moments are spread over all that a run does.
        var wanted = random.Next(3) == 0 ? Anything : Activities.OrderBy(activity => _points.GetValueOrDefault(activity)).ThenBy(_ => random.Next()).First();
        var delay = wanted switch
        {
            "Sampling" or "Training" => random.NextDouble() * 60,
            Anything => random.NextDouble() * _usual.TotalMilliseconds,
            // These are over in a moment on a tiny model.
            _ => random.NextDouble() * 12,
        };
        using var victim = Start(output);
        using var reached = new ManualResetEventSlim();
        victim.Said += line =>
        {
            if (Matches(wanted, line)) reached.Set();
        };
        if (victim.Lines.Any(line => Matches(wanted, line))) reached.Set();
        // What is wanted may be behind this run already, which then ends.
        while (!reached.Wait(20))
            if (victim.HasExited) return Ended(victim);
        Wait(delay);
        if (victim.HasExited) return Ended(victim);
        var during = Activity(victim.LastLine);
        return ask ? Ask(victim, interrupt: _terminations % 2 == 1) : Kill(victim, during);
    }

    private bool Kill(VictimProcess victim, string during)
    {
        victim.Kill();
        if (victim.Wait() == 0) return false;
        _points[during] = _points.GetValueOrDefault(during) + 1;
        return true;
    }

    private bool Ask(VictimProcess victim, bool interrupt)
    {
        victim.Ask(interrupt);
        var code = victim.Wait();
        if (code == 0) return false;
        if (code != Victim.Cancelled) _mismatches.Add($"{(interrupt ? "SIGINT" : "SIGTERM")} gave exit code {code}: {victim.Errors}");
        _terminations++;
        return true;
    }

    private void Finish(string output)
    {
        using var victim = Start(output);
        if (victim.Wait() != 0) _mismatches.Add($"{output} was not finished: {victim.Errors}");
    }

    private bool Ended(VictimProcess victim)
    {
        if (victim.Wait() != 0) _mismatches.Add($"a run failed by itself: {victim.Errors}");
        return false;
    }

    private VictimProcess Start(string output)
    {
        _processes++;
        return new VictimProcess(Workload.PathIn(folder), output, application);
    }

    private static bool Matches(string wanted, string line) => wanted switch
    {
        Anything => line == "begin",
        _ => line.Contains($" {wanted} ", StringComparison.Ordinal),
    };

    private static string Activity(string line) =>
        Activities.FirstOrDefault(activity => line.Contains($" {activity} ", StringComparison.Ordinal)) ?? "Beginning";

    // Thread.Sleep is too coarse for a few milliseconds.
    private static void Wait(double milliseconds)
    {
        var clock = Stopwatch.StartNew();
        if (milliseconds > 30) Thread.Sleep((int)milliseconds - 15);
        while (clock.Elapsed.TotalMilliseconds < milliseconds) Thread.SpinWait(50);
    }
}
