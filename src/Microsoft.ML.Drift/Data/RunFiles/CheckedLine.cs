using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// A line of JSON that knows whether it is whole: its last field, <c>"check"</c>, holds the length of the rest in bytes and the first 16 digits of its SHA-256.
/// It stays an ordinary line of JSON Lines.
/// </summary>
internal static class CheckedLine
{
    private const string Before = ",\"check\":\"";
    private const string After = "\"}";
    private const int LengthDigits = 8;
    private const int HashDigits = 16;
    private const int TailLength = 10 + LengthDigits + 1 + HashDigits + 2; // Before, digits, a hyphen, digits, After

    /// <summary>The line for an object, without the line feed.</summary>
    /// <param name="json">A JSON object with at least one field, in UTF-8.</param>
    public static byte[] Seal(ReadOnlySpan<byte> json)
    {
        var body = json[..^1];
        return [.. body, .. Encoding.ASCII.GetBytes($"{Before}{Check(body)}{After}")];
    }

    /// <summary>The object of a line; null for a line that is not whole.</summary>
    public static byte[]? Open(ReadOnlySpan<byte> line)
    {
        if (line.Length <= TailLength) return null;
        var body = line[..^TailLength];
        return line[^TailLength..].SequenceEqual(Encoding.ASCII.GetBytes($"{Before}{Check(body)}{After}")) ? [.. body, (byte)'}'] : null;
    }

    private static string Check(ReadOnlySpan<byte> body) =>
        string.Create(CultureInfo.InvariantCulture, $"{body.Length:D8}-{Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, HashDigits / 2))}");
}
