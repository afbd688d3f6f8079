using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML.Drift.Data;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// Writes safetensors files, tensor by tensor, byte for byte as the reference implementation lays them out: types with later names in the format's list
/// first, then by name, so that every tensor is aligned to its element size.
/// </summary>
internal static class SafetensorsWriter
{
    private static readonly JsonWriterOptions HeaderStyle = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Readers of PyTorch checkpoints ask for this entry.</summary>
    private static readonly Dictionary<string, string> PyTorchFormat = new() { ["format"] = "pt" };

    /// <summary>Writes a file atomically. Floating tensors are converted to <paramref name="dtype"/> if given; the header gets <c>format: pt</c> unless metadata is given.</summary>
    public static void Write(string path, IEnumerable<(string Name, torch.Tensor Tensor)> tensors, torch.ScalarType? dtype = null, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors.Select(t => TensorToWrite.From(t.Name, t.Tensor)), dtype, metadata);

    public static void Write(string path, IEnumerable<TensorToWrite> tensors, torch.ScalarType? dtype = null, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, dtype, metadata));

    public static void Write(Stream stream, IEnumerable<(string Name, torch.Tensor Tensor)> tensors, torch.ScalarType? dtype = null, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(stream, tensors.Select(t => TensorToWrite.From(t.Name, t.Tensor)), dtype, metadata);

    /// <summary>Writes to a stream, which need not seek; it stays open.</summary>
    public static void Write(Stream stream, IEnumerable<TensorToWrite> tensors, torch.ScalarType? dtype = null, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var all = tensors.Select(t => t.As(dtype))
            .OrderByDescending(t => SafetensorsType.Order(SafetensorsType.FromTorch(t.Dtype))).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var header = Header(all, metadata ?? PyTorchFormat);

        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in all) tensor.With(values => TensorMemory.Write(values, stream));
    }

    /// <summary>The bytes of data that a tensor takes.</summary>
    internal static long ByteCount(TensorToWrite tensor) => checked(tensor.ElementCount * SafetensorsType.Bits(SafetensorsType.FromTorch(tensor.Dtype)) / 8);

    private static byte[] Header(List<TensorToWrite> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, HeaderStyle))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata);
            var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
            long offset = 0;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name)) throw new ArgumentException($"A safetensors file cannot hold two entries named '{tensor.Name}'.", nameof(tensors));
                WriteEntry(writer, tensor, ref offset);
            }
            writer.WriteEndObject();
        }
        while (json.Length % 8 != 0) json.WriteByte((byte)' ');
        if (json.Length > SafetensorsHeader.MaximumLength) throw new ArgumentException($"The header would take {json.Length} bytes; the format allows {SafetensorsHeader.MaximumLength}.", nameof(tensors));
        return json.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0) return;
        writer.WriteStartObject(SafetensorsHeader.MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)) writer.WriteString(key, value);
        writer.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter writer, TensorToWrite tensor, ref long offset)
    {
        writer.WriteStartObject(tensor.Name);
        writer.WriteString("dtype", SafetensorsType.FromTorch(tensor.Dtype));
        writer.WriteStartArray("shape");
        foreach (var size in tensor.Shape) writer.WriteNumberValue(size);
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(offset);
        writer.WriteNumberValue(offset = checked(offset + ByteCount(tensor)));
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
