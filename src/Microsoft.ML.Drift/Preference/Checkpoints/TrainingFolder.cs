using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

/// <summary>A training kept on disk, so that it can be stopped at any moment and continued bit for bit.</summary>
/// <remarks>
/// <code>
/// metrics.jsonl             one line for each optimizer step and evaluation
/// reference/                what the reference thinks of each pair, computed once, before the first step; reference.part.jsonl until all of it is
/// checkpoints/step-000040/  the training after step 40: weights, optimizer, all that is counted along
/// </code>
/// Order of rows and learning rate are functions of step and settings; there is no other generator. Metrics after the last checkpoint are cut off when a run
/// continues, since their steps are made again.
/// </remarks>
/// <param name="path">The folder; its owner must hold its lock.</param>
/// <param name="identity">What decides the training.</param>
/// <param name="options">When to save, and who is told.</param>
/// <param name="scores">Another file of that folder to which steps add lines; null for none.</param>
internal sealed class TrainingFolder(string path, RunIdentity identity, TrainingOptions options, StepLog? scores = null) : IDisposable
{
    /// <summary>What only such a folder holds.</summary>
    private static readonly IReadOnlyList<string> Traces = ["reference", "checkpoints"];

    private const string StepPrefix = "step-";

    private readonly string _key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity.ToJson().ToJsonString())));
    private readonly CheckpointSchedule _schedule = options.Checkpoints ?? new();
    private readonly Stopwatch _sinceLast = new();
    private MetricsFile? _metrics;
    private (int Step, bool EvaluationIsDue)? _saved;
    private OwnedFolder? _owner;

    /// <summary>The run folder of a training that stands alone; null where the options name none.</summary>
    /// <inheritdoc cref="OwnedFolder.Open"/>
    public static TrainingFolder? Open(TrainingOptions options, Func<RunIdentity> identity)
    {
        if (options.RunFolder is not { } path) return null;
        var what = identity();
        var owner = OwnedFolder.Open(path, what, options.Restart, Traces);
        if (owner.MovedAside is { } moved) options.Notices?.Report($"The training that was in {owner.Path} is now in {moved}.");
        return new TrainingFolder(owner.Path, what, options) { _owner = owner };
    }

    public void Dispose() => _owner?.Dispose();

    private string Metrics => Path.Combine(path, "metrics.jsonl");

    private string Reference => Path.Combine(path, "reference");

    private string Checkpoints => Path.Combine(path, "checkpoints");

    /// <summary>What the loop must report to: the file first, then whoever else listens.</summary>
    public IProgress<TrainingRecord> Watched => new Relay(record =>
    {
        if (!record.IsEvaluation) scores?.Commit();
        _metrics!.Report(record);
        options.Progress?.Report(record);
    });

    /// <summary>Runs a training from where the folder has it to its end.</summary>
    /// <param name="loop">The training, at its start.</param>
    /// <param name="trained">Its model.</param>
    /// <returns>All that was logged, by earlier processes too.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the last finished step is saved.</exception>
    /// <exception cref="TrainingDivergedException">Its message names the last checkpoint.</exception>
    public TrainingHistory Run(TrainingLoop loop, Models.Decoder trained)
    {
        var weights = trained.TrainableTensors.ToList();
        var lengths = Restore(loop, weights);
        using var metrics = _metrics = MetricsFile.Continue(Metrics, lengths.GetValueOrDefault(Path.GetFileName(Metrics)));
        scores?.Continue(lengths.GetValueOrDefault(Path.GetFileName(scores.Path)));
        var earlier = metrics.Length == 0 ? [] : MetricsFile.Read(Metrics).Records;
        foreach (var record in earlier) options.Progress?.Report(record);
        _sinceLast.Restart();
        loop.StepFinished = () =>
        {
            if (loop.Step < loop.TotalSteps && _schedule.IsDue(loop.Step, _sinceLast.Elapsed)) Save(loop, weights);
        };
        try
        {
            Prepare(loop);
            loop.Run(options.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            if (loop.Step > 0) Save(loop, weights);
            throw;
        }
        catch (TrainingDivergedException error)
        {
            throw error.After(Newest().FirstOrDefault());
        }
        Save(loop, weights);
        return new TrainingHistory([.. earlier, .. loop.History.Records]);
    }

    /// <summary>Removes what only a training that is not finished needs.</summary>
    public static void RemoveCheckpoints(string path)
    {
        var checkpoints = Path.Combine(path, "checkpoints");
        if (Directory.Exists(checkpoints)) DurableFolder.Remove(checkpoints);
    }

    /// <summary>Computes the reference log-probs, or takes those of an earlier process.</summary>
    private void Prepare(TrainingLoop loop)
    {
        var journal = Path.Combine(path, "reference.part.jsonl");
        if (!loop.IsPrepared) Compute(loop, journal);
        File.Delete(journal);
    }

    private void Compute(TrainingLoop loop, string journalFile)
    {
        using (var journal = new ReferenceJournal(journalFile, _key))
        {
            loop.ReferenceJournal = journal;
            loop.Run(options.CancellationToken, until: 0);
            loop.ReferenceJournal = null;
        }
        using var state = loop.Save(copy: false);
        TrainingCheckpoint.Write(Reference, _key, state, [], new Dictionary<string, FileSeal>());
    }

    private void Save(TrainingLoop loop, IReadOnlyList<ParameterSlice> weights)
    {
        if ((loop.Step, loop.EvaluationIsDue) == _saved) return;
        var folder = Path.Combine(Checkpoints, StepPrefix + loop.Step.ToString("D6", CultureInfo.InvariantCulture));
        using (var state = loop.Save(copy: false, withOptimizer: loop.Step < loop.TotalSteps))
            TrainingCheckpoint.Write(folder, _key, state, weights, Logs().ToDictionary(log => Path.GetFileName(log.Path), log => FileSeal.Of(log.Path, log.Length)));
        _saved = (loop.Step, loop.EvaluationIsDue);
        _sinceLast.Restart();
        foreach (var old in Newest().Skip(_schedule.Keep)) DurableFolder.Remove(old);
    }

    /// <summary>Continues from the newest state that is whole.</summary>
    /// <returns>Bytes of each log that belong to it.</returns>
    private IReadOnlyDictionary<string, long> Restore(TrainingLoop loop, IReadOnlyList<ParameterSlice> weights)
    {
        var damaged = new List<string>();
        foreach (var candidate in Newest().Append(Reference).Where(Directory.Exists))
        {
            TrainingState state;
            IReadOnlyDictionary<string, long> lengths;
            try
            {
                (state, lengths) = TrainingCheckpoint.Read(candidate, _key, path, weights);
            }
            catch (InvalidDataException error)
            {
                options.Notices?.Report($"{candidate} cannot be used: {error.Message}");
                damaged.Add(candidate);
                continue;
            }
            using (state) loop.Load(state);
            _saved = (loop.Step, loop.EvaluationIsDue);
            Tell(damaged, loop.Step == 0 ? "from its first step" : $"after step {loop.Step}");
            foreach (var useless in damaged) DurableFolder.Remove(useless);
            return lengths;
        }
        if (damaged.Count > 0) Tell(damaged, "from its start");
        foreach (var useless in damaged) DurableFolder.Remove(useless);
        return new Dictionary<string, long>();
    }

    private IEnumerable<(string Path, long Length)> Logs() => scores is null ? [(Metrics, _metrics!.Length)] : [(Metrics, _metrics!.Length), (scores.Path, scores.Length)];

    private void Tell(List<string> damaged, string where)
    {
        if (damaged.Count > 0) options.Notices?.Report($"{path}: the training falls back to the last good state and continues {where}.");
        else if (_saved is { Step: > 0 }) options.Notices?.Report($"{path}: the training continues {where}.");
    }

    private IEnumerable<string> Newest() => !Directory.Exists(Checkpoints)
        ? []
        : Directory.GetDirectories(Checkpoints, StepPrefix + "*").OrderByDescending(StepOf);

    private static int StepOf(string folder) => int.TryParse(Path.GetFileName(folder)[StepPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1;

    private sealed class Relay(Action<TrainingRecord> report) : IProgress<TrainingRecord>
    {
        public void Report(TrainingRecord value) => report(value);
    }
}
