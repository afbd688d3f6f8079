using System.Runtime.InteropServices;

namespace Microsoft.ML.Drift.Data;

/// <summary>Folders that appear, or change, as a whole.</summary>
internal static partial class DurableFolder
{
    /// <summary>Makes a folder with its contents, which appear at once under the name; an older folder of that name gives way at that moment.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="fill">Writes the contents into the folder it is given.</param>
    public static void Create(string path, Action<string> fill)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var parent = Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(parent);
        var temporary = AtomicFile.TemporaryBeside(target);
        try
        {
            Directory.CreateDirectory(temporary);
            fill(temporary);
            Flush(temporary);
            if (Directory.Exists(target)) Remove(target);
            Directory.Move(temporary, target);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
        Flush(parent);
    }

    /// <summary>Removes a folder: its name goes first, so that nobody meets half of it.</summary>
    public static void Remove(string path)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var temporary = AtomicFile.TemporaryBeside(target);
        Directory.Move(target, temporary);
        Directory.Delete(temporary, recursive: true);
    }

    /// <summary>Writes a folder's list of names to the disk: a renamed file survives a power cut only then. Windows keeps that list in its own journal.</summary>
    public static void Flush(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        // .NET opens no folders. A file system that cannot flush them says so, and has then nothing better to offer.
        var folder = Open(path, ReadOnly);
        if (folder < 0) return;
        Synchronize(folder);
        Close(folder);
    }

    private const int ReadOnly = 0;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Synchronize(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    private static void TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
    }
}
