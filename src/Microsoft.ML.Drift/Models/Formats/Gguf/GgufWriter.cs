using System.Text;
using Microsoft.ML.Drift.Data;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>Writes GGUF files (version 3), tensor by tensor.</summary>
internal static class GgufWriter
{
    private const int Alignment = 32; // the format's default, so it need not be written down

    /// <summary>Writes a file atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Keys and values (see <see cref="GgufValue"/>), in this order; the architecture belongs first.</param>
    /// <param name="tensors">Tensors under llama.cpp's names, of floating type, and the types to store them as.</param>
    public static void Write(string path, IReadOnlyList<KeyValuePair<string, object>> metadata, IReadOnlyList<(TensorToWrite Tensor, GgufType Type)> tensors) =>
        AtomicFile.Write(path, stream => Write(stream, metadata, tensors));

    /// <summary>Writes to a stream, which need not seek; it stays open.</summary>
    public static void Write(Stream stream, IReadOnlyList<KeyValuePair<string, object>> metadata, IReadOnlyList<(TensorToWrite Tensor, GgufType Type)> tensors)
    {
        RefuseTwice(metadata.Select(entry => entry.Key));
        RefuseTwice(tensors.Select(t => t.Tensor.Name));
        var header = Header(metadata, tensors);
        stream.Write(header);
        Pad(stream, header.Length);
        foreach (var (tensor, type) in tensors) WriteValues(stream, tensor, type);
    }

    private static byte[] Header(IReadOnlyList<KeyValuePair<string, object>> metadata, IReadOnlyList<(TensorToWrite Tensor, GgufType Type)> tensors)
    {
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach (var (key, value) in metadata)
        {
            WriteText(writer, key);
            WriteValue(writer, value, withType: true);
        }
        long offset = 0;
        foreach (var (tensor, type) in tensors) WriteDescription(writer, tensor, type, ref offset);
        return bytes.ToArray();
    }

    private static void WriteDescription(BinaryWriter writer, TensorToWrite tensor, GgufType type, ref long offset)
    {
        WriteText(writer, tensor.Name);
        writer.Write((uint)tensor.Shape.Count);
        foreach (var size in tensor.Shape.Reverse()) writer.Write((ulong)size);
        writer.Write((uint)type);
        writer.Write((ulong)offset);
        offset = checked(offset + (ByteCount(tensor, type) + Alignment - 1) / Alignment * Alignment);
    }

    private static long ByteCount(TensorToWrite tensor, GgufType type)
    {
        var layout = GgufLayout.Of(type);
        var row = tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1];
        if (row % layout.ValuesPerBlock != 0)
            throw new ArgumentException($"Tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Shape)}] cannot be stored as {type}: its rows must be whole blocks of {layout.ValuesPerBlock}.");
        return checked(tensor.ElementCount / layout.ValuesPerBlock * layout.BytesPerBlock);
    }

    // Encoded in pieces, so that beside the float32 values only a few megabytes are held.
    private static void WriteValues(Stream stream, TensorToWrite tensor, GgufType type)
    {
        const int blocksAtOnce = 1 << 17;
        var layout = GgufLayout.Of(type);
        var buffer = new byte[Math.Min(blocksAtOnce, tensor.ElementCount / layout.ValuesPerBlock) * layout.BytesPerBlock];
        (tensor with { Dtype = torch.ScalarType.Float32 }).With(values =>
        {
            for (long start = 0, count; start < tensor.ElementCount; start += count)
            {
                count = Math.Min((long)blocksAtOnce * layout.ValuesPerBlock, tensor.ElementCount - start);
                var bytes = (int)(count / layout.ValuesPerBlock * layout.BytesPerBlock);
                Encode(type, values, start, count, buffer);
                stream.Write(buffer, 0, bytes);
            }
            GC.KeepAlive(values);
        });
        Pad(stream, ByteCount(tensor, type));
    }

    private static unsafe void Encode(GgufType type, torch.Tensor values, long start, long count, byte[] buffer)
    {
        fixed (byte* target = buffer) GgufEncoder.Encode(type, (float*)TensorMemory.Address(values) + start, target, count);
    }

    private static void Pad(Stream stream, long length)
    {
        for (; length % Alignment != 0; length++) stream.WriteByte(0);
    }

    private static void WriteValue(BinaryWriter writer, object value, bool withType)
    {
        if (withType) writer.Write((uint)TypeOf(value.GetType()));
        switch (value)
        {
            case byte number: writer.Write(number); break;
            case sbyte number: writer.Write(number); break;
            case ushort number: writer.Write(number); break;
            case short number: writer.Write(number); break;
            case uint number: writer.Write(number); break;
            case int number: writer.Write(number); break;
            case ulong number: writer.Write(number); break;
            case long number: writer.Write(number); break;
            case float number: writer.Write(number); break;
            case double number: writer.Write(number); break;
            case bool truth: writer.Write(truth); break;
            case string text: WriteText(writer, text); break;
            default: WriteArray(writer, (Array)value); break;
        }
    }

    private static void WriteArray(BinaryWriter writer, Array values)
    {
        writer.Write((uint)(values is object[] and not string[] ? GgufValueType.Array : TypeOf(values.GetType().GetElementType()!)));
        writer.Write((ulong)values.LongLength);
        foreach (var value in values) WriteValue(writer, value, withType: false);
    }

    private static GgufValueType TypeOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Double => GgufValueType.Float64,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        _ when type.IsArray => GgufValueType.Array,
        _ => throw new ArgumentException($"GGUF metadata cannot hold a {type}."),
    };

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void RefuseTwice(IEnumerable<string> names)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
            if (!seen.Add(name)) throw new ArgumentException($"A GGUF file cannot hold '{name}' twice.");
    }
}
