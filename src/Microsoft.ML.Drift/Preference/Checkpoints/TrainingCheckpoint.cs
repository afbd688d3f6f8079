using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>A training between two steps, as a folder: <c>state.safetensors</c>, and <c>checkpoint.json</c> with numbers, lengths and SHA-256. It appears as a whole.</summary>
internal static class TrainingCheckpoint
{
    private const string Tensors = "state.safetensors";
    private const string Description = "checkpoint.json";
    private const string WeightPrefix = "weights.";
    private const string StatePrefix = "state.";

    /// <summary>Writes a checkpoint; one of the same name is replaced.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="key">Hash of what decides the training.</param>
    /// <param name="state">Everything besides weights.</param>
    /// <param name="weights">The trained weights; none for reference log-probs alone, whose weights are those the stage starts with.</param>
    /// <param name="logs">The files that steps add lines to, up to this moment, by name; none before the first step.</param>
    public static void Write(string folder, string key, TrainingState state, IEnumerable<ParameterSlice> weights, IReadOnlyDictionary<string, FileSeal> logs)
    {
        DurableFolder.Create(folder, place =>
        {
            var tensors = state.Tensors.Select(entry => TensorToWrite.From(StatePrefix + entry.Key, entry.Value))
                .Concat(weights.Select(slice => new TensorToWrite(WeightPrefix + slice.Name, slice.Shape, slice.Parameter.dtype, slice.View)));
            SafetensorsWriter.Write(Path.Combine(place, Tensors), tensors);
            var numbers = state.Numbers.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value.ToString("R", CultureInfo.InvariantCulture)));
            CheckedJson.Write(Path.Combine(place, Description), new JsonObject
            {
                ["format"] = 1,
                ["training"] = key,
                ["numbers"] = new JsonObject(numbers),
                ["files"] = new JsonObject { [Tensors] = FileSeal.Of(Path.Combine(place, Tensors)).ToJson() },
                ["logs"] = new JsonObject(logs.Select(log => KeyValuePair.Create(log.Key, (JsonNode?)log.Value.ToJson()))),
            });
        });
    }

    /// <summary>Reads a checkpoint, whose every byte is checked before any is used.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="key">Hash of what decides this training.</param>
    /// <param name="logFolder">Where the logs are, which must still begin as they did then.</param>
    /// <param name="weights">Where the weights go.</param>
    /// <returns>The state, which the caller disposes of, and the length of each log at that moment.</returns>
    /// <exception cref="InvalidDataException">A file is damaged or missing; the weights are as before.</exception>
    /// <exception cref="InvalidOperationException">It belongs to another training.</exception>
    public static (TrainingState State, IReadOnlyDictionary<string, long> LogLengths) Read(string folder, string key, string logFolder, IReadOnlyList<ParameterSlice> weights)
    {
        var description = ReadDescription(folder);
        var file = Path.Combine(folder, Tensors);
        if (FileSeal.Parse((description["files"] as JsonObject)?[Tensors]).ProblemOf(file) is { } damage) throw new InvalidDataException($"{damage}.");
        if (description["training"]?.ToString() != key)
            throw new InvalidOperationException($"{folder} belongs to another training: weights, rows or settings were others at its start. Remove it, or start over with Restart (drift: --restart).");
        var logs = (description["logs"] as JsonObject ?? []).ToDictionary(log => log.Key, log => FileSeal.Parse(log.Value));
        foreach (var (name, seal) in logs)
            if (seal.ProblemOf(logFolder, name) is { } cut) throw new InvalidDataException($"{cut}.");
        using var source = SafetensorsFile.Open(file);
        var state = ReadState(source, description["numbers"] as JsonObject ?? throw new InvalidDataException($"{folder}: there are no numbers."));
        try
        {
            if (source.Names.Any(name => name.StartsWith(WeightPrefix, StringComparison.Ordinal))) Restore(source, weights);
            return (state, logs.ToDictionary(log => log.Key, log => log.Value.Bytes));
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    private static JsonObject ReadDescription(string folder)
    {
        try
        {
            return CheckedJson.Read(Path.Combine(folder, Description));
        }
        catch (FileNotFoundException error)
        {
            throw new InvalidDataException($"{Path.Combine(folder, Description)} is missing.", error);
        }
    }

    private static TrainingState ReadState(SafetensorsFile source, JsonObject numbers)
    {
        using var scope = NewDisposeScope();
        var state = new TrainingState();
        foreach (var (name, value) in numbers)
            state.Add(name, double.TryParse(value?.ToString(), CultureInfo.InvariantCulture, out var number) ? number : throw new InvalidDataException($"{source.Location}: the number {name} is {value?.ToJsonString() ?? "null"}."));
        foreach (var name in source.Names.Where(name => name.StartsWith(StatePrefix, StringComparison.Ordinal)))
        {
            using var tensor = source.Read(name);
            state.Add(name[StatePrefix.Length..], tensor);
        }
        return state;
    }

    private static void Restore(SafetensorsFile source, IReadOnlyList<ParameterSlice> weights)
    {
        using var mode = no_grad();
        if (weights.FirstOrDefault(slice => !source.Contains(WeightPrefix + slice.Name)) is { } missing)
            throw new InvalidDataException($"{source.Location}: there are no weights {missing.Name}.");
        foreach (var slice in weights)
        {
            using var scope = NewDisposeScope();
            slice.View().copy_(source.Read(WeightPrefix + slice.Name));
        }
    }
}
