using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Writes metrics as TensorBoard events while a training runs: each metric is a scalar under its name, at its optimizer step. Every record is in the file when
/// <see cref="Report"/> returns, so that TensorBoard follows a training that is going on.
/// </summary>
/// <remarks>
/// A folder may hold several event files. A training that is continued writes another one, which begins with the mark by which TensorBoard drops what the older files
/// say about the steps that are done again.
/// </remarks>
public sealed class TensorBoardEvents : IProgress<TrainingRecord>, IDisposable
{
    private static int _files;

    private readonly string _folder;
    private readonly bool _isContinued;
    private FileStream? _file;

    /// <summary>Prepares an event file, which begins with the first record.</summary>
    /// <param name="folder">The log folder TensorBoard is pointed at; made if needed.</param>
    public TensorBoardEvents(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Directory.CreateDirectory(folder);
        _folder = folder;
        _isContinued = Directory.EnumerateFiles(folder, "events.out.tfevents.*").Any();
    }

    /// <summary>Adds a step's or an evaluation's metrics.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingRecord value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var file = _file ??= Begin(value.Step);
        file.Write(Record(Event(value.Step).Message(SummaryField, Summary(value))));
        file.Flush();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file?.Dispose();

    private FileStream Begin(int firstStep)
    {
        // TensorBoard reads a folder's files in the order of their names, in which the marks of continued trainings need the older file first, also within one second.
        var name = string.Create(
            CultureInfo.InvariantCulture, $"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{Interlocked.Increment(ref _files):D9}");
        var file = new FileStream(Path.Combine(_folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        file.Write(Record(Event(0).Text(FileVersionField, "brain.Event:2")));
        if (_isContinued) file.Write(Record(Event(firstStep).Message(SessionLogField, new ProtoMessage().Integer(SessionStatusField, SessionStart))));
        return file;
    }

    // tensorboard/compat/proto/event.proto and summary.proto.
    private const int WallTimeField = 1;
    private const int StepField = 2;
    private const int FileVersionField = 3;
    private const int SummaryField = 5;
    private const int SessionLogField = 7;
    private const int SessionStatusField = 1;
    private const int SessionStart = 1;
    private const int SummaryValueField = 1;
    private const int TagField = 1;
    private const int SimpleValueField = 2;

    private static ProtoMessage Event(long step) =>
        new ProtoMessage().Double(WallTimeField, (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds).Integer(StepField, step);

    private static ProtoMessage Summary(TrainingRecord record)
    {
        var summary = new ProtoMessage();
        foreach (var (name, value) in record.Metrics) summary.Message(SummaryValueField, new ProtoMessage().Text(TagField, name).Single(SimpleValueField, (float)value));
        return summary;
    }

    /// <summary>A record of a TFRecord file: length, check of the length, data, check of the data.</summary>
    private static byte[] Record(ProtoMessage message)
    {
        var data = message.ToArray();
        var record = new byte[8 + 4 + data.Length + 4];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedCrc(record.AsSpan(0, 8)));
        data.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), MaskedCrc(data));
        return record;
    }

    /// <summary>CRC-32C, rotated and shifted so that a checksum of data that holds checksums stays one.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var one in data) crc = BitOperations.Crc32C(crc, one);
        return unchecked(BitOperations.RotateRight(~crc, 15) + 0xA282EAD8u);
    }

    /// <summary>A protocol buffer message, field by field.</summary>
    private sealed class ProtoMessage
    {
        private const int VarintType = 0;
        private const int Fixed64Type = 1;
        private const int BytesType = 2;
        private const int Fixed32Type = 5;

        private readonly List<byte> _bytes = [];

        public byte[] ToArray() => [.. _bytes];

        public ProtoMessage Integer(int field, long value)
        {
            Key(field, VarintType);
            Varint((ulong)value);
            return this;
        }

        public ProtoMessage Double(int field, double value)
        {
            Key(field, Fixed64Type);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            _bytes.AddRange(bytes);
            return this;
        }

        public ProtoMessage Single(int field, float value)
        {
            Key(field, Fixed32Type);
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            _bytes.AddRange(bytes);
            return this;
        }

        public ProtoMessage Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

        public ProtoMessage Message(int field, ProtoMessage value) => Bytes(field, value.ToArray());

        private ProtoMessage Bytes(int field, byte[] value)
        {
            Key(field, BytesType);
            Varint((ulong)value.Length);
            _bytes.AddRange(value);
            return this;
        }

        private void Key(int field, int type) => Varint((ulong)((field << 3) | type));

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
            _bytes.Add((byte)value);
        }
    }
}
