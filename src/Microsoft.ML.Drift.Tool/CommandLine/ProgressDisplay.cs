using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Microsoft.ML.Drift.Tool;

/// <summary>How far a long step is: <paramref name="Done"/> of <paramref name="Total"/> things, and a few words about the last one.</summary>
internal readonly record struct StepProgress(string Stage, long Done, long Total, string? Detail = null);

/// <summary>
/// Shows progress on standard error: a live bar with time left on a terminal; when redirected, one plain line now and then.
/// Standard output stays clean for data.
/// </summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan PlainLineEvery = TimeSpan.FromSeconds(10);

    /// <summary>Runs <paramref name="work"/>, which reports where it is.</summary>
    public static T Run<T>(Func<IProgress<StepProgress>, T> work)
    {
        if (Console.IsErrorRedirected) return work(new PlainLines(Console.Error));
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        var result = default(T)!;
        console.Progress()
            .AutoClear(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RateColumn(), new RemainingTimeColumn(), new ElapsedTimeColumn())
            .Start(context => result = work(new Bars(context)));
        return result;
    }

    /// <summary>Rows, steps or whatever the stage counts, per second; a slow stage's are per minute.</summary>
    internal static string Rate(double perSecond) => perSecond >= 1 ? $"{TextTable.Number(perSecond, "0.#")}/s" : $"{TextTable.Number(perSecond * 60, "0.#")}/min";

    private sealed class RateColumn : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(task.ElapsedTime is { TotalSeconds: > 0 } elapsed && task.Value > 0 ? Rate(task.Value / elapsed.TotalSeconds) : "");
    }

    private sealed class Bars(ProgressContext context) : IProgress<StepProgress>
    {
        private readonly Dictionary<string, ProgressTask> _tasks = [];

        public void Report(StepProgress value)
        {
            lock (_tasks)
            {
                if (!_tasks.TryGetValue(value.Stage, out var task)) _tasks[value.Stage] = task = context.AddTask(Markup.Escape(value.Stage));
                task.MaxValue = Math.Max(1, value.Total);
                task.Value = value.Done;
                task.Description = Markup.Escape(value.Detail is null ? value.Stage : $"{value.Stage}: {value.Detail}");
                if (value.Done >= value.Total) task.StopTask();
            }
        }
    }

    internal sealed class PlainLines(TextWriter writer) : IProgress<StepProgress>
    {
        // Stages take turns: a training is still one while it evaluates.
        private readonly Dictionary<string, Running> _running = [];

        public void Report(StepProgress value)
        {
            lock (writer)
            {
                if (!_running.TryGetValue(value.Stage, out var stage)) _running[value.Stage] = stage = new Running(value.Done);
                var finished = value.Done >= value.Total;
                if (finished) _running.Remove(value.Stage);
                if (stage.SinceLine.IsRunning && stage.SinceLine.Elapsed < PlainLineEvery && !finished) return;
                stage.SinceLine.Restart();
                writer.WriteLine($"{value.Stage}: {value.Done}/{value.Total}{RateAndTimeLeft(value, stage)}{(value.Detail is null ? "" : ", " + value.Detail)}");
            }
        }

        private static string RateAndTimeLeft(StepProgress value, Running stage)
        {
            var seconds = stage.Since.Elapsed.TotalSeconds;
            var moved = value.Done - stage.StartedAt;
            if (value.Done >= value.Total) return $" in {seconds.ToString("0.0", CultureInfo.InvariantCulture)} s";
            if (moved <= 0 || seconds < 1) return "";
            var left = TimeSpan.FromSeconds(seconds / moved * (value.Total - value.Done));
            return $", {Rate(moved / seconds)}, {left.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)} left";
        }

        private sealed record Running(long StartedAt)
        {
            public Stopwatch Since { get; } = Stopwatch.StartNew();

            public Stopwatch SinceLine { get; } = new();
        }
    }
}
