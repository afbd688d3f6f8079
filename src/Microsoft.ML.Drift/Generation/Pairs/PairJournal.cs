using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// An append-only file of sampled rows: a first line with the settings, then a line for each row as soon as it is decided. A run that was killed finds its
/// rows here and goes on with the first missing one. Every line carries its length and a checksum; a last line that is not whole is cut off.
/// </summary>
internal sealed class PairJournal : IDisposable
{
    private static readonly JsonSerializerOptions Json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Converters = { new JsonStringEnumConverter() },
    };

    private static ReadOnlySpan<byte> HeaderStart => "{\"Settings\":{"u8;

    private readonly FileStream _file;
    private readonly FolderLock? _lock;
    private readonly Dictionary<string, SampledRow> _rows = new(StringComparer.Ordinal);

    private PairJournal(FileStream file, FolderLock? owner) => (_file, _lock) = (file, owner);

    /// <summary>The rows that earlier runs decided, by their ids.</summary>
    public IReadOnlyDictionary<string, SampledRow> Rows => _rows;

    /// <summary>Opens a journal, or starts one.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="settings">Everything that decides what is sampled; it must be what the journal was started with.</param>
    /// <param name="isOwned">Whether the caller's own lock covers the file.</param>
    /// <exception cref="InvalidDataException">The file is no journal, is damaged, or is one of other settings; the message names them.</exception>
    /// <exception cref="IOException">Another process writes to it.</exception>
    public static PairJournal Open(string path, IReadOnlyDictionary<string, string> settings, bool isOwned)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var owner = isOwned ? null : FolderLock.Take(full + ".lock", full);
        try
        {
            var journal = new PairJournal(new FileStream(full, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read), owner);
            try
            {
                journal.Load(path, settings);
                return journal;
            }
            catch
            {
                journal._file.Dispose();
                throw;
            }
        }
        catch
        {
            owner?.Dispose();
            throw;
        }
    }

    /// <summary>Writes a row; it is on the disk when this returns.</summary>
    public void Append(SampledRow row)
    {
        WriteLine(row);
        _rows[row.RowId] = row;
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock?.Dispose();
    }

    private void Load(string path, IReadOnlyDictionary<string, string> settings)
    {
        var (lines, length) = ReadLines(path);
        _file.SetLength(length);
        _file.Seek(0, SeekOrigin.End);
        if (lines.Count == 0)
        {
            WriteLine(new Header { Settings = settings });
            return;
        }
        Compare(path, Parse<Header>(path, 1, lines[0]).Settings, settings);
        for (var i = 1; i < lines.Count; i++)
        {
            var row = Parse<SampledRow>(path, i + 1, lines[i]);
            _rows[row.RowId] = row;
        }
    }

    /// <summary>The whole lines, and how far they reach. Only what a crash can leave is cut off: lines at the end that are not whole.</summary>
    private (List<byte[]> Lines, long Length) ReadLines(string path)
    {
        var text = new byte[_file.Length];
        _file.ReadExactly(text);
        var lines = new List<byte[]>();
        var (length, firstBad) = (0, -1);
        for (int start = 0, number = 1, end; start < text.Length && (end = text.AsSpan(start).IndexOf((byte)'\n')) >= 0; start += end + 1, number++)
        {
            if (CheckedLine.Open(text.AsSpan(start, end)) is { } line)
            {
                if (firstBad > 0) throw Damaged(path, firstBad);
                lines.Add(line);
                length = start + end + 1;
            }
            else if (firstBad < 0) firstBad = number;
        }
        // A crash in the first line leaves its beginning; anything else without a whole line is somebody's other file.
        if (lines.Count == 0 && (firstBad > 0 || text.AsSpan().CommonPrefixLength(HeaderStart) < Math.Min(text.Length, HeaderStart.Length))) throw Damaged(path, 1);
        return (lines, length);
    }

    private static InvalidDataException Damaged(string path, int line) => new(
        $"{path}, line {line}: this is no line of a sampling journal, or it was changed. Delete the line, whose row is then sampled again; or name another file as JournalPath.");

    private void WriteLine<T>(T value)
    {
        byte[] line = [.. CheckedLine.Seal(JsonSerializer.SerializeToUtf8Bytes(value, Json)), (byte)'\n'];
        _file.Write(line);
        _file.Flush(flushToDisk: true);
    }

    private static T Parse<T>(string path, int line, byte[] text)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Json) ?? throw new JsonException("found null");
        }
        catch (JsonException problem)
        {
            throw new InvalidDataException($"{path}, line {line}: this is no line of a sampling journal ({problem.Message}). Name another file as JournalPath, or delete this one.", problem);
        }
    }

    private static void Compare(string path, IReadOnlyDictionary<string, string> found, IReadOnlyDictionary<string, string> settings)
    {
        var differences = settings.Keys.Union(found.Keys).Order(StringComparer.Ordinal)
            .Where(key => found.GetValueOrDefault(key) != settings.GetValueOrDefault(key))
            .Select(key => $"{key} was {found.GetValueOrDefault(key) ?? "not set"} and is {settings.GetValueOrDefault(key) ?? "not set"}").ToList();
        if (differences.Count > 0) throw new InvalidDataException(
            $"{path}: this journal was started with other settings: {string.Join("; ", differences)}. Use the same settings to go on with it, or another JournalPath to start anew.");
    }

    private sealed record Header
    {
        [JsonRequired]
        public required IReadOnlyDictionary<string, string> Settings { get; init; }

        public string Journal { get; init; } = "dsat-pairs";

        public int Version { get; init; } = 2;
    }
}
