using System.IO.Compression;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>The entries of one folder of a zip that is read without ML.NET.</summary>
/// <param name="archive">The model file.</param>
/// <param name="folder">The folder's name with a slash at its end, or empty for the root.</param>
internal sealed class ZipEntries(ZipArchive archive, string folder) : IModelEntries
{
    public string NameOf(string name) => folder + name;

    public T Open<T>(string name, long longest, Func<FileStream, T> read)
    {
        var entry = archive.GetEntry(NameOf(name))
            ?? throw new InvalidDataException($"Model file, entry '{NameOf(name)}': it is missing. {ModelManifest.Remedy}");

        ZipLimits.Check(entry, longest);
        var path = Path.Combine(Path.GetTempPath(), $"drift-{Guid.NewGuid():N}.tmp");
        try
        {
            Unpack(entry, path);
            using var file = File.OpenRead(path);
            return read(file);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Unpack(ZipArchiveEntry entry, string path)
    {
        try
        {
            entry.ExtractToFile(path);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"Model file, entry '{entry.FullName}': it cannot be unpacked ({e.Message}). {ModelManifest.Remedy}", e);
        }
    }
}
