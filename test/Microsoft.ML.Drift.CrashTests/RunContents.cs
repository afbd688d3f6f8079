using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>What a finished run left, without what a clock decides: everything that must be the same whether or not the run was killed.</summary>
internal static class RunContents
{
    private static readonly string[] WallClock = ["seconds", "tokens_per_second", "peak_memory_bytes", "eval_seconds"];

    /// <summary>File → digest of what counts in it; weights, pairs, scores, tokenizer files count byte for byte.</summary>
    public static SortedDictionary<string, string> Of(string folder)
    {
        var contents = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(folder, path);
            if (name.StartsWith("run.lock", StringComparison.Ordinal)) continue;
            var bytes = Path.GetFileName(path) switch
            {
                "metrics.jsonl" => Encoding.UTF8.GetBytes(string.Concat(File.ReadLines(path).Select(Metrics))),
                // Rows stand in the order in which they were finished.
                "samples.jsonl" or "samples.test.jsonl" => Encoding.UTF8.GetBytes(string.Join('\n', File.ReadLines(path).Order(StringComparer.Ordinal))),
                "stage.json" => Encoding.UTF8.GetBytes(Stage(File.ReadAllText(path))),
                // Its checksum covers that of metrics.jsonl with its times.
                "checkpoint.json" => [],
                _ => File.ReadAllBytes(path),
            };
            contents[name] = Convert.ToHexStringLower(SHA256.HashData(bytes));
        }
        return contents;
    }

    /// <summary>The files in which two runs differ.</summary>
    public static IReadOnlyList<string> Differences(SortedDictionary<string, string> one, SortedDictionary<string, string> other) =>
        [.. one.Keys.Union(other.Keys).Where(name => one.GetValueOrDefault(name) != other.GetValueOrDefault(name)).Order(StringComparer.Ordinal)];

    private static string Metrics(string line)
    {
        var record = JsonNode.Parse(line)!.AsObject();
        foreach (var name in WallClock) record.Remove(name);
        return record.ToJsonString() + "\n";
    }

    // How long it took, how much of it this process did, and the digests of files with times in them.
    private static string Stage(string text)
    {
        var stage = JsonNode.Parse(text)!.AsObject();
        foreach (var name in new[] { "seconds", "sampling", "files", "sha256" }) stage.Remove(name);
        return stage.ToJsonString();
    }
}
