using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>A finished stage's figures as <c>stage.json</c>.</summary>
internal static class StageSummary
{
    private static readonly JsonSerializerOptions WithNaN = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public static JsonObject ToJson(int pairs, IReadOnlyList<(string Name, string Value)> sampling, HeldOutEvaluation? heldOut, StageTimes times) => new()
    {
        ["training_pairs"] = pairs,
        ["sampling"] = new JsonObject(sampling.Select(line => KeyValuePair.Create(line.Name, (JsonNode?)line.Value))),
        ["held_out"] = JsonSerializer.SerializeToNode(heldOut, WithNaN),
        ["seconds"] = new JsonObject
        {
            ["sampling"] = times.Sampling.TotalSeconds,
            ["training"] = times.Training.TotalSeconds,
            ["evaluation"] = times.Evaluation.TotalSeconds,
            ["saving"] = times.Saving.TotalSeconds,
        },
    };

    /// <exception cref="InvalidDataException">It is not what <see cref="ToJson"/> writes.</exception>
    public static (int Pairs, IReadOnlyList<(string Name, string Value)> Sampling, HeldOutEvaluation? HeldOut, StageTimes Times) Parse(JsonNode json)
    {
        try
        {
            return ParseSound(json);
        }
        catch (Exception error) when (error is NullReferenceException or InvalidOperationException or FormatException or OverflowException or ArgumentException or JsonException)
        {
            throw new InvalidDataException($"stage.json is not the summary of a stage: {error.Message}", error);
        }
    }

    private static (int Pairs, IReadOnlyList<(string Name, string Value)> Sampling, HeldOutEvaluation? HeldOut, StageTimes Times) ParseSound(JsonNode json)
    {
        var seconds = json["seconds"]!;
        TimeSpan Seconds(string name) => TimeSpan.FromSeconds((double)seconds[name]!);
        return (
            (int)json["training_pairs"]!,
            [.. json["sampling"]!.AsObject().Select(line => (line.Key, (string)line.Value!))],
            json["held_out"].Deserialize<HeldOutEvaluation>(WithNaN),
            new(Seconds("sampling"), Seconds("training"), Seconds("evaluation"), Seconds("saving")));
    }
}
