using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tests.Preference;

public sealed class TensorBoardEventsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-events-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static TrainingRecord Record(int step, params (string Name, double Value)[] metrics) => new(step, 1, false, metrics.ToDictionary(metric => metric.Name, metric => metric.Value));

    [Fact]
    public void Report_TwoRecords_AreWhatAReaderOfTheFormatFinds()
    {
        using (var events = new TensorBoardEvents(_folder))
        {
            events.Report(Record(1, ("loss", 0.6931), ("rewards/margins", -0.25)));
            events.Report(Record(300, ("eval_loss", double.NaN), ("größe/Δ", 1e30)));
        }

        var file = Assert.Single(Directory.GetFiles(_folder));
        Assert.Matches(@"^events\.out\.tfevents\.\d{10}\..+", Path.GetFileName(file));
        var found = EventFile.Read(File.ReadAllBytes(file));
        Assert.Equal(3, found.Count);
        Assert.Equal("brain.Event:2", found[0].FileVersion);
        Assert.Equal([0L, 1, 300], found.Select(one => one.Step));
        Assert.Equal(["loss", "rewards/margins"], found[1].Tags);
        Assert.Equal([0.6931f, -0.25f], found[1].Values);
        Assert.Equal(["eval_loss", "größe/Δ"], found[2].Tags);
        Assert.Equal([float.NaN, 1e30f], found[2].Values);
        Assert.All(found, one => Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0 - one.WallTime, -1, 60));
    }

    [Fact]
    public void Report_WhileTheFileIsOpen_IsReadable()
    {
        using var events = new TensorBoardEvents(_folder);
        events.Report(Record(1, ("loss", 1)));

        using var file = new FileStream(Directory.GetFiles(_folder).Single(), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        Assert.Equal([1f], EventFile.Read(bytes)[1].Values);
    }

    [Fact]
    public void Report_InAFolderThatHasEvents_MarksWhereItGoesOn()
    {
        using (var events = new TensorBoardEvents(_folder)) foreach (var step in new[] { 1, 2, 3 }) events.Report(Record(step, ("loss", step)));
        using (var events = new TensorBoardEvents(_folder)) events.Report(Record(3, ("loss", 30)));

        var continued = Directory.GetFiles(_folder).Select(file => EventFile.Read(File.ReadAllBytes(file))).Single(file => file.Count == 3);
        // SessionLog.START at step 3: TensorBoard forgets the older file's step 3.
        Assert.True(continued[1].StartsSession);
        Assert.Equal(3, continued[1].Step);
        Assert.Equal([30f], continued[2].Values);
    }

    [Fact]
    public void Report_ManyFilesWithinASecond_HaveNamesInTheOrderTheyWereBegun()
    {
        // TensorBoard reads files by name; with plain numbers, file 10 would stand before file 9.
        var begun = new List<string>();
        for (var run = 0; run < 12; run++)
        {
            using var events = new TensorBoardEvents(_folder);
            events.Report(Record(run, ("loss", run)));
            begun.Add(Directory.GetFiles(_folder).Except(begun).Single());
        }

        Assert.Equal(begun, begun.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("", 0x00000000u)]
    [InlineData("123456789", 0xE3069283u)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x22620404u)]
    public void MaskedCrc_KnownTexts_IsTheMaskOfTheirCrc32C(string text, uint crc) =>
        Assert.Equal(unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8u), TensorBoardEvents.MaskedCrc(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void MaskedCrc_LengthOfARecordThatTensorFlowWrote_IsTensorFlows()
    {
        // Every event file of TensorFlow and of PyTorch begins with its version: 24 bytes, whose length is checked by A3 7F 4B 22.
        byte[] length = [24, 0, 0, 0, 0, 0, 0, 0];

        Assert.Equal(0x224B7FA3u, TensorBoardEvents.MaskedCrc(length));
    }

    private sealed record FoundEvent(double WallTime, long Step, string? FileVersion, bool StartsSession, string[] Tags, float[] Values);

    /// <summary>A reader of event files from the format's description alone: TFRecord frames with CRC-32C made from its polynomial, and protocol buffers.</summary>
    private static class EventFile
    {
        public static List<FoundEvent> Read(byte[] bytes)
        {
            var events = new List<FoundEvent>();
            for (var at = 0; at < bytes.Length;)
            {
                var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
                Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
                var data = bytes.AsSpan(at + 12, length);
                Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
                events.Add(Event(data.ToArray()));
                at += 12 + length + 4;
            }
            return events;
        }

        private static FoundEvent Event(byte[] data)
        {
            var fields = Fields(data);
            var values = fields.Where(field => field.Number == 5).SelectMany(field => Fields(field.Bytes)).Select(value => Fields(value.Bytes)).ToList();
            return new(
                BitConverter.ToDouble(fields.Single(field => field.Number == 1).Bytes),
                fields.Where(field => field.Number == 2).Select(field => (long)field.Value).SingleOrDefault(),
                fields.Where(field => field.Number == 3).Select(field => Encoding.UTF8.GetString(field.Bytes)).SingleOrDefault(),
                fields.Any(field => field.Number == 7 && Fields(field.Bytes).Single() is { Number: 1, Value: 1 }),
                [.. values.Select(value => Encoding.UTF8.GetString(value.Single(field => field.Number == 1).Bytes))],
                [.. values.Select(value => BitConverter.ToSingle(value.Single(field => field.Number == 2).Bytes))]);
        }

        private static List<(int Number, ulong Value, byte[] Bytes)> Fields(byte[] data)
        {
            var fields = new List<(int, ulong, byte[])>();
            for (var at = 0; at < data.Length;)
            {
                var key = Varint(data, ref at);
                var (value, length) = (key & 7) switch
                {
                    0 => (Varint(data, ref at), 0),
                    1 => (0UL, 8),
                    2 => (0UL, (int)Varint(data, ref at)),
                    5 => (0UL, 4),
                    var type => throw new InvalidDataException($"wire type {type}"),
                };
                fields.Add(((int)(key >> 3), value, data[at..(at + length)]));
                at += length;
            }
            return fields;
        }

        private static ulong Varint(byte[] data, ref int at)
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var one = data[at++];
                value |= (ulong)(one & 0x7F) << shift;
                if (one < 0x80) return value;
            }
        }

        // The Castagnoli polynomial, bits reversed, one bit at a time.
        private static uint Masked(ReadOnlySpan<byte> data)
        {
            var crc = uint.MaxValue;
            foreach (var one in data)
            {
                crc ^= one;
                for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
            crc = ~crc;
            return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
        }
    }
}
