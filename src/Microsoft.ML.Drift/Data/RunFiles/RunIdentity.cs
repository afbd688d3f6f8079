using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Data;

/// <summary>What decides the outcome of a run: its settings and the contents of its data and models. Two runs with equal identities give the same models.</summary>
/// <param name="Kind">What is run: <c>drift run</c>, <c>dpo</c> ….</param>
/// <param name="Settings">Every setting by name, nested as in the options.</param>
/// <param name="Data">SHA-256 of each input that was given, by its role (<c>dsat rows</c>, <c>seed pairs</c>, <c>reference model</c> …).</param>
/// <param name="Model">SHA-256 of the starting model's configuration, tokenizer and weights.</param>
internal sealed record RunIdentity(string Kind, JsonObject Settings, IReadOnlyDictionary<string, string> Data, string Model)
{
    private const int FormatVersion = 2;

    public JsonObject ToJson() => new()
    {
        ["format"] = FormatVersion,
        ["kind"] = Kind,
        ["settings"] = Settings.DeepClone(),
        ["data"] = new JsonObject(Data.Select(input => KeyValuePair.Create(input.Key, (JsonNode?)input.Value))),
        ["model"] = Model,
    };

    /// <summary>Each difference from a recorded identity, in words; none where it is the same run.</summary>
    public IEnumerable<string> DifferencesFrom(JsonNode recorded)
    {
        // A key that was tampered with, such as an empty one, can give two values one path.
        var then = Flatten(recorded).GroupBy(entry => entry.Path).ToDictionary(entries => entries.Key, entries => string.Join(" and ", entries.Select(entry => entry.Value)));
        var now = Flatten(ToJson()).ToDictionary(entry => entry.Path, entry => entry.Value);
        foreach (var path in then.Keys.Union(now.Keys))
        {
            var was = then.GetValueOrDefault(path);
            var wanted = now.GetValueOrDefault(path);
            if (was == wanted) continue;
            if (path.StartsWith("settings.", StringComparison.Ordinal)) yield return $"{path["settings.".Length..]} was {was ?? "not there"} and now is {wanted ?? "not there"}";
            else if (path is "format" or "kind") yield return $"its {path} was {was ?? "not there"} and now is {wanted}";
            else yield return $"the {path.Replace('.', ' ')} {(was is null ? "was not given" : wanted is null ? "is not given any more" : "has other contents")}";
        }
    }

    private static IEnumerable<(string Path, string Value)> Flatten(JsonNode? node, string prefix = "") => node is JsonObject mapping
        ? mapping.SelectMany(field => Flatten(field.Value, prefix.Length == 0 ? field.Key : $"{prefix}.{field.Key}"))
        : [(prefix, node?.ToJsonString() ?? "null")];
}
