namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// A file of lines that training steps write. A step's lines are kept back until the step is done, so that a step which is stopped in its middle and made again leaves them
/// once.
/// </summary>
/// <param name="path">The file.</param>
internal sealed class StepLog(string path) : IDisposable
{
    private readonly List<byte[]> _pending = [];
    private FileStream? _file;

    public string Path => path;

    /// <summary>Bytes of finished steps.</summary>
    public long Length => _file?.Length ?? 0;

    /// <summary>Adds a line, line feed included, of the step that is being made.</summary>
    public void Add(byte[] line) => _pending.Add(line);

    /// <summary>Goes on after the first bytes of the file; what follows them is cut off.</summary>
    public void Continue(long length)
    {
        _pending.Clear();
        _file ??= new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        _file.SetLength(length);
        _file.Position = length;
    }

    /// <summary>Writes the lines of the step that is done.</summary>
    public void Commit()
    {
        foreach (var line in _pending) _file!.Write(line);
        _pending.Clear();
        _file!.Flush(flushToDisk: true);
    }

    public void Dispose() => _file?.Dispose();
}
