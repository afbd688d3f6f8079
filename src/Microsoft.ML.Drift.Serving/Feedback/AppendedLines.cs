using System.Text.Json;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Serving.Feedback;

/// <summary>
/// A JSON Lines file to which rows are appended: each as a whole or not at all, and on the disk before the caller is told. A row's id is made of its
/// content, so that the same row sent twice stands there once.
/// </summary>
internal sealed class AppendedLines : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private readonly FolderLock _lock;
    private readonly FileStream _file;

    /// <summary>Opens the file or makes it, and locks it (by a file beside it) so that no other process appends; reading is free. A last line that was torn by a crash is cut off.</summary>
    /// <exception cref="IOException">The file is held by another process, or cannot be written.</exception>
    /// <exception cref="InvalidDataException">The file holds lines that are not JSON objects.</exception>
    public AppendedLines(string path)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        _lock = FolderLock.Take(full + ".lock", full);
        try
        {
            _file = new FileStream(full, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            ReadIds(full);
        }
        catch
        {
            _file?.Dispose();
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Appends a row unless a row with its id is there.</summary>
    /// <param name="id">The row's id.</param>
    /// <param name="line">Its JSON in UTF-8, without a line end.</param>
    /// <returns>Whether it was appended.</returns>
    /// <exception cref="IOException">The disk refused; the file is as it was.</exception>
    public async Task<bool> Append(string id, ReadOnlyMemory<byte> line)
    {
        await _turn.WaitAsync();
        try
        {
            if (_ids.Contains(id)) return false;
            var before = _file.Length;
            try
            {
                byte[] whole = [.. line.Span, (byte)'\n'];
                _file.Position = before;
                await _file.WriteAsync(whole);
                _file.Flush(flushToDisk: true);
            }
            catch
            {
                _file.SetLength(before);
                throw;
            }
            _ids.Add(id);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
        _turn.Dispose();
    }

    private void ReadIds(string path)
    {
        using var reader = new StreamReader(_file, leaveOpen: true);
        var content = reader.ReadToEnd();
        var complete = content.LastIndexOf('\n') + 1;
        foreach (var (index, line) in content[..complete].Split('\n').Index())
        {
            if (string.IsNullOrWhiteSpace(line)) continue;
            _ids.Add(IdOf(line) ?? throw new InvalidDataException($"{path}, line {index + 1}: not a JSON object. Rows are only appended to a JSON Lines file; name another file, or repair this one."));
        }
        if (complete < content.Length) EndLastLine(path, content, complete);
    }

    /// <summary>A last line without its end is whole, if somebody wrote it by hand, or what a crash left.</summary>
    private void EndLastLine(string path, string content, int complete)
    {
        if (IdOf(content[complete..]) is { } id)
        {
            _ids.Add(id);
            _file.Position = _file.Length;
            _file.WriteByte((byte)'\n');
        }
        else if (complete > 0 || content.StartsWith('{'))
        {
            _file.SetLength(System.Text.Encoding.UTF8.GetByteCount(content.AsSpan(0, complete)) + ByteOrderMark());
        }
        else
        {
            throw new InvalidDataException($"{path}, line 1: not a JSON object. Rows are only appended to a JSON Lines file; name another file, or repair this one.");
        }
        _file.Flush(flushToDisk: true);
    }

    private int ByteOrderMark()
    {
        _file.Position = 0;
        return _file.ReadByte() == 0xEF ? 3 : 0;
    }

    /// <summary>A line's id, empty for one without; null if the line is no JSON object.</summary>
    private static string? IdOf(string line)
    {
        try
        {
            using var row = JsonDocument.Parse(line);
            if (row.RootElement.ValueKind != JsonValueKind.Object) return null;
            return row.RootElement.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString()! : "";
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
