using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>SHA-256 over names, types and values of a model's tensors; on every device the same.</summary>
internal static class WeightsFingerprint
{
    private const int BytesAtOnce = 1 << 24;

    /// <summary>The decoder's own weights; an adapter on it does not count.</summary>
    public static string Of(Decoder decoder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, decoder.Tensors.Values);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Adds tensors to a hash, in the order of their names.</summary>
    public static void Append(IncrementalHash hash, IEnumerable<ParameterSlice> slices)
    {
        foreach (var slice in slices.OrderBy(slice => slice.Name, StringComparer.Ordinal)) Append(hash, slice);
    }

    private static void Append(IncrementalHash hash, ParameterSlice slice)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var weights = slice.View();
        hash.AppendData(Encoding.UTF8.GetBytes($"{slice.Name} {weights.dtype} {weights.NumberOfElements}\n"));
        var flat = weights.contiguous().view(-1);
        var step = BytesAtOnce / flat.ElementSize;
        for (var start = 0L; start < flat.NumberOfElements; start += step)
        {
            using var part = NewDisposeScope();
            hash.AppendData(flat.narrow(0, start, Math.Min(step, flat.NumberOfElements - start)).cpu().contiguous().bytes);
        }
    }
}
