using System.IO.Compression;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>
/// What a model file may unpack to. Checked against the zip's table of contents, before a byte is unpacked; .NET gives no more bytes of an entry than the table says.
/// </summary>
internal static class ZipLimits
{
    /// <summary>Entries of a model file; a chain of a hundred transformers has some hundreds.</summary>
    public const int Entries = 10_000;

    /// <summary>Bytes of a component's main stream and of its manifest.</summary>
    public const long Description = 16L << 20;

    /// <summary>Bytes of a part that is read into memory: every part but the weights.</summary>
    public const long TextPart = 128L << 20;

    /// <summary>How many times its packed size an entry may have, if it is larger than <see cref="Small"/>. Weights shrink by some percent.</summary>
    public const int Ratio = 100;

    /// <summary>Bytes up to which an entry may be packed as tightly as it will.</summary>
    public const long Small = 64L << 20;

    /// <summary>Refuses an entry that is too large.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="longest">The most bytes it may have.</param>
    /// <exception cref="InvalidDataException">It is.</exception>
    public static void Check(ZipArchiveEntry entry, long longest)
    {
        if (entry.Length > longest)
            throw new InvalidDataException($"Model file, entry '{entry.FullName}': it unpacks to {entry.Length:N0} bytes, where at most {longest:N0} are expected. {ModelManifest.Remedy}");
        if (entry.Length > Small && entry.Length / Ratio > entry.CompressedLength)
            throw new InvalidDataException($"Model file, entry '{entry.FullName}': it unpacks from {entry.CompressedLength:N0} to {entry.Length:N0} bytes, more than {Ratio} times as many, which no model's weights do. {ModelManifest.Remedy}");
    }
}
