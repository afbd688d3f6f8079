using System.Buffers.Binary;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>A place in a binary format where a number stands.</summary>
internal readonly record struct NumberField(int Offset, int Width);

/// <summary>Changes bytes without knowing what they mean, but for the places of numbers if they are told.</summary>
internal static class ByteMutator
{
    private const int LongestInput = 1 << 20;

    private static readonly ulong[] Boundaries =
    [
        0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 511, 1023, 1024, 4096, 65535, 65536, (1UL << 24) - 1, 1UL << 28, 1UL << 30, 0x7FFFFFC7, 0x7FFFFFFE, int.MaxValue, 1UL << 31,
        uint.MaxValue - 7, uint.MaxValue, 1UL << 32, (1UL << 32) + 1, 1UL << 40, 1UL << 60, 1UL << 61, (1UL << 62) + 8, long.MaxValue - 7, long.MaxValue, 1UL << 63, ulong.MaxValue - 32, ulong.MaxValue - 7, ulong.MaxValue,
    ];

    public static byte[] Mutate(FuzzRandom random, byte[] input, IReadOnlyList<byte[]> others, IReadOnlyList<NumberField> fields)
    {
        var bytes = new List<byte>(input);
        for (var left = random.Few(6); left > 0; left--)
        {
            if (bytes.Count == 0) bytes.AddRange([.. random.Pick(others), (byte)random.Below(256)]);
            if (bytes.Count > LongestInput) bytes.RemoveRange(LongestInput, bytes.Count - LongestInput);
            Change(random, bytes, others, fields);
        }
        return [.. bytes];
    }

    private static void Change(FuzzRandom random, List<byte> bytes, IReadOnlyList<byte[]> others, IReadOnlyList<NumberField> fields)
    {
        var at = random.Below(bytes.Count);
        switch (random.Below(fields.Count > 0 ? 20 : 12))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Below(8)); break;
            case 1: bytes[at] = (byte)random.Below(256); break;
            case 2: WriteNumber(random, bytes, at, 1 << random.Below(4)); break;
            case 3: bytes.RemoveRange(at, Math.Min(1 + random.Below(16), bytes.Count - at)); break;
            case 4: bytes.RemoveRange(at, bytes.Count - at); break;
            case 5: bytes.InsertRange(at, Enumerable.Range(0, 1 + random.Below(16)).Select(_ => (byte)random.Below(256)).ToArray()); break;
            case 6: bytes.InsertRange(at, Block(random, bytes)); break;
            case 7: Overwrite(bytes, at, Block(random, bytes)); break;
            case 8: Splice(random, bytes, at, random.Pick(others)); break;
            case 9: Overwrite(bytes, at, [.. Enumerable.Repeat((byte)(random.Chance(50) ? 0 : 255), 1 + random.Below(16))]); break;
            case 10: bytes[at] = (byte)random.Pick("0123456789{}[]\",:.eE+-\\/ \n\0"u8.ToArray()); break;
            case 11: for (var i = random.Below(8); i >= 0; i--) bytes[random.Below(bytes.Count)] ^= (byte)(1 << random.Below(8)); break;
            default:
                var field = random.Pick(fields);
                WriteNumber(random, bytes, field.Offset, field.Width);
                break;
        }
    }

    private static byte[] Block(FuzzRandom random, List<byte> bytes)
    {
        var start = random.Below(bytes.Count);
        return [.. bytes.GetRange(start, Math.Min(1 + random.Below(64), bytes.Count - start))];
    }

    private static void Overwrite(List<byte> bytes, int at, byte[] block)
    {
        for (var i = 0; i < block.Length && at + i < bytes.Count; i++) bytes[at + i] = block[i];
    }

    private static void Splice(FuzzRandom random, List<byte> bytes, int at, byte[] other)
    {
        bytes.RemoveRange(at, bytes.Count - at);
        if (other.Length > 0) bytes.AddRange(other[random.Below(other.Length)..]);
    }

    // A boundary, the old value moved by a little, or anything; little-endian, now and then big-endian.
    private static void WriteNumber(FuzzRandom random, List<byte> bytes, int at, int width)
    {
        if (at + width > bytes.Count) return;
        Span<byte> number = stackalloc byte[8];
        number.Clear();
        for (var i = 0; i < width; i++) number[i] = bytes[at + i];
        var old = BinaryPrimitives.ReadUInt64LittleEndian(number);
        var value = random.Below(4) switch
        {
            0 => old + (ulong)(random.Below(17) - 8),
            1 => random.Chance(50) ? old << 1 : old >> 1,
            2 => random.NextBits(),
            _ => random.Pick(Boundaries) - (ulong)(random.Chance(30) ? random.Below(3) : 0),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        if (random.Chance(5)) number[..width].Reverse();
        for (var i = 0; i < width; i++) bytes[at + i] = number[i];
    }
}
