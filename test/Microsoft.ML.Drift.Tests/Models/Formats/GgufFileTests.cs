using System.Text;
using System.Text.Json;
using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Tests.Models.Formats;

public sealed class GgufFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_EveryKindOfValue_IsRead()
    {
        using var file = Open(
            [("u8", 0, [200]), ("i8", 1, [200]), ("u16", 2, [1, 2]), ("i32", 5, [255, 255, 255, 255]), ("f32", 6, [0, 0, 128, 63]), ("yes", 7, [1]), ("s", 8, Text("é")),
             ("ints", 9, [5, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0]), ("strings", 9, [8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, .. Text("a")]), ("u64", 10, [255, 255, 255, 255, 255, 255, 255, 255])], [], []);
        Assert.Equal((byte)200, file.Metadata["u8"]);
        Assert.Equal((sbyte)-56, file.Metadata["i8"]);
        Assert.Equal((ushort)513, file.Metadata["u16"]);
        Assert.Equal(-1, file.Metadata["i32"]);
        Assert.Equal(1f, file.Metadata["f32"]);
        Assert.Equal(true, file.Metadata["yes"]);
        Assert.Equal("é", file.Metadata["s"]);
        Assert.Equal([7, 8], (int[])file.Metadata["ints"]);
        Assert.Equal(["a"], (string[])file.Metadata["strings"]);
        Assert.Equal(ulong.MaxValue, file.Metadata["u64"]);
    }

    [Fact]
    public void Read_Q4_0_ByHand()
    {
        // d = 0.5 as a half; byte i holds value i (low) and value i + 16 (high), 8 too large: 0x0F → (15 − 8)/2 = 3.5 and (0 − 8)/2 = −4.
        using var file = Open([], [("w", [32UL], 2, 0)], [0x00, 0x38, .. Enumerable.Repeat((byte)0x0F, 16)]);
        using var values = file.Read("w");
        Assert.Equal([.. Enumerable.Repeat(3.5f, 16), .. Enumerable.Repeat(-4f, 16)], values.data<float>().ToArray());
        using var half = file.Read("w", torch.ScalarType.Float16);
        Assert.Equal(torch.ScalarType.Float16, half.dtype);
        Assert.Equal(-4f, half[16].to(torch.float32).item<float>());
    }

    [Fact]
    public void Shape_OfTwoDimensions_IsReversed()
    {
        using var file = Open([], [("w", [3UL, 2UL], 0, 0)], new byte[24]); // the file lists the fastest dimension first
        Assert.Equal([2L, 3L], file.Shape("w"));
        Assert.Equal("F32", file.StoredType("w"));
    }

    [Fact]
    public void Open_TensorsShareBytes_IsRefused() =>
        Assert.Contains("shares bytes", Refused([], [("a", [16UL], 0, 0), ("b", [4UL], 0, 32)], new byte[64]));

    [Fact]
    public void Open_TextNotUtf8_IsRefused() => Assert.Contains("not UTF-8", Refused([("k", 8, [1, 0, 0, 0, 0, 0, 0, 0, 0xFF])], [], []));

    [Fact]
    public void Open_TruthValueOfTwo_IsRefused() => Assert.Contains("truth value of 2", Refused([("k", 7, [2])], [], []));

    [Fact]
    public void Open_FiveDimensions_IsRefused() => Assert.Contains("5 dimensions", Refused([], [("a", [1, 1, 1, 1, 1], 0, 0)], new byte[4]));

    [Fact]
    public void Open_CutAnywhereInTheHeader_IsRefused()
    {
        var path = _folder.File("whole.gguf");
        File.WriteAllBytes(path, Bytes([("a", 8, Text("llama")), ("b", 9, [8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, .. Text("x"), .. Text("yz")])], [("t", [8UL], 0, 0)], new byte[32]));
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            var cut = _folder.File("cut.gguf");
            File.WriteAllBytes(cut, whole[..length]);
            Assert.Throws<InvalidDataException>(() => GgufFile.Open(cut).Dispose());
        }
    }

    [Fact, Trait("Parity", "measured")]
    public void Dequantize_EveryRecordedType_EqualsTheReferenceBitForBit()
    {
        using var recorded = SafetensorsFile.Open(Path.Combine(Golden.Folder("hf", "gguf"), "dequant.safetensors"));
        var types = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden.Folder("hf", "gguf"), "dequant.json"))).RootElement;
        foreach (var type in types.EnumerateObject())
        {
            var layout = GgufLayout.Find(type.Value.GetProperty("ggml_type").GetUInt32());
            Assert.NotNull(layout);
            Assert.Equal((type.Name, type.Value.GetProperty("block_size").GetInt32(), type.Value.GetProperty("type_size").GetInt32()), (layout.Type.ToString(), layout.ValuesPerBlock, layout.BytesPerBlock));

            var blocks = recorded.Shape($"{type.Name}.blocks")[0];
            using var file = Open([], [("w", [(ulong)(blocks * layout.ValuesPerBlock)], (uint)layout.Type, 0)], recorded.Bytes($"{type.Name}.blocks").ToArray());
            using var values = file.Read("w");
            using var expected = recorded.Read($"{type.Name}.values");
            var (actualBits, expectedBits) = (values.data<float>().Select(BitConverter.SingleToUInt32Bits), expected.data<float>().Select(BitConverter.SingleToUInt32Bits));
            Assert.True(expectedBits.SequenceEqual(actualBits), $"{type.Name} differs");
            ParityPage.AddEqual("GGUF types", type.Name, "values", (int)expected.NumberOfElements);
        }
    }

    private string Refused((string, uint, byte[])[] metadata, (string, ulong[], uint, ulong)[] tensors, byte[] data) =>
        Assert.Throws<InvalidDataException>(() => Open(metadata, tensors, data)).Message;

    private GgufFile Open((string Key, uint Type, byte[] Value)[] metadata, (string Name, ulong[] Sizes, uint Type, ulong Offset)[] tensors, byte[] data)
    {
        var path = _folder.File($"{Guid.NewGuid():N}.gguf");
        File.WriteAllBytes(path, Bytes(metadata, tensors, data));
        return GgufFile.Open(path);
    }

    private static byte[] Bytes((string Key, uint Type, byte[] Value)[] metadata, (string Name, ulong[] Sizes, uint Type, ulong Offset)[] tensors, byte[] data)
    {
        var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Length);
        writer.Write((ulong)metadata.Length);
        foreach (var (key, type, value) in metadata)
        {
            writer.Write(Text(key));
            writer.Write(type);
            writer.Write(value);
        }
        foreach (var (name, sizes, type, offset) in tensors)
        {
            writer.Write(Text(name));
            writer.Write((uint)sizes.Length);
            foreach (var size in sizes) writer.Write(size);
            writer.Write(type);
            writer.Write(offset);
        }
        while (tensors.Length > 0 && stream.Length % 32 != 0) writer.Write((byte)0);
        writer.Write(data);
        return stream.ToArray();
    }

    private static byte[] Text(string text) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];
}
