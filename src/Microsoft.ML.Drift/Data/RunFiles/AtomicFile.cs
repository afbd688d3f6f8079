namespace Microsoft.ML.Drift.Data;

/// <summary>
/// Writes a file whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed over the target; the rename itself is flushed too.
/// </summary>
/// <remarks>A process that is killed in between leaves a file named <c>.NAME.….tmp</c>, which <see cref="RemoveLeftovers"/> finds.</remarks>
internal static class AtomicFile
{
    private const string TemporaryEnding = ".tmp";

    /// <summary>A name beside <paramref name="path"/> under which something is prepared.</summary>
    public static string TemporaryBeside(string path) =>
        Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}{TemporaryEnding}");

    public static void Write(string path, Action<Stream> write)
    {
        var target = Path.GetFullPath(path);
        var temporary = TemporaryBeside(target);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
        DurableFolder.Flush(Path.GetDirectoryName(target)!);
    }

    /// <summary>Deletes what a killed process left half written in a folder and the folders below it.</summary>
    public static void RemoveLeftovers(string folder)
    {
        var everywhere = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (var path in Directory.GetDirectories(folder, $".*{TemporaryEnding}", everywhere))
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        foreach (var path in Directory.GetFiles(folder, $".*{TemporaryEnding}", everywhere)) File.Delete(path);
    }

    // What went wrong before matters more than that its traces cannot be removed.
    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }
}
