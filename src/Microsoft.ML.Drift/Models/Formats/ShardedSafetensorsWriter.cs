using System.Text.Json;
using Microsoft.ML.Drift.Data;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>Writes a folder's weights: one <c>model.safetensors</c>, or, beyond a size, numbered shards and their index, named as transformers names them.</summary>
internal static class ShardedSafetensorsWriter
{
    /// <summary>transformers' own default of 5 GB.</summary>
    public const long DefaultMaximumShardBytes = 5_000_000_000;

    /// <summary>
    /// Writes all tensors in the order given, a new shard beginning where the next tensor would not fit; a tensor larger than a shard gets one of its own.
    /// Each file is written atomically, the index last; then weight files of an earlier save that no longer belong are removed.
    /// </summary>
    public static void Write(string folder, IEnumerable<TensorToWrite> tensors, torch.ScalarType? dtype = null, long maximumShardBytes = DefaultMaximumShardBytes)
    {
        if (maximumShardBytes <= 0) throw new ArgumentOutOfRangeException(nameof(maximumShardBytes), maximumShardBytes, "A shard must be allowed at least one byte.");
        var shards = Split([.. tensors.Select(t => t.As(dtype))], maximumShardBytes);
        var names = shards.Count == 1 ? [ShardedSafetensors.SingleFileName]
            : Enumerable.Range(1, shards.Count).Select(number => $"model-{number:D5}-of-{shards.Count:D5}.safetensors").ToList();
        for (var i = 0; i < shards.Count; i++) SafetensorsWriter.Write(Path.Combine(folder, names[i]), shards[i]);
        if (shards.Count > 1) AtomicFile.Write(Path.Combine(folder, SafetensorsIndex.FileName), stream => WriteIndex(stream, shards, names));
        RemoveOthers(folder, shards.Count > 1 ? [.. names, SafetensorsIndex.FileName] : names);
    }

    public static void Write(string folder, IEnumerable<(string Name, torch.Tensor Tensor)> tensors, torch.ScalarType? dtype = null, long maximumShardBytes = DefaultMaximumShardBytes) =>
        Write(folder, tensors.Select(t => TensorToWrite.From(t.Name, t.Tensor)), dtype, maximumShardBytes);

    private static List<List<TensorToWrite>> Split(List<TensorToWrite> tensors, long maximumShardBytes)
    {
        var twice = tensors.GroupBy(t => t.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null) throw new ArgumentException($"A checkpoint cannot hold two tensors named '{twice.Key}'.", nameof(tensors));
        List<List<TensorToWrite>> shards = [[]];
        long filled = 0;
        foreach (var tensor in tensors)
        {
            var bytes = SafetensorsWriter.ByteCount(tensor);
            if (shards[^1].Count > 0 && filled + bytes > maximumShardBytes)
            {
                shards.Add([]);
                filled = 0;
            }
            shards[^1].Add(tensor);
            filled += bytes;
        }
        return shards;
    }

    private static void WriteIndex(Stream stream, List<List<TensorToWrite>> shards, IReadOnlyList<string> names)
    {
        using var writer = new Utf8JsonWriter(stream, new() { Indented = true });
        writer.WriteStartObject();
        writer.WriteStartObject("metadata");
        writer.WriteNumber("total_parameters", shards.Sum(shard => shard.Sum(t => t.ElementCount)));
        writer.WriteNumber("total_size", shards.Sum(shard => shard.Sum(SafetensorsWriter.ByteCount)));
        writer.WriteEndObject();
        writer.WriteStartObject("weight_map");
        foreach (var (name, shard) in shards.SelectMany((shard, i) => shard.Select(t => (t.Name, names[i]))).OrderBy(place => place.Name, StringComparer.Ordinal))
            writer.WriteString(name, shard);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void RemoveOthers(string folder, IReadOnlyCollection<string> written)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "model*"))
            if (IsWeights(Path.GetFileName(path)) && !written.Contains(Path.GetFileName(path))) File.Delete(path);
    }

    private static bool IsWeights(string name) => name is ShardedSafetensors.SingleFileName or SafetensorsIndex.FileName
        || System.Text.RegularExpressions.Regex.IsMatch(name, @"^model-\d{5}-of-\d{5}\.safetensors\z");
}
