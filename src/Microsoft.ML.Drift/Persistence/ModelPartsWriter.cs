using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>Writes a component into an ML.NET model file as named parts, each an entry of the zip, and signs them with a manifest.</summary>
internal sealed class ModelPartsWriter
{
    private readonly ModelSaveContext _context;
    private readonly SortedDictionary<string, ModelManifest.Part> _written = new(StringComparer.Ordinal);

    private ModelPartsWriter(ModelSaveContext context) => _context = context;

    /// <summary>Saves one component: its header, the parts that <paramref name="addParts"/> adds, and their manifest.</summary>
    public static void Save(ModelSaveContext context, ModelComponent component, Action<ModelPartsWriter> addParts)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!context.InRepository)
            throw new NotSupportedException($"A {component.LoaderSignature} is saved as entries of a model file (zip), and cannot be written into a single stream.");

        context.CheckAtModel();
        context.SetVersionInfo(component.VersionInfo);
        var writer = new ModelPartsWriter(context);
        addParts(writer);

        var manifest = new ModelManifest(component.LoaderSignature, writer._written).ToJson();
        writer.Add(ModelManifest.FileName, stream => stream.Write(manifest));
        // The main stream vouches for the manifest as the manifest does for the parts.
        context.SaveString(writer._written[ModelManifest.FileName].Sha256);
    }

    /// <summary>
    /// Adds a part. The stream is a temporary file of ML.NET's, seekable, which goes into the zip later: a part may be larger than memory.
    /// </summary>
    public void Add(string name, Action<Stream> write) => _context.SaveBinaryStream(name, writer =>
    {
        var stream = writer.BaseStream;
        write(stream);
        stream.Flush();
        stream.Position = 0;
        _written.Add(name, new(stream.Length, ModelManifest.Hash(stream)));
    });

    /// <summary>
    /// Adds a large part as it is: weights hardly become smaller, and packing them takes many times as long as writing them. It goes into the zip at once,
    /// without a temporary file.
    /// </summary>
    /// <param name="name">The part's name.</param>
    /// <param name="write">Writes the content, from the beginning to the end.</param>
    public void AddStored(string name, Action<Stream> write)
    {
        if (ZipOf(_context) is not { } zip)
        {
            Add(name, write);
            return;
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var stream = new HashedStream(zip.CreateEntry(Path.Combine(_context.Directory ?? "", name), CompressionLevel.NoCompression).Open(), hash);
        write(stream);
        _written.Add(name, new(stream.Written, Convert.ToHexStringLower(hash.GetHashAndReset())));
    }

    public void Add(string name, byte[] content) => Add(name, stream => stream.Write(content));

    public void AddJson<T>(string name, T value) => Add(name, JsonSerializer.SerializeToUtf8Bytes(value, ModelFileJson.Options));

    // ML.NET packs every entry; its archive would store one too, but is private. Where a later version has none by this name, entries are packed.
    private static ZipArchive? ZipOf(ModelSaveContext context)
    {
        try
        {
            return Archive(context.Repository);
        }
        catch (MissingFieldException)
        {
            return null;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_archive")]
    private static extern ref ZipArchive Archive(RepositoryWriter writer);

    /// <summary>Passes bytes on, and counts and hashes them.</summary>
    private sealed class HashedStream(Stream target, IncrementalHash hash) : Stream
    {
        public long Written { get; private set; }

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => Written; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            target.Write(buffer);
            Written += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
        public override void Flush() => target.Flush();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) target.Dispose();
            base.Dispose(disposing);
        }
    }
}
