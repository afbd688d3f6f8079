using System.Text.Json;

namespace Microsoft.ML.Drift.Persistence;

/// <summary>Reads what <see cref="ModelPartsWriter"/> wrote. No byte of a part is handed out before its length and hash were checked.</summary>
internal sealed class ModelPartsReader
{
    private readonly IModelEntries _entries;
    private readonly ModelManifest _manifest;

    /// <summary>Reads and checks the manifest.</summary>
    /// <param name="entries">The component's folder in the model file.</param>
    /// <param name="component">What is expected there.</param>
    /// <param name="manifestHash">The manifest's own SHA-256 as the component's main stream has it.</param>
    /// <exception cref="InvalidDataException">The manifest is missing, damaged, or another component's.</exception>
    public ModelPartsReader(IModelEntries entries, ModelComponent component, string manifestHash)
    {
        _entries = entries;
        var entry = entries.NameOf(ModelManifest.FileName);
        var json = ReadAll(ModelManifest.FileName, stream =>
        {
            var found = ModelManifest.Hash(stream);
            if (found != manifestHash)
                throw new InvalidDataException($"Model file, entry '{entry}': its content was changed (SHA-256 is {found}, and {manifestHash} was saved). {ModelManifest.Remedy}");
            stream.Position = 0;
        });
        _manifest = ModelManifest.Parse(json, entry, component.LoaderSignature);
    }

    /// <summary>The names of the parts, in ordinal order.</summary>
    public IEnumerable<string> Names => _manifest.Parts.Keys.Order(StringComparer.Ordinal);

    /// <summary>Reads one component out of ML.NET's loading: checks its header, opens its parts, and lets <paramref name="build"/> make it of them.</summary>
    public static T Load<T>(ModelLoadContext context, ModelComponent component, Func<ModelPartsReader, T> build)
    {
        context.CheckAtModel(component.VersionInfo);
        var manifestHash = context.LoadString();
        return build(new(new RepositoryEntries(context), component, manifestHash));
    }

    /// <summary>Hands the part's checked content, a seekable stream over a file, to <paramref name="read"/>; it is gone after the call.</summary>
    /// <exception cref="InvalidDataException">The part is missing or damaged.</exception>
    public T Read<T>(string name, Func<FileStream, T> read)
    {
        if (!_manifest.Parts.TryGetValue(name, out var expected))
        {
            throw new InvalidDataException(
                $"Model file, entry '{_entries.NameOf(ModelManifest.FileName)}': it does not list the part '{name}', without which the model cannot be loaded. {ModelManifest.Remedy}");
        }

        return _entries.Open(name, expected.Bytes, stream =>
        {
            ModelManifest.Check(stream, expected, _entries.NameOf(name));
            return read(stream);
        });
    }

    public byte[] ReadBytes(string name) => Read(name, stream => stream.Length <= ZipLimits.TextPart
        ? ToArray(stream)
        : throw new InvalidDataException($"Model file, entry '{_entries.NameOf(name)}': it holds {stream.Length:N0} bytes; at most {ZipLimits.TextPart:N0} are allowed."));

    /// <exception cref="InvalidDataException">The part is missing, damaged, or not of the form of <typeparamref name="T"/>.</exception>
    public T ReadJson<T>(string name)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(ReadBytes(name), ModelFileJson.Options)
                ?? throw new InvalidDataException($"Model file, entry '{_entries.NameOf(name)}': it holds null. {ModelManifest.Remedy}");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"Model file, entry '{_entries.NameOf(name)}': {e.Message} The model may have been saved by a later version of Microsoft.ML.Drift.", e);
        }
    }

    private byte[] ReadAll(string name, Action<FileStream> check) => _entries.Open(name, ZipLimits.Description, stream =>
    {
        check(stream);
        return ToArray(stream);
    });

    private static byte[] ToArray(FileStream stream)
    {
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
