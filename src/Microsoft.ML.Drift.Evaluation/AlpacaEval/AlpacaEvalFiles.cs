using System.Text.Json;
using Microsoft.ML.Drift.Evaluation.Tables;

namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>Reads and writes annotations in AlpacaEval's format.</summary>
public static class AlpacaEvalFiles
{
    /// <summary>Reads annotations: AlpacaEval's <c>annotations.json</c>, or JSON Lines, CSV or Parquet with the same fields.</summary>
    /// <remarks>
    /// Fields: <c>preference</c>; <c>output_1</c>, <c>output_2</c> (texts), or in their place <c>len_baseline</c>, <c>len_output</c> (code points); optional <c>instruction</c>, <c>generator_1</c>,
    /// <c>generator_2</c>, <c>annotator</c>, <c>row</c> (position; else the order in the file), <c>raw_completion</c>. Where <c>preference</c> is missing it is computed from the log-probabilities in
    /// <c>raw_completion</c> and the presentation order of the instruction; where those are missing too, the row has no judgement.
    /// </remarks>
    /// <param name="path">The file; its ending (.json, .jsonl, .ndjson, .csv, .parquet) says what it is.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed; the message says where.</exception>
    public static IReadOnlyList<AlpacaEvalAnnotation> Read(string path) => [.. TableFile.Read(path).Select(Annotation)];

    /// <summary>Writes annotations as the array that AlpacaEval's own tools read, in full precision. The file appears whole or not at all.</summary>
    /// <param name="annotations">The annotations, in the order of the instructions.</param>
    /// <param name="path">The file; an existing one is replaced.</param>
    public static void Write(IEnumerable<AlpacaEvalAnnotation> annotations, string path)
    {
        ArgumentNullException.ThrowIfNull(annotations);
        ArgumentException.ThrowIfNullOrEmpty(path);
        var rows = annotations.Select(annotation => new Dictionary<string, object?>
        {
            ["instruction"] = annotation.Instruction,
            ["output_1"] = annotation.Output1,
            ["generator_1"] = annotation.Generator1,
            ["output_2"] = annotation.Output2,
            ["generator_2"] = annotation.Generator2,
            ["annotator"] = annotation.Annotator,
            ["preference"] = double.IsNaN(annotation.Preference) ? null : annotation.Preference,
        });
        JsonTable.WriteArray(path, rows);
    }

    private static AlpacaEvalAnnotation Annotation(TableRow row) => new()
    {
        Row = row.Has("row") ? row.Count("row") : row.Position,
        Preference = row.NumberOrNull("preference") ?? FromCompletion(row) ?? double.NaN,
        OutputLength = Length(row, "len_output", "output_2"),
        BaselineLength = Length(row, "len_baseline", "output_1"),
        Instruction = row.TextOrNull("instruction") ?? "",
        Output1 = row.TextOrNull("output_1") ?? "",
        Generator1 = row.TextOrNull("generator_1") ?? "",
        Output2 = row.TextOrNull("output_2") ?? "",
        Generator2 = row.TextOrNull("generator_2") ?? "",
        Annotator = row.TextOrNull("annotator") ?? "",
    };

    private static int Length(TableRow row, string lengthField, string textField) => row.Has(lengthField) ? row.Count(lengthField) : TextLength.Of(row.Text(textField));

    private static double? FromCompletion(TableRow row)
    {
        var instruction = row.TextOrNull("instruction");
        if (row.TextOrNull("output_1") is { } first && row.TextOrNull("output_2") is { } second && first == second) return JudgePreference.Tie;
        if (row.Json("raw_completion") is not { } completion || TopLogProbs(completion) is not { } tokens || instruction is null) return null;
        return JudgePreference.FromLogProbs(tokens, PresentationOrder.IsSwitched(instruction));
    }

    /// <summary>The candidates for the first token of a completion object, as OpenAI writes them.</summary>
    private static IReadOnlyList<CandidateToken>? TopLogProbs(JsonElement completion)
    {
        return completion.ValueKind == JsonValueKind.Object && completion.TryGetProperty("logprobs", out var logProbs) ? CandidateToken.ReadFirst(logProbs) : null;
    }
}
