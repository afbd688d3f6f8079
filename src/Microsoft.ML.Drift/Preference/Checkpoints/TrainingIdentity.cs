using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

/// <summary>What decides a training: starting weights, tokenizer and template, reference, settings, and each row's ids as they are trained.</summary>
internal static class TrainingIdentity
{
    public static RunIdentity Of(
        DpoTrainer.Options options, CausalLM policy, CausalLM? reference, IReadOnlyList<PreferenceTokens> training, IReadOnlyList<PreferenceTokens> evaluation)
    {
        var data = Data(training, evaluation, Append);
        if (reference is not null) data["reference model"] = PolicyFingerprint.Of(reference);
        return new RunIdentity("dpo", RunSettings.Of(options), data, PolicyFingerprint.Of(policy));
    }

    public static RunIdentity Of(SftTrainer.Options options, CausalLM policy, IReadOnlyList<SftTokens> training, IReadOnlyList<SftTokens> evaluation) =>
        new("sft", RunSettings.Of(options), Data(training, evaluation, Append), PolicyFingerprint.Of(policy));

    private static SortedDictionary<string, string> Data<T>(IReadOnlyList<T> training, IReadOnlyList<T> evaluation, Action<IncrementalHash, T> append)
    {
        var data = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["training rows"] = Hash(training, append) };
        if (evaluation.Count > 0) data["evaluation rows"] = Hash(evaluation, append);
        return data;
    }

    private static string Hash<T>(IReadOnlyList<T> rows, Action<IncrementalHash, T> append)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows) append(hash, row);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, PreferenceTokens row)
    {
        Append<char>(hash, row.RowId);
        foreach (var ids in new[] { row.PromptIds, row.ChosenIds, row.RejectedIds }) Append<int>(hash, ids);
        foreach (var answer in new[] { row.Chosen, row.Rejected }) Append<int>(hash, [answer.CompletionStart, .. answer.Ids]);
    }

    private static void Append(IncrementalHash hash, SftTokens row)
    {
        Append<char>(hash, row.RowId);
        Append<int>(hash, row.Sequence.Ids);
        Append<bool>(hash, row.Sequence.IsLabel);
    }

    private static void Append<T>(IncrementalHash hash, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        hash.AppendData(BitConverter.GetBytes(values.Length));
        hash.AppendData(MemoryMarshal.AsBytes(values));
    }
}
