using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using TorchSharp;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>A long training and a long sampling on a tiny model, with run folder and journal: what they hold must not grow, and they must not slow down.</summary>
internal static class Soak
{
    // A training keeps its history, a sampling its rows: some hundred bytes to two kilobytes each, which are theirs to keep.
    private const double BytesKeptOfAStep = 4096;
    private const double BytesKeptOfARow = 4096;
    private const int Measurements = 40;

    /// <summary>Runs both, or the one whose number is not 0; true where nothing grows.</summary>
    public static bool Run(int steps, int rows, TextWriter log)
    {
        torch.set_num_threads(1);
        var folder = Directory.CreateTempSubdirectory("drift-soak-").FullName;
        try
        {
            using var model = TinyModel.Create();
            var isFlat = steps == 0 || Judge("training", "step", Train(model, steps, Path.Combine(folder, "training")), BytesKeptOfAStep, log);
            return (rows == 0 || Judge("sampling", "row", Sample(model, rows, Path.Combine(folder, "samples.jsonl")), BytesKeptOfARow, log)) && isFlat;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<Measurement> Train(CausalLM model, int steps, string folder)
    {
        var context = new MLContext(1);
        var pairs = context.Data.LoadFromEnumerable(Enumerable.Range(0, 64).Select(row => new Pair(
            $"row {row}", $"question {Letter(row)}", new string(Letter(row), 2 + row % 12), new string(Letter(row + 9), 1 + row % 7))).ToList());
        var samples = new List<Measurement>();
        var clock = Stopwatch.StartNew();
        var trainer = context.Drift().Trainers.Dpo(model, new DpoTrainer.Options
        {
            LearningRate = 1e-5, BatchSize = 2, MaximumSteps = steps, RunFolder = folder, Checkpoints = new() { EverySteps = Math.Max(1, steps / 20) },
            Progress = new Listener<TrainingRecord>(record =>
            {
                if (record.Step % Math.Max(1, steps / Measurements) == 0) samples.Add(Measurement.Take(record.Step, clock.Elapsed));
            }),
        });
        trainer.Fit(pairs).Model.Dispose();
        return samples;
    }

    private static List<Measurement> Sample(CausalLM model, int rows, string journal)
    {
        var context = new MLContext(1);
        var complaints = context.Data.LoadFromEnumerable(Enumerable.Range(0, rows).Select(row => new Complaint(
            $"row {row}", $"question {Letter(row)} {new string(Letter(row * 3), row * 5 % 17)}", $"bad {Letter(row)}", $"no not {Letter(row)}")).ToList());
        var samples = new List<Measurement>();
        var clock = Stopwatch.StartNew();
        var next = 0;
        var sampler = context.Drift().DsatPairSampler(model, new DsatPairSampler.Options
        {
            Generation = new() { MaxNewTokens = 16, Temperature = 1 }, Batching = new() { BatchSize = 16 }, Filters = ChosenFilters.None, JournalPath = journal,
        }).Fit(complaints);
        sampler.Sample(complaints, new Listener<GenerationProgress>(progress =>
        {
            if (progress.FinishedRows < next) return;
            next = progress.FinishedRows + rows / Measurements;
            samples.Add(Measurement.Take(progress.FinishedRows, clock.Elapsed));
        }));
        return samples;
    }

    /// <summary>A straight line through the last three quarters of the measurements: what it rises from there to the end.</summary>
    private static bool Judge(string what, string unit, List<Measurement> all, double bytesKept, TextWriter log)
    {
        var samples = all.Skip(all.Count / 4).ToList();
        var done = samples[^1].Done - samples[0].Done;
        // The garbage collector's habits, and the allocator's, are no growth.
        var allowed = bytesKept * done + 24e6;
        var (managed, resident) = (Rise(samples, sample => sample.ManagedBytes), Rise(samples, sample => sample.ResidentBytes));
        var (handles, tensors) = (Rise(samples, sample => sample.Handles), Rise(samples, sample => sample.Tensors));
        var speed = Rate(samples, samples.Count / 2, samples.Count - 1) / Rate(samples, 0, samples.Count / 2);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {what}: {all[^1].Done} {unit}s in {all[^1].Time.TotalSeconds:F0} s; from {unit} {samples[0].Done} to {samples[^1].Done}:
              resident memory {samples[0].ResidentBytes / 1e6:F1} → {samples[^1].ResidentBytes / 1e6:F1} MB, slope {resident / done:F0} bytes a {unit}
              managed memory  {samples[0].ManagedBytes / 1e6:F1} → {samples[^1].ManagedBytes / 1e6:F1} MB, slope {managed / done:F0} bytes a {unit}
              file handles    {samples[0].Handles} → {samples[^1].Handles}, rise {handles:F2}
              live tensors    {samples[0].Tensors} → {samples[^1].Tensors}, rise {tensors:F2}
              speed           second half / first half = {speed:F3}
            """));
        // A cost that grows with what was done would halve the speed and more; less is other processes' doing.
        var isFlat = resident <= allowed && managed <= allowed && handles < 4 && tensors < 4 && speed > 0.6;
        log.WriteLine(isFlat ? $"  {what} is flat" : $"  {what} GROWS");
        return isFlat;
    }

    private static double Rise(List<Measurement> samples, Func<Measurement, double> value)
    {
        var (meanX, meanY) = (samples.Average(sample => sample.Done), samples.Average(value));
        var slope = samples.Sum(sample => (sample.Done - meanX) * (value(sample) - meanY)) / samples.Sum(sample => (sample.Done - meanX) * (sample.Done - meanX));
        return slope * (samples[^1].Done - samples[0].Done);
    }

    private static double Rate(List<Measurement> samples, int from, int to) => (samples[to].Done - samples[from].Done) / (samples[to].Time - samples[from].Time).TotalSeconds;

    private static char Letter(int number) => (char)('a' + number % 26);

    private sealed record Pair(string RowId, string Prompt, string Chosen, string Rejected);

    private sealed record Complaint(string RowId, string Prompt, string Rejected, string Feedback);

    private sealed class Listener<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
