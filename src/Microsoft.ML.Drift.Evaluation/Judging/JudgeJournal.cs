using System.Text;
using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>
/// Replies by key, in a file to which lines are only added. A line that a kill cut off is removed when the file is opened again; a line is complete if it ends with a line feed.
/// </summary>
internal sealed class JudgeJournal : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, JudgeReply> _replies = [];
    private readonly FileStream _stream;

    /// <exception cref="IOException">Another process, or another journal of this one, has the file.</exception>
    /// <exception cref="InvalidDataException">A complete line cannot be read.</exception>
    public JudgeJournal(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        try
        {
            _stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (File.Exists(path))
        {
            throw new IOException($"{path} is in use by another judge; wait for it, or give this one a cache of its own.", error);
        }
        try
        {
            Load(path);
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    public JudgeReply? Find(string key)
    {
        lock (_lock) return _replies.GetValueOrDefault(key);
    }

    /// <summary>Keeps a reply; it is on the disk when this returns.</summary>
    public void Append(string key, string questionId, JudgeReply reply)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(new Record(key, questionId, reply));
        lock (_lock)
        {
            if (!_replies.TryAdd(key, reply)) return;
            _stream.Write([.. line, (byte)'\n']);
            _stream.Flush(flushToDisk: true);
        }
    }

    public void Dispose()
    {
        lock (_lock) _stream.Dispose();
    }

    private void Load(string path)
    {
        var bytes = new byte[_stream.Length];
        _stream.ReadExactly(bytes);
        var (start, number) = (0, 0);
        while (bytes.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var length)
        {
            number++;
            Read(bytes.AsSpan(start, length), path, number);
            start += length + 1;
        }
        _stream.SetLength(start);
        _stream.Position = start;
    }

    private void Read(ReadOnlySpan<byte> line, string path, int number)
    {
        try
        {
            var record = JsonSerializer.Deserialize<Record>(line);
            if (record is { Key: not null, Reply.Text: not null })
            {
                _replies[record.Key] = record.Reply;
                return;
            }
        }
        catch (JsonException)
        {
            // Told below, with the place.
        }
        throw new InvalidDataException($"{path}, line {number}: not a judge's reply. It begins: {Encoding.UTF8.GetString(line[..Math.Min(60, line.Length)])}. Delete the line to have its question asked again.");
    }

    private sealed record Record(string Key, string Question, JudgeReply Reply);
}
