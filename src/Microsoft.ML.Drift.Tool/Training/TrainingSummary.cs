using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Training;

/// <summary>A training's records in a few words.</summary>
internal static class RecordText
{
    public static string? Of(TrainingRecord record)
    {
        var prefix = record.IsEvaluation ? "eval_" : "";
        var parts = new List<string>();
        if (record.Metrics.TryGetValue(prefix + "loss", out var loss)) parts.Add($"{prefix}loss {TextTable.Number(loss)}");
        if (record.Metrics.TryGetValue(prefix + "rewards/margins", out var margin)) parts.Add($"margin {TextTable.Number(margin)}");
        if (record.Metrics.TryGetValue("tokens_per_second", out var speed)) parts.Add($"{TextTable.Number(speed, "0")} tokens/s");
        return parts.Count == 0 ? null : string.Join(", ", parts);
    }
}

/// <summary>What a training did, for people.</summary>
internal static class TrainingSummary
{
    public static void Write(TextWriter writer, TokenizationSummary rows, TrainingHistory history, string output)
    {
        writer.WriteLine($"Rows: {rows}.");
        var table = new TextTable("", "first step", "last step", "last evaluation");
        var (first, last, evaluation) = (history.Steps.FirstOrDefault(), history.Steps.LastOrDefault(), history.Evaluations.LastOrDefault());
        foreach (var name in new[] { "loss", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected", "nll_loss", "mean_token_accuracy", "grad_norm", "drift/sigma" })
        {
            if (last?.Metrics.ContainsKey(name) != true) continue;
            table.Add(name, Value(first, name), Value(last, name), Value(evaluation, "eval_" + name));
        }
        table.Write(writer);
        var seconds = history.Steps.Sum(record => record.Metrics.GetValueOrDefault("seconds"));
        var tokens = history.Steps.Sum(record => record.Metrics.GetValueOrDefault("tokens"));
        writer.WriteLine(
            $"{history.Steps.Count()} steps in {TextTable.Seconds(TimeSpan.FromSeconds(seconds))}, {TextTable.Number(tokens / Math.Max(seconds, 1e-9), "0")} tokens/s, " +
            $"peak memory {TextTable.Bytes(ProcessMemory.Peak)}.");
        writer.WriteLine($"Model: {output}");
    }

    private static string Value(TrainingRecord? record, string name) => record is not null && record.Metrics.TryGetValue(name, out var value) ? TextTable.Number(value) : "";
}
