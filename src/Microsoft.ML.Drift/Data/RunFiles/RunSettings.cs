using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Drift.Data;

/// <summary>Options as the settings of a <see cref="RunIdentity"/>.</summary>
internal static class RunSettings
{
    private static readonly JsonSerializerOptions AsWritten = new()
    {
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    // Where a run is kept, how it is watched and how much it computes at once do not change what it gives.
    private static readonly string[] WithoutEffectOnResults =
        ["RunFolder", "Restart", "Checkpoints", "Notices", "JournalPath", "Progress", "Activity", "CancellationToken", "SeedPairs", "HeldOutRows", "Batching", "EvaluationBatchSize"];

    /// <summary>Every setting that decides the result, by name.</summary>
    public static JsonObject Of(object options)
    {
        var settings = new JsonObject();
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => !WithoutEffectOnResults.Contains(property.Name)).OrderBy(property => property.Name, StringComparer.Ordinal))
        {
            var value = property.GetValue(options);
            var isOptions = value is not null && value.GetType() is { IsClass: true } type && type.Namespace?.StartsWith("Microsoft.ML.Drift", StringComparison.Ordinal) == true;
            settings[property.Name] = isOptions ? Of(value!) : JsonSerializer.SerializeToNode(value, AsWritten);
        }
        return settings;
    }
}
