using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Data;

/// <summary>A file's length and SHA-256, by which damage is found.</summary>
/// <param name="Bytes">Length; of a longer file only so much is meant.</param>
/// <param name="Sha256">Of these bytes, in lower-case hexadecimal digits.</param>
internal sealed record FileSeal(long Bytes, string Sha256)
{
    private const int BufferSize = 1 << 20;

    /// <summary>A file as it is now.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">Only its first bytes; null for all.</param>
    public static FileSeal Of(string path, long? bytes = null)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var left = bytes ?? file.Length;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Math.Clamp(left, 1, BufferSize)];
        var length = left;
        for (int count; left > 0 && (count = file.Read(buffer, 0, (int)Math.Min(left, buffer.Length))) > 0; left -= count) hash.AppendData(buffer, 0, count);
        return new FileSeal(length - left, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>What is wrong with a file that should still begin with these bytes; null if nothing is.</summary>
    public string? ProblemOf(string path)
    {
        if (!File.Exists(path)) return $"{path} is missing";
        var found = Of(path, Bytes);
        return found.Bytes < Bytes ? $"{path} has {found.Bytes} of {Bytes} bytes" : found.Sha256 != Sha256 ? $"{path} was changed" : null;
    }

    /// <summary>The same for a file of a folder, by the name that the folder's own description gives it, which must not lead out of the folder.</summary>
    public string? ProblemOf(string folder, string name) => Path.IsPathRooted(name) || name.Split('/', '\\').Contains("..")
        ? $"{name} is no name of a file in {folder}"
        : ProblemOf(Path.Combine(folder, name));

    public JsonObject ToJson() => new() { ["bytes"] = Bytes, ["sha256"] = Sha256 };

    /// <exception cref="InvalidDataException">It is no seal.</exception>
    public static FileSeal Parse(JsonNode? json)
    {
        try
        {
            return new FileSeal((long)json!["bytes"]!, (string)json["sha256"]!);
        }
        catch (Exception error) when (error is NullReferenceException or ArgumentNullException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException("A file's length and sha256 are missing.", error);
        }
    }
}
