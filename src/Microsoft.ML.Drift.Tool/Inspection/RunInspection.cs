using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Inspection;

/// <summary>What a run folder or a training's folder holds.</summary>
internal static class RunInspection
{
    /// <summary>Whether <c>drift run</c> wrote the folder.</summary>
    public static bool IsRun(string folder) => KindOf(folder) is "drift";

    /// <summary>Whether <c>drift train</c> wrote the folder and has not left its model yet.</summary>
    public static bool IsUnfinishedTraining(string folder) => KindOf(folder) is not null && !File.Exists(Path.Combine(folder, "config.json"));

    /// <summary>Where a training that is not finished can be continued.</summary>
    public static void ReportUnfinishedTraining(InspectionReport report, string folder)
    {
        report.Add("kind", $"training ({KindOf(folder)}), not finished; run the same command again");
        var checkpoints = Path.Combine(folder, "checkpoints");
        var newest = Directory.Exists(checkpoints) ? Directory.GetDirectories(checkpoints, "step-*").Max(StringComparer.Ordinal) : null;
        report.Add("last checkpoint", newest is null ? "none" : Path.GetFileName(newest));
    }

    private static string? KindOf(string folder)
    {
        var file = Path.Combine(folder, "run.json");
        return File.Exists(file) ? Parse(file)["kind"]?.ToString() : null;
    }

    /// <summary>The stages of a folder that <c>drift run</c> wrote.</summary>
    public static void Report(InspectionReport report, string folder)
    {
        var run = Parse(Path.Combine(folder, "run.json"));
        report.Add("kind", "run folder");
        if (run["settings"] is JsonObject settings)
        {
            foreach (var (name, value) in Flatten(settings).Where(setting => setting.Name is "NumberOfIterations" or "Selection" or "Sampling.Mode" or "Sampling.Generation.Temperature"
                or "Sampling.Generation.MaxNewTokens" or "Training.Loss" or "Training.Beta" or "Training.LearningRate" or "Training.Optimizer" or "Training.NumberOfEpochs"))
                report.Add(name, value);
        }

        var stages = Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Where(IsStage).OrderBy(Order).ToList();
        var finished = stages.Where(stage => Directory.Exists(Path.Combine(folder, stage, "model"))).ToList();
        report.Add("stages finished", finished.Count == 0 ? "none" : string.Join(", ", finished));
        var unfinished = stages.Except(finished).ToList();
        if (unfinished.Count > 0) report.Add("stage begun", string.Join(", ", unfinished.Select(stage => $"{stage} ({Rows(Path.Combine(folder, stage, "samples.jsonl"))} rows sampled)")));
        report.Add("result", File.Exists(Path.Combine(folder, "model.zip")) ? "model and model.zip" : "not there yet; run the same command again");

        var table = new TextTable("stage", "pairs", "steps", "loss", "held-out pairs", "margin", "accuracy", "Δlogp chosen", "Δlogp rejected", "seconds");
        foreach (var stage in finished) Add(table, Path.Combine(folder, stage), stage);
        if (finished.Count > 0) report.Add("stages", table);
    }

    /// <summary>The metrics of a folder that <c>drift train</c> wrote.</summary>
    public static void ReportMetrics(InspectionReport report, string path)
    {
        var history = MetricsFile.Read(path);
        report.Add("training steps", history.Steps.Count());
        var (first, last, evaluation) = (history.Steps.FirstOrDefault(), history.Steps.LastOrDefault(), history.Evaluations.LastOrDefault());
        var table = new TextTable("", "first step", "last step", "last evaluation");
        foreach (var name in last?.Metrics.Keys ?? []) table.Add(name, Value(first, name), Value(last, name), Value(evaluation, "eval_" + name));
        report.Add("metrics", table);
    }

    private static void Add(TextTable table, string folder, string stage)
    {
        var summary = Parse(Path.Combine(folder, "stage.json"));
        var last = MetricsFile.Read(Path.Combine(folder, "metrics.jsonl")).Steps.LastOrDefault();
        var held = summary["held_out"];
        var seconds = summary["seconds"]!.AsObject().Sum(part => (double)part.Value!);
        table.Add(
            stage, (string)summary["training_pairs"]!.ToString(), last?.Step.ToString(CultureInfo.InvariantCulture) ?? "", Value(last, "loss"),
            held?["Pairs"]?.ToString() ?? "", Figure(held, "Margin"), Figure(held, "Accuracy"), Figure(held, "DeltaLogProbsChosen"), Figure(held, "DeltaLogProbsRejected"), TextTable.Number(seconds, "0.0"));
    }

    private static string Figure(JsonNode? held, string name) => held?[name] is { } value ? TextTable.Number((double)value) : "";

    private static string Value(TrainingRecord? record, string name) => record is not null && record.Metrics.TryGetValue(name, out var value) ? TextTable.Number(value) : "";

    private static bool IsStage(string name) => name == "seed" || (name.StartsWith("iter", StringComparison.Ordinal) && int.TryParse(name[4..], out _));

    private static int Order(string name) => name == "seed" ? 0 : int.Parse(name[4..], CultureInfo.InvariantCulture);

    // The journal's first line holds its settings.
    private static int Rows(string journal) => File.Exists(journal) ? Math.Max(0, File.ReadLines(journal).Count() - 1) : 0;

    private static JsonNode Parse(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) ?? throw new InvalidInputException($"{path}: this is null; it should be an object.");
        }
        catch (JsonException error)
        {
            throw new InvalidInputException($"{path}: not valid JSON: {error.Message}", error);
        }
    }

    private static IEnumerable<(string Name, string Value)> Flatten(JsonObject node, string prefix = "") => node.SelectMany(field => field.Value is JsonObject inner
        ? Flatten(inner, $"{prefix}{field.Key}.")
        : [(prefix + field.Key, field.Value?.ToString() ?? "null")]);
}
