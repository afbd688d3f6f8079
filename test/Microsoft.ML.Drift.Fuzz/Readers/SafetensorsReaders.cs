using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Makes safetensors files whose header is changed as JSON and whose length then fits, mostly.</summary>
internal sealed class SafetensorsInputs
{
    private static readonly string[] Words =
        ["\"F32\"", "\"F16\"", "\"BF16\"", "\"F64\"", "\"I64\"", "\"U8\"", "\"BOOL\"", "\"F8_E4M3\"", "\"F4\"", "\"C64\"", "[0,0]", "[0,4]", "[4,0]", "[4]", "[2,2]", "[0]", "[]", "[2305843009213693952,8]", "[4294967296,4294967296]", "[9223372036854775807,0]"];

    private readonly List<byte[]> _files = [];
    private readonly JsonMutator _headers;

    public SafetensorsInputs(IEnumerable<byte[]> files)
    {
        _files.AddRange(files);
        _headers = new(_files.Where(IsSound).Select(Header), Words);
    }

    public byte[] Next(FuzzRandom random)
    {
        var file = random.Pick(_files);
        if (random.Chance(45) || !IsSound(file)) return ByteMutator.Mutate(random, file, _files, [new(0, 8)]);
        var header = _headers.Next(random);
        var data = random.Pick([DataOf(file), DataOf(file), new byte[16], []]);
        var result = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(result, random.Chance(97) ? header.Length : header.Length + random.Below(5) - 2);
        header.CopyTo(result, 8);
        data.CopyTo(result, 8 + header.Length);
        return result;
    }

    /// <summary>A file of these tensors, each of some bytes.</summary>
    public static byte[] File(params (string Name, string Dtype, long[] Shape, int Bytes)[] tensors)
    {
        var offset = 0;
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        foreach (var (name, dtype, shape, bytes) in tensors)
        {
            header.Append($",{JsonSerializer.Serialize(name)}:{{\"dtype\":\"{dtype}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{offset},{offset + bytes}]}}");
            offset += bytes;
        }
        header.Append('}');
        var result = new byte[8 + header.Length + offset];
        BinaryPrimitives.WriteInt64LittleEndian(result, header.Length);
        Encoding.UTF8.GetBytes(header.ToString()).CopyTo(result, 8);
        for (var i = 0; i < offset; i++) result[8 + header.Length + i] = (byte)(i * 7 + 1);
        return result;
    }

    private static bool IsSound(byte[] file)
    {
        if (file.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(file) > (ulong)(file.Length - 8)) return false;
        try
        {
            JsonDocument.Parse(Header(file));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Header(byte[] file) => Encoding.UTF8.GetString(file, 8, (int)BinaryPrimitives.ReadInt64LittleEndian(file));

    private static byte[] DataOf(byte[] file) => IsSound(file) ? file[(8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file))..] : [];
}

/// <summary>One safetensors file: opened, and every tensor read. Bytes are compared with an independent reading of the header.</summary>
internal sealed class SafetensorsReader : Reader
{
    private string _path = "";
    private SafetensorsInputs _inputs = null!;

    public override string Name => "safetensors";

    protected override string Where => "input.safetensors";

    public override void Prepare(string folder)
    {
        _path = Path.Combine(folder, Where);
        _inputs = new(
        [
            SafetensorsInputs.File(("a", "F32", [2, 2], 16), ("b", "F16", [4], 8), ("c", "BF16", [1, 2], 4)), SafetensorsInputs.File(("x", "I64", [2], 16), ("empty", "F32", [0, 4], 0), ("s", "F64", [], 8)),
            SafetensorsInputs.File(("u", "U8", [3], 3), ("t", "BOOL", [1], 1), ("f", "F8_E4M3", [4], 4)), SafetensorsInputs.File(), .. Recordings.Files("hf/bad", "*.safetensors").Select(File.ReadAllBytes),
        ]);
    }

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using var file = SafetensorsFile.Open(_path);
        var header = JsonDocument.Parse(input.AsMemory(8, (int)BinaryPrimitives.ReadInt64LittleEndian(input))).RootElement;
        var start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(input);
        var owned = new bool[input.Length - start];
        foreach (var (name, entry) in file.Tensors)
        {
            var offsets = header.GetProperty(name).GetProperty("data_offsets");
            var (begin, end) = (offsets[0].GetInt32(), offsets[1].GetInt32());
            for (var i = begin; i < end; i++)
            {
                Expect(!owned[i], "No byte belongs to two tensors.");
                owned[i] = true;
            }
            if (SafetensorsType.ToTorch(entry.Dtype) is null) continue;
            using var tensor = file.Read(name);
            Expect(tensor.bytes.SequenceEqual(input.AsSpan(start + begin, end - begin)), "A tensor has the bytes its offsets name.");
        }
        Expect(Array.TrueForAll(owned, each => each), "Every byte belongs to a tensor.");
    }
}

/// <summary>An index over two shards. Beside the folder lies a file with the wanted tensors: a name that leads there must not be followed.</summary>
internal sealed class ShardIndexReader : Reader
{
    private const string Seed = """{"metadata":{"total_size":32},"weight_map":{"a":"model-1.safetensors","b":"model-1.safetensors","c":"model-2.safetensors"}}""";
    private static readonly string[] Words =
        ["\"model-1.safetensors\"", "\"model-2.safetensors\"", "\"../outside.safetensors\"", "\"..\\\\outside.safetensors\"", "\"./model-1.safetensors\"", "\"/dev/zero\"", "\"/dev/stdin\"", "\".\"", "\"..\"", "\"sub/../../outside.safetensors\"", "\"model-3.safetensors\"", "\"link.safetensors\"", "\"model.safetensors.index.json\""];

    private string _folder = "";
    private JsonMutator _inputs = null!;

    public override string Name => "safetensors-index";

    public override void Prepare(string folder)
    {
        _folder = Directory.CreateDirectory(Path.Combine(folder, "sharded")).FullName;
        File.WriteAllBytes(Path.Combine(_folder, "model-1.safetensors"), SafetensorsInputs.File(("a", "F32", [2], 8), ("b", "F32", [2], 8)));
        File.WriteAllBytes(Path.Combine(_folder, "model-2.safetensors"), SafetensorsInputs.File(("c", "F32", [4], 16)));
        File.WriteAllBytes(Path.Combine(folder, "outside.safetensors"), SafetensorsInputs.File(("a", "F32", [2], 8), ("b", "F32", [2], 8)));
        _inputs = new([Seed], Words);
    }

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(Path.Combine(_folder, SafetensorsIndex.FileName), input);
        using var tensors = ShardedSafetensors.Open(_folder);
        Expect(tensors.Names.Order().SequenceEqual(["a", "b", "c"]) || tensors.Names.Order().SequenceEqual(["a", "b"]) || tensors.Names.SequenceEqual(["c"]), "Every tensor of a shard is listed, and nothing else.");
        foreach (var name in tensors.Names)
        {
            using var tensor = tensors.Read(name);
            Expect(tensor.dtype == torch.ScalarType.Float32, "A tensor has its shard's type.");
        }
        foreach (var place in SafetensorsIndex.Read(Path.Combine(_folder, SafetensorsIndex.FileName)).Values)
            Expect(Path.GetDirectoryName(Path.GetFullPath(Path.Combine(_folder, place))) == _folder, "A shard lies in the folder.");
    }
}
