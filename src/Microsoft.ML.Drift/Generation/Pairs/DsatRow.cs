using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Generation;

/// <summary>One complaint: the conversation before the bad answer, the bad answer, and what the user said about it (empty where nothing needs it).</summary>
internal sealed record DsatRow(string RowId, IReadOnlyList<ChatMessage> Prompt, string Rejected, string Feedback)
{
    /// <summary>JSON for the template's variable <c>tools</c>; empty for none.</summary>
    public string Tools { get; init; } = "";

    /// <summary>Every text of the conversation.</summary>
    public IEnumerable<string> Texts => Prompt.Select(message => message.Text).Append(Rejected).Append(Feedback);

    /// <summary>A hash of the content, the row's id left out.</summary>
    public string ContentHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var parts = new List<byte[]> { ChatMessageJson.Write(Prompt), Encoding.UTF8.GetBytes(Rejected), Encoding.UTF8.GetBytes(Feedback) };
        if (Tools.Length > 0) parts.Add(Encoding.UTF8.GetBytes(Tools));
        foreach (var part in parts)
        {
            hash.AppendData(BitConverter.GetBytes(part.Length));
            hash.AppendData(part);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
