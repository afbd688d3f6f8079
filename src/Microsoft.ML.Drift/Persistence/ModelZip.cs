using System.IO.Compression;
using System.Text;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>Reads the language model out of a saved ML.NET model file, whatever else its chain holds, without loading the chain.</summary>
internal static class ModelZip
{
    private static ReadOnlySpan<byte> Magic => "PK\u0003\u0004"u8;

    /// <summary>True for a file that begins as zips do.</summary>
    public static bool IsZip(string path)
    {
        if (!File.Exists(path)) return false;
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[4];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual(Magic);
    }

    /// <summary>Loads the model: the last one, if the chain holds several.</summary>
    /// <exception cref="InvalidDataException">The zip is torn, damaged or altered, or holds no language model; the message names file and entry.</exception>
    public static CausalLM Load(string path, CausalLMLoadOptions options) => Read(path, parts => CausalLMParts.Read(parts, options));

    /// <summary>Reads the model's configuration, tokenizer and template alone, by file name.</summary>
    /// <inheritdoc cref="Load"/>
    public static IReadOnlyDictionary<string, byte[]> ReadFiles(string path) => Read(path, CausalLMParts.ReadFiles);

    private static T Read<T>(string path, Func<ModelPartsReader, T> read)
    {
        try
        {
            using var archive = Open(path);
            if (archive.Entries.Count > ZipLimits.Entries) throw new InvalidDataException($"The zip has {archive.Entries.Count:N0} entries; a model file has at most {ZipLimits.Entries:N0}.");
            var header = archive.Entries.Where(entry => entry.Name == ModelLoadContext.ModelStreamName).Reverse().FirstOrDefault(IsCausalLM)
                ?? throw new InvalidDataException("It is an ML.NET model file or another zip, and no transformer in it is a causal language model.");
            return read(PartsOf(archive, header));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    private static ZipArchive Open(string path)
    {
        try
        {
            return ZipFile.OpenRead(path);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The zip's table of contents, at its end, is missing or torn ({e.Message}). {ModelManifest.Remedy}", e);
        }
    }

    private static bool IsCausalLM(ZipArchiveEntry header) =>
        WithHeader(header, context => ModelHeader.GetLoaderSig(ref context.Header) == CausalLMTransformerLoader.Signature);

    private static ModelPartsReader PartsOf(ZipArchive archive, ZipArchiveEntry header)
    {
        var manifestHash = WithHeader(header, context =>
        {
            context.CheckAtModel(CausalLMTransformerLoader.Component.VersionInfo);
            return context.LoadString();
        });
        var folder = header.FullName[..^header.Name.Length];
        return new(new ZipEntries(archive, folder), CausalLMTransformerLoader.Component, manifestHash);
    }

    /// <summary>Reads a component's main stream, which is small. ML.NET's complaints about it become ours, with the entry's name.</summary>
    private static T WithHeader<T>(ZipArchiveEntry header, Func<ModelLoadContext, T> read)
    {
        try
        {
            ZipLimits.Check(header, ZipLimits.Description);
            using var content = new MemoryStream();
            using (var packed = header.Open()) packed.CopyTo(content);
            content.Position = 0;
            using var reader = new BinaryReader(content, Encoding.UTF8);
            using var context = new ModelLoadContext(reader);
            return read(context);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or EndOfStreamException)
        {
            throw new InvalidDataException($"Model file, entry '{header.FullName}': {e.Message} {ModelManifest.Remedy}", e);
        }
    }
}
