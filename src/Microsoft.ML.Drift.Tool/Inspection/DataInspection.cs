using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tool.Recipes;
using Microsoft.ML.Drift.Tool.Training;

namespace Microsoft.ML.Drift.Tool.Inspection;

/// <summary>What the rows of a JSON Lines file are, how long they are, and what a recipe would cut of them.</summary>
internal static class DataInspection
{
    private const int BadRowsTold = 5;
    private static readonly string[] TextFields = ["prompt", "chosen", "rejected", "completion", "messages", "conversation", "user_preference"];

    public static void Report(InspectionReport report, string path, CausalLM? model, CancellationToken cancellation)
    {
        var bad = new BadRowReport();
        var context = new MLContext();
        var view = context.Data.LoadFromChatJsonLines(path, new ChatJsonLinesOptions { OnBadRow = OnBadRow.Skip, Report = bad });
        using (var cursor = view.GetRowCursor(view.Schema))
            while (cursor.MoveNext()) cancellation.ThrowIfCancellationRequested();
        report.Add("kind", Kind(view.Schema));
        report.Add("columns", string.Join(", ", view.Schema.Select(column => column.Name)));
        report.Add("rows", bad.RowsRead + bad.RowsSkipped);
        report.Add("rows that cannot be read", bad.RowsSkipped);
        foreach (var row in bad.FirstSkipped.Take(BadRowsTold)) report.Add($"line {row.Line}", $"{row.Field}: {row.Problem}");
        if (model?.Tokenizer is { } tokenizer) Lengths(report, path, model, tokenizer, cancellation);
    }

    /// <summary>What a training by this recipe would cut and drop.</summary>
    public static void ReportCuts(InspectionReport report, string path, CausalLM model, Recipe recipe)
    {
        var context = new MLContext();
        var view = context.Data.LoadFromChatJsonLines(path);
        if (view.Schema.GetColumnOrNull(ChatColumnNames.Feedback) is not null)
            throw new InvalidInputException("--recipe: these are complaints, which are sampled and not trained on; drift sample tells what it cuts. Inspect the pairs it writes.");
        var isPairs = view.Schema.GetColumnOrNull(ChatColumnNames.Chosen) is not null;
        var summary = RecipeErrors.Explain(recipe, () => isPairs
            ? context.Drift().Trainers.Dpo(model, TrainingRecipe.Dpo(recipe, evaluates: false) with { Checkpoints = null }).Preview(view)
            : context.Drift().Trainers.Sft(model, TrainingRecipe.Sft(recipe, evaluates: false, view.Schema.GetColumnOrNull(ChatColumnNames.Messages) is not null) with { Checkpoints = null }).Preview(view));
        report.Add("rows trained on", summary.RowsKept);
        report.Add("by the recipe", summary.ToString());
    }

    private static string Kind(DataViewSchema schema)
    {
        bool Has(string name) => schema.GetColumnOrNull(name) is not null;
        if (Has(ChatColumnNames.Chosen)) return "preference pairs";
        if (Has(ChatColumnNames.Rejected)) return "complaints (DSAT rows)";
        if (Has(ChatColumnNames.Completion)) return "prompts with completions";
        return Has(ChatColumnNames.Messages) ? "conversations" : "prompts";
    }

    private static void Lengths(InspectionReport report, string path, CausalLM model, PretrainedTokenizer tokenizer, CancellationToken cancellation)
    {
        var lengths = TextFields.ToDictionary(field => field, _ => new List<int>());
        foreach (var line in File.ReadLines(path))
        {
            cancellation.ThrowIfCancellationRequested();
            if (Parse(line) is not { ValueKind: JsonValueKind.Object } row) continue;
            foreach (var field in TextFields)
                if (row.TryGetProperty(field, out var value) && Tokens(value, field, model, tokenizer) is { } count) lengths[field].Add(count);
        }
        foreach (var field in TextFields) report.AddLengths($"tokens of {field}", lengths[field]);
    }

    /// <summary>A text's tokens; of a prompt's or conversation's messages those of the rendered template, of an answer's messages those of their contents.</summary>
    private static int? Tokens(JsonElement value, string field, CausalLM model, PretrainedTokenizer tokenizer)
    {
        try
        {
            if (value.ValueKind == JsonValueKind.String) return tokenizer.Encode(value.GetString()!).Length;
            if (value.ValueKind == JsonValueKind.Object) return Content(value) is { } own ? tokenizer.Encode(own).Length : null;
            if (value.ValueKind != JsonValueKind.Array) return null;
            var isWhole = field is "prompt" or "messages" or "conversation";
            if (isWhole && model.ChatTemplate is { } template) return tokenizer.Encode(template.Render(value, new ChatTemplateOptions { AddGenerationPrompt = field == "prompt" })).Length;
            return value.EnumerateArray().Sum(message => Content(message) is { } text ? tokenizer.Encode(text).Length : 0);
        }
        catch (Exception problem) when (problem is ChatTemplateException or InvalidOperationException)
        {
            // A row that cannot be read is told with the others.
            return null;
        }
    }

    private static string? Content(JsonElement message) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String ? content.GetString() : null;

    private static JsonElement? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
