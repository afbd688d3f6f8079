using System.Buffers;
using System.Text.Json;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Writes <c>metrics.jsonl</c> while a training runs: one object for each optimizer step and evaluation, in full precision, under TRL's keys. Every line is on
/// the disk before the next step begins, so that a run which is stopped has told all it did.
/// </summary>
/// <remarks>JSON has no NaN or infinity; they are written as the texts "NaN", "Infinity" and "-Infinity".</remarks>
public sealed class MetricsFile : IProgress<TrainingRecord>, IDisposable
{
    private readonly FileStream _stream;
    private readonly ArrayBufferWriter<byte> _line = new();

    /// <summary>Begins the file; one of the same name is replaced.</summary>
    /// <param name="path">The file; its folder is made if needed.</param>
    public MetricsFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
    }

    private MetricsFile(string path, long length)
    {
        _stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        _stream.SetLength(length);
        _stream.Seek(0, SeekOrigin.End);
    }

    /// <summary>Bytes written so far.</summary>
    internal long Length => _stream.Length;

    /// <summary>Goes on after the first bytes of a file; what follows them is cut off.</summary>
    internal static MetricsFile Continue(string path, long length) => new(path, length);

    /// <summary>Adds a line.</summary>
    /// <exception cref="IOException">The line cannot be written.</exception>
    public void Report(TrainingRecord value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_line)) Write(json, value);
        _line.Write("\n"u8);
        _stream.Write(_line.WrittenSpan);
        _stream.Flush(flushToDisk: true);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose();

    /// <summary>The records of a file.</summary>
    /// <param name="path">A file that this class wrote.</param>
    /// <exception cref="InvalidDataException">A line is not a record.</exception>
    public static TrainingHistory Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new TrainingHistory([.. File.ReadLines(path).Select((line, index) => Parse(line, $"{path}, line {index + 1}"))]);
    }

    private static void Write(Utf8JsonWriter json, TrainingRecord record)
    {
        json.WriteStartObject();
        json.WriteNumber("step", record.Step);
        json.WriteNumber("epoch", record.Epoch);
        foreach (var (name, value) in record.Metrics)
        {
            if (double.IsFinite(value)) json.WriteNumber(name, value);
            else json.WriteString(name, value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        json.WriteEndObject();
    }

    private static TrainingRecord Parse(string line, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var metrics = new Dictionary<string, double>();
            foreach (var field in document.RootElement.EnumerateObject())
            {
                metrics[field.Name] = field.Value.ValueKind == JsonValueKind.Number
                    ? field.Value.GetDouble()
                    : double.Parse(field.Value.GetString()!, System.Globalization.CultureInfo.InvariantCulture);
            }
            metrics.Remove("step", out var step);
            metrics.Remove("epoch", out var epoch);
            return new TrainingRecord((int)step, epoch, metrics.Keys.Any(name => name.StartsWith("eval_", StringComparison.Ordinal)), metrics);
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException or ArgumentNullException)
        {
            throw new InvalidDataException($"{where}: this is not a line of metrics: {error.Message}", error);
        }
    }
}
