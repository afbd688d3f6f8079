using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>The entries beside a component's main stream, while ML.NET loads a model file.</summary>
internal sealed class RepositoryEntries(ModelLoadContext context) : IModelEntries
{
    public string NameOf(string name) => Path.Combine(context.Directory ?? "", name).Replace('\\', '/');

    public T Open<T>(string name, long longest, Func<FileStream, T> read)
    {
        // ML.NET unpacks without looking at the size.
        if (context.Repository is RepositoryReader reader && Find(Archive(reader), NameOf(name)) is { } packed) ZipLimits.Check(packed, longest);
        using var entry = Unpack(name)
            ?? throw new InvalidDataException($"Model file, entry '{NameOf(name)}': it is missing. {ModelManifest.Remedy}");
        // ML.NET unpacks every entry into a file of its temporary folder.
        return read((FileStream)entry.Stream);
    }

    private Repository.Entry? Unpack(string name)
    {
        try
        {
            return context.Repository.OpenEntryOrNull(context.Directory, name);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"Model file, entry '{NameOf(name)}': it cannot be unpacked ({e.Message}). {ModelManifest.Remedy}", e);
        }
    }

    // ML.NET on Windows writes names with backslashes.
    private static ZipArchiveEntry? Find(ZipArchive archive, string name) => archive.GetEntry(name) ?? archive.GetEntry(name.Replace('/', '\\'));

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_archive")]
    private static extern ref ZipArchive Archive(RepositoryReader reader);
}
