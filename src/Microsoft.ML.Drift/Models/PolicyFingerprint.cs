using System.Security.Cryptography;
using System.Text;

namespace Microsoft.ML.Drift.Models;

/// <summary>A hash of everything in a model that decides what it samples: weights, adapter, configuration, tokenizer with its chat template.</summary>
internal static class PolicyFingerprint
{
    public static string Of(CausalLM policy)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, content) in policy.ConfigurationFiles.Concat(policy.Tokenizer?.Files ?? new Dictionary<string, byte[]>()).OrderBy(file => file.Key, StringComparer.Ordinal))
            Append(hash, name, content);
        WeightsFingerprint.Append(hash, policy.Decoder.Tensors.Values);
        if (policy.Decoder.Adapter is { } adapter)
        {
            Append(hash, LoraConfiguration.FileName, Encoding.UTF8.GetBytes(adapter.Configuration.Json));
            WeightsFingerprint.Append(hash, adapter.Tensors);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string name, byte[] content)
    {
        hash.AppendData(Encoding.UTF8.GetBytes($"{name} {content.Length}\n"));
        hash.AppendData(content);
    }
}
