using System.Text.Json;

namespace Microsoft.ML.Drift.Data;

/// <summary>A value in a tokenizer's JSON file together with its path, so that an error says where.</summary>
internal readonly record struct TokenizerFileNode(string File, string Path, JsonElement Element)
{
    /// <summary>Parses a file's bytes.</summary>
    /// <exception cref="InvalidDataException">They are not a JSON object.</exception>
    public static TokenizerFileNode Parse(string file, ReadOnlyMemory<byte> bytes)
    {
        var root = SoundJson.Parse(bytes, file).RootElement;
        return root.ValueKind == JsonValueKind.Object ? new TokenizerFileNode(file, "", root) : throw new InvalidDataException($"{file}: the file holds {Describe(root)}; it must hold an object.");
    }

    /// <summary>A member of this object; null where it is absent or JSON null.</summary>
    public TokenizerFileNode? this[string name] =>
        Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null
            ? new TokenizerFileNode(File, Path.Length == 0 ? name : $"{Path}.{name}", member)
            : null;

    public TokenizerFileNode Required(string name) => this[name] ?? throw Error($"lacks \"{name}\"");

    public bool Has(string name) => Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(name, out _);

    /// <summary>The elements of this array.</summary>
    public IEnumerable<TokenizerFileNode> Items()
    {
        Expect(JsonValueKind.Array, "an array");
        var (file, path) = (File, Path);
        return Element.EnumerateArray().Select((element, index) => new TokenizerFileNode(file, $"{path}[{index}]", element));
    }

    /// <summary>The members of this object.</summary>
    public IEnumerable<KeyValuePair<string, TokenizerFileNode>> Members()
    {
        Expect(JsonValueKind.Object, "an object");
        var (file, path) = (File, Path);
        return Element.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, new TokenizerFileNode(file, $"{path}.{member.Name}", member.Value)));
    }

    public string Text()
    {
        Expect(JsonValueKind.String, "a string");
        return Element.GetString()!;
    }

    public int Integer() => Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var value) ? value : throw Error($"is {Describe(Element)}; it must be an integer");

    public bool Boolean() => Element.ValueKind is JsonValueKind.True or JsonValueKind.False ? Element.GetBoolean() : throw Error($"is {Describe(Element)}; it must be true or false");

    public bool Boolean(string name, bool whenAbsent) => this[name]?.Boolean() ?? whenAbsent;

    public InvalidDataException Error(string what) => new($"{File}: {(Path.Length == 0 ? "the file" : Path)} {what}.");

    public InvalidDataException Unsupported(string kind, string found, string supported) =>
        new($"{File}: {Path} is the {kind} \"{found}\", which is not supported. Supported: {supported}.");

    private void Expect(JsonValueKind kind, string name)
    {
        if (Element.ValueKind != kind) throw Error($"is {Describe(Element)}; it must be {name}");
    }

    private static string Describe(JsonElement element)
    {
        var text = element.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "…";
    }
}
