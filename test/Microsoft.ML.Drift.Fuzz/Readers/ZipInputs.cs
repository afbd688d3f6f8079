using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Model zips: their bytes changed, or their entries, with the hashes left as they were or made to fit, so that the readers behind them are reached.</summary>
internal sealed class ZipInputs
{
    private readonly byte[] _sound;
    private readonly NumberField[] _fields;
    private readonly List<(string Name, byte[] Content)> _entries = [];
    private readonly Dictionary<string, JsonMutator> _json = [];

    public ZipInputs(byte[] sound)
    {
        _sound = sound;
        _fields = Fields(sound);
        using var archive = new ZipArchive(new MemoryStream(sound));
        foreach (var entry in archive.Entries)
        {
            using var content = new MemoryStream();
            using (var packed = entry.Open()) packed.CopyTo(content);
            _entries.Add((entry.FullName, content.ToArray()));
            if (entry.Name.EndsWith(".json", StringComparison.Ordinal)) _json[entry.FullName] = new([Encoding.UTF8.GetString(content.ToArray())], "\"../../evil\"", "\"model.safetensors\"", "\"NaN\"", "\"Float32\"");
        }
    }

    public byte[] Next(FuzzRandom random)
    {
        if (random.Chance(45)) return ByteMutator.Mutate(random, _sound, [_sound], _fields);
        var entries = _entries.ToList();
        for (var left = random.Few(3); left > 0; left--) Change(random, entries);
        if (random.Chance(50)) Sign(entries);
        return Pack(random, entries);
    }

    private void Change(FuzzRandom random, List<(string Name, byte[] Content)> entries)
    {
        var at = random.Below(entries.Count);
        var (name, content) = entries[at];
        switch (random.Below(9))
        {
            case 0: entries.RemoveAt(at); break;
            case 1: entries.Add(entries[at]); break;
            case 2: entries[at] = (random.Pick(["../../evil", "/tmp/evil", "..\\evil", name + "/x", name.ToUpperInvariant(), "", "model.key", "TransformerChain/Model.key", $"x/{name}"]), content); break;
            case 3: entries.Add((name[..(name.LastIndexOfAny(['/', '\\']) + 1)] + random.Pick(["../evil", "extra.json", "pytorch_model.bin", "drift.manifest.json", "model.safetensors"]), content)); break;
            case 4: entries[at] = (name, new byte[random.Pick([0, 1, 100_000, 4_000_000])]); break;
            case 5 when _json.TryGetValue(name, out var json): entries[at] = (name, json.Next(random)); break;
            default: entries[at] = (name, content.Length == 0 ? [1] : ByteMutator.Mutate(random, content, [content], [])); break;
        }
        if (entries.Count == 0) entries.Add((name, content));
    }

    // Makes every manifest say what its folder holds, and the main stream what the manifest's hash is.
    private void Sign(List<(string Name, byte[] Content)> entries)
    {
        foreach (var (name, content) in entries.Where(entry => entry.Name.EndsWith("drift.manifest.json", StringComparison.Ordinal)).ToArray())
        {
            JsonNode? manifest;
            try
            {
                manifest = JsonNode.Parse(content);
                if (manifest?["Parts"] is not JsonObject parts) continue;
                foreach (var part in parts.Select(part => part.Key).ToArray())
                    if (entries.FindLast(entry => entry.Name.EndsWith(part, StringComparison.Ordinal)) is { Content: { } held })
                        parts[part] = new JsonObject { ["Bytes"] = held.Length, ["Sha256"] = Hash(held) };
            }
            catch (Exception e) when (e is System.Text.Json.JsonException or ArgumentException or InvalidOperationException)
            {
                continue;
            }
            var signed = TinyModel.Utf8(manifest.ToJsonString());
            var (before, after) = (TinyModel.Utf8(Hash(_entries.First(entry => entry.Name == name || entry.Name.EndsWith("drift.manifest.json", StringComparison.Ordinal)).Content)), TinyModel.Utf8(Hash(signed)));
            for (var i = 0; i < entries.Count; i++)
            {
                if (entries[i].Name == name) entries[i] = (name, signed);
                if (entries[i].Content.AsSpan().IndexOf(before) is var at and >= 0 && entries[i].Name.EndsWith(".key", StringComparison.Ordinal))
                    entries[i] = (entries[i].Name, [.. entries[i].Content[..at], .. after, .. entries[i].Content[(at + after.Length)..]]);
            }
        }
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static byte[] Pack(FuzzRandom random, List<(string Name, byte[] Content)> entries)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var packed = archive.CreateEntry(name.Length == 0 ? "x" : name, random.Chance(50) ? CompressionLevel.Fastest : CompressionLevel.NoCompression).Open();
                packed.Write(content);
            }
        }
        var bytes = stream.ToArray();
        return random.Chance(15) ? ByteMutator.Mutate(random, bytes, [bytes], Fields(bytes)) : bytes;
    }

    // Sizes, offsets, methods and name lengths of local headers (PK 3 4), the table of contents (PK 1 2) and its end (PK 5 6).
    private static NumberField[] Fields(byte[] zip)
    {
        var fields = new List<NumberField>();
        for (var i = 0; i + 4 < zip.Length; i++)
        {
            if (zip[i] != 'P' || zip[i + 1] != 'K') continue;
            (int, int)[] places = (zip[i + 2], zip[i + 3]) switch
            {
                (3, 4) => [(6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
                (1, 2) => [(6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)],
                (5, 6) => [(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
                _ => [],
            };
            fields.AddRange(places.Select(place => new NumberField(i + place.Item1, place.Item2)));
        }
        return [.. fields];
    }
}
