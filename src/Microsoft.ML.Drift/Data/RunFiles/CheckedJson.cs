using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Data;

/// <summary>A JSON file that knows whether it is whole: its field <c>sha256</c> is the hash of the others. It appears whole or not at all.</summary>
internal static class CheckedJson
{
    private const string HashField = "sha256";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(string path, JsonObject content)
    {
        var written = JsonNode.Parse(content.ToJsonString())!.AsObject();
        written[HashField] = Hash(written);
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(written.ToJsonString(Indented) + "\n")));
    }

    /// <summary>The content.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static JsonObject Read(string path)
    {
        try
        {
            using var document = SoundJson.Parse(File.ReadAllBytes(path), path, allowDuplicates: false);
            var content = document.RootElement.ValueKind == JsonValueKind.Object ? JsonNode.Parse(document.RootElement.GetRawText())!.AsObject() : throw new JsonException("it is no object");
            if (!content.Remove(HashField, out var recorded)) throw new JsonException($"the field {HashField} is missing");
            if (recorded?.ToString() != Hash(content)) throw new JsonException($"its {HashField} is not that of the rest");
            return content;
        }
        catch (Exception error) when (error is JsonException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} is damaged: {error.Message}.", error);
        }
    }

    private static string Hash(JsonObject content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content.ToJsonString())));
}
