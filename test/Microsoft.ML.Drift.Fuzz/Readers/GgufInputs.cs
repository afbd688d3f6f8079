using System.Text;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>A GGUF file as a list of entries, so that it can be changed where its structure is, and written with the places of all its numbers.</summary>
internal sealed class GgufInput
{
    public List<(string Key, object Value)> Metadata { get; init; } = [];

    public List<(string Name, uint Type, ulong[] Shape, int Bytes)> Tensors { get; init; } = [];

    /// <summary>The file, and where its counts, lengths, types, sizes and offsets stand.</summary>
    public (byte[] Bytes, NumberField[] Fields) Write()
    {
        var bytes = new MemoryStream();
        var fields = new List<NumberField>();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write("GGUF"u8);
        Number(3u);
        Number((ulong)Tensors.Count);
        Number((ulong)Metadata.Count);
        foreach (var (key, value) in Metadata)
        {
            Text(key);
            Value(value, withType: true);
        }
        ulong offset = 0;
        foreach (var (name, type, shape, length) in Tensors)
        {
            Text(name);
            Number((uint)shape.Length);
            foreach (var size in shape) Number(size);
            Number(type);
            Number(offset);
            offset += (ulong)(length + 31) / 32 * 32;
        }
        Pad();
        foreach (var (_, _, _, length) in Tensors)
        {
            for (var i = 0; i < length; i++) writer.Write((byte)(i * 37 + length));
            Pad();
        }
        return (bytes.ToArray(), [.. fields]);

        void Number(object number)
        {
            var at = (int)bytes.Position;
            switch (number)
            {
                case byte n: writer.Write(n); break;
                case ushort n: writer.Write(n); break;
                case uint n: writer.Write(n); break;
                case int n: writer.Write(n); break;
                case ulong n: writer.Write(n); break;
                case long n: writer.Write(n); break;
                case float n: writer.Write(n); break;
                case double n: writer.Write(n); break;
                case bool n: writer.Write(n); break;
                default: throw new ArgumentException($"No {number.GetType()} here.");
            }
            fields.Add(new(at, (int)bytes.Position - at));
        }

        void Text(string text)
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            Number((ulong)utf8.Length);
            writer.Write(utf8);
        }

        void Value(object value, bool withType)
        {
            if (withType) Number(TypeOf(value));
            if (value is string text) Text(text);
            else if (value is Array list)
            {
                Number(list.Length > 0 ? TypeOf(list.GetValue(0)!) : (uint)GgufValueType.UInt32);
                Number((ulong)list.Length);
                foreach (var item in list) Value(item, withType: false);
            }
            else Number(value);
        }

        void Pad()
        {
            while (bytes.Position % 32 != 0) writer.Write((byte)0);
        }
    }

    /// <summary>One change of the structure.</summary>
    public GgufInput Changed(FuzzRandom random, IReadOnlyList<object> values)
    {
        var changed = new GgufInput { Metadata = [.. Metadata], Tensors = [.. Tensors] };
        for (var left = random.Few(4); left > 0; left--)
        {
            if (changed.Metadata.Count > 0 && (changed.Tensors.Count == 0 || random.Chance(65))) ChangeMetadata(random, changed.Metadata, values);
            else if (changed.Tensors.Count > 0) ChangeTensor(random, changed.Tensors);
        }
        return changed;
    }

    private static void ChangeMetadata(FuzzRandom random, List<(string Key, object Value)> metadata, IReadOnlyList<object> values)
    {
        var at = random.Below(metadata.Count);
        switch (random.Below(8))
        {
            case 0: metadata.RemoveAt(at); break;
            case 1: metadata.Add(metadata[at]); break;
            case 2: metadata[at] = (random.Pick(metadata).Key, metadata[at].Value); break;
            case 3: metadata[at] = (metadata[at].Key, random.Pick(metadata).Value); break;
            case 4: metadata.Add((random.Pick(["llama.unknown", "general.alignment", "split.count", "llama.rope.scaling.type", "tokenizer.ggml.pre", ""]), random.Pick(values))); break;
            case 5 when metadata[at].Value is Array { Length: > 0 } list: metadata[at] = (metadata[at].Key, ChangeList(random, list, values)); break;
            default: metadata[at] = (metadata[at].Key, random.Pick(values)); break;
        }
    }

    private static Array ChangeList(FuzzRandom random, Array list, IReadOnlyList<object> values)
    {
        var items = list.Cast<object>().ToList();
        var at = random.Below(items.Count);
        switch (random.Below(4))
        {
            case 0: items.RemoveAt(at); break;
            case 1: items.Add(items[at]); break;
            case 2: items[at] = random.Pick(items); break;
            default: items[at] = values.Where(value => value.GetType() == items[at].GetType()).ToArray() is { Length: > 0 } same ? random.Pick(same) : items[at]; break;
        }
        return items.ToArray();
    }

    private static void ChangeTensor(FuzzRandom random, List<(string Name, uint Type, ulong[] Shape, int Bytes)> tensors)
    {
        var at = random.Below(tensors.Count);
        var tensor = tensors[at];
        tensors[at] = random.Below(6) switch
        {
            0 => tensor with { Name = random.Pick(tensors).Name },
            1 => tensor with { Type = (uint)random.Below(45) },
            2 => tensor with { Shape = [.. tensor.Shape, (ulong)random.Below(4)] },
            3 => tensor with { Shape = [.. tensor.Shape.Reverse()] },
            4 => tensor with { Bytes = random.Below(300) },
            _ => tensor with { Name = random.Pick(["blk.99999.attn_q.weight", "blk.0.attn_q", "x", "token_embd.weight", "rope_freqs.weight", "output.weight", "blk.0.attn_q.bias"]) },
        };
    }

    private static uint TypeOf(object value) => (uint)(value switch
    {
        byte => GgufValueType.UInt8,
        ushort => GgufValueType.UInt16,
        uint => GgufValueType.UInt32,
        int => GgufValueType.Int32,
        ulong => GgufValueType.UInt64,
        long => GgufValueType.Int64,
        float => GgufValueType.Float32,
        double => GgufValueType.Float64,
        bool => GgufValueType.Bool,
        string => GgufValueType.String,
        _ => GgufValueType.Array,
    });
}
