using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using TorchSharp;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Files of a run folder know their own checksums. Half of the inputs get the checksum of what they hold, so that what lies behind the check is reached.</summary>
internal static class Seals
{
    /// <summary>The JSON with its own hash in it, as <see cref="CheckedJson"/> writes it; unchanged where it is no JSON object.</summary>
    public static byte[] Sign(FuzzRandom random, byte[] json, string temporary)
    {
        if (random.Chance(50)) return json;
        try
        {
            if (JsonNode.Parse(json) is not JsonObject content) return json;
            content.Remove("sha256");
            CheckedJson.Write(temporary, content);
            return File.ReadAllBytes(temporary);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return json;
        }
    }
}

/// <summary>The sampler's journal: an accepted row has its id.</summary>
internal sealed class JournalReader : Reader
{
    private static readonly Dictionary<string, string> Settings = new() { ["seed"] = "1", ["mode"] = "Guided" };

    private string _path = "";
    private byte[] _sound = [];
    private byte[][] _lines = [];
    private JsonMutator _json = null!;

    public override string Name => "run-journal";

    protected override string Where => "samples.jsonl";

    public override void Prepare(string folder)
    {
        _path = Path.Combine(folder, Where);
        using (var journal = PairJournal.Open(_path, Settings, isOwned: true))
        {
            for (var i = 0; i < 3; i++)
                journal.Append(new() { RowId = $"r{i}", ContentHash = new string('a', 8), Chosen = i == 1 ? null : "better \ud83d\ude00", FinishReason = FinishReason.Stop, Dropped = i == 1 ? DropReason.Unfinished : null, Samples = 1, NewTokens = 5, PromptTokens = 7, Hazards = [] });
        }
        _sound = File.ReadAllBytes(_path);
        _lines = [.. Encoding.UTF8.GetString(_sound).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => CheckedLine.Open(Encoding.UTF8.GetBytes(line))!)];
        _json = new(_lines.Select(Encoding.UTF8.GetString), "\"Stop\"", "\"Length\"", "\"r0\"", "[\"a\"]");
    }

    public override byte[] Next(FuzzRandom random)
    {
        if (random.Chance(30)) return ByteMutator.Mutate(random, _sound, [_sound], []);
        var lines = _lines.ToArray();
        lines[random.Below(lines.Length)] = _json.Next(random);
        return [.. lines.SelectMany(line => (line.Length > 1 ? CheckedLine.Seal(line) : line).Append((byte)'\n'))];
    }

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using var journal = PairJournal.Open(_path, Settings, isOwned: true);
        foreach (var row in journal.Rows.Values) Expect(row.RowId is not null && row.ContentHash is not null && row.Hazards is not null, "A row has its id and hash.");
    }
}

/// <summary>run.json: the identity a folder was begun with.</summary>
internal sealed class RunIdentityReader : Reader
{
    private static readonly RunIdentity Identity = new("fuzz", new JsonObject { ["Beta"] = 0.1, ["Sampling"] = new JsonObject { ["Mode"] = "Guided" } }, new Dictionary<string, string> { ["dsat rows"] = "ab12" }, "cd34");

    private string _folder = "", _temporary = "";
    private JsonMutator _inputs = null!;

    public override string Name => "run-identity";

    public override double Share => 0.3;

    public override void Prepare(string folder)
    {
        (_folder, _temporary) = (Path.Combine(folder, "run"), Path.Combine(folder, "signed.json"));
        OwnedFolder.Open(_folder, Identity, restart: false, []).Dispose();
        _inputs = new([File.ReadAllText(Path.Combine(_folder, "run.json"))]);
    }

    public override byte[] Next(FuzzRandom random) => Seals.Sign(random, _inputs.Next(random), _temporary);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(Path.Combine(_folder, "run.json"), input);
        OwnedFolder.Open(_folder, Identity, restart: false, []).Dispose();
    }

    // Another run's folder is refused as such.
    public override bool IsPromised(Exception error) => error.Message.StartsWith(_folder, StringComparison.Ordinal) && (error.GetType() == typeof(InvalidDataException) || error.GetType() == typeof(InvalidOperationException));
}

/// <summary>stage.json of a finished stage.</summary>
internal sealed class StageSummaryReader : Reader
{
    private string _folder = "", _temporary = "";
    private RunFolder _run = null!;
    private JsonMutator _inputs = null!;

    public override string Name => "run-stage";

    public override double Share => 0.3;

    private const string FileName = "stage.json";

    public override void Prepare(string folder)
    {
        (_folder, _temporary) = (Path.Combine(folder, "run"), Path.Combine(folder, "signed.json"));
        _run = RunFolder.Open(_folder, new("fuzz", [], new Dictionary<string, string>(), ""), restart: false);
        _run.Finish("iter1", place => File.WriteAllText(Path.Combine(place, "config.json"), "{}"), () =>
            StageSummary.ToJson(5, [("rows", "7")], new(3, 0.5, 1, 0.25, -0.25), new(TimeSpan.FromSeconds(1), TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero)));
        _inputs = new([File.ReadAllText(Path.Combine(_folder, "iter1", FileName))], "\"/dev/zero\"");
    }

    public override byte[] Next(FuzzRandom random) => Seals.Sign(random, _inputs.Next(random), _temporary);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(Path.Combine(_folder, "iter1", FileName), input);
        StageSummary.Parse(_run.ReadStage("iter1"));
    }

    public override bool IsPromised(Exception error) => base.IsPromised(error) && (error.Message.Contains(FileName, StringComparison.Ordinal) || error.Message.StartsWith("Stage iter1", StringComparison.Ordinal));
}

/// <summary>A training checkpoint: its description, its tensors, and the log it belongs to.</summary>
internal sealed class CheckpointReader : Reader
{
    private const string Key = "key";

    private readonly Dictionary<string, byte[]> _sound = [];
    private string _folder = "", _temporary = "";
    private JsonMutator _descriptions = null!;
    private SafetensorsInputs _tensors = null!;

    public override string Name => "run-checkpoint";

    public override double Share => 0.2;

    public override void Prepare(string folder)
    {
        (_folder, _temporary) = (Path.Combine(folder, "checkpoint"), Path.Combine(folder, "signed.json"));
        File.WriteAllText(Path.Combine(folder, "metrics.jsonl"), "{}\n");
        using var state = new TrainingState();
        state.Add("step", 3);
        state.Add("square", torch.ones(4));
        TrainingCheckpoint.Write(_folder, Key, state, [], new Dictionary<string, FileSeal> { ["metrics.jsonl"] = FileSeal.Of(Path.Combine(folder, "metrics.jsonl")) });
        foreach (var file in Directory.GetFiles(_folder)) _sound[Path.GetFileName(file)] = File.ReadAllBytes(file);
        _descriptions = new([Encoding.UTF8.GetString(_sound["checkpoint.json"])], "\"/dev/zero\"", "\"1e999\"", "\"NaN\"");
        _tensors = new([_sound["state.safetensors"]]);
    }

    // The first byte says which file is meant.
    public override byte[] Next(FuzzRandom random) => random.Chance(70)
        ? [0, .. Seals.Sign(random, _descriptions.Next(random), _temporary)]
        : [1, .. _tensors.Next(random)];

    public override void Read(byte[] input)
    {
        var name = input[0] == 0 ? "checkpoint.json" : "state.safetensors";
        File.WriteAllBytes(Path.Combine(_folder, name), input[1..]);
        try
        {
            using var state = TrainingCheckpoint.Read(_folder, Key, Path.GetDirectoryName(_folder)!, []).State;
            Expect(name != "state.safetensors" || input.AsSpan(1).SequenceEqual(_sound[name]), "Tensors that were changed are not used.");
        }
        finally
        {
            File.WriteAllBytes(Path.Combine(_folder, name), _sound[name]);
        }
    }

    // A checkpoint of another training is refused as such.
    public override bool IsPromised(Exception error) => error.GetType() == typeof(InvalidDataException) || (error.GetType() == typeof(InvalidOperationException) && error.Message.StartsWith(_folder, StringComparison.Ordinal));
}

/// <summary>metrics.jsonl.</summary>
internal sealed class MetricsReader : Reader
{
    private readonly JsonMutator _lines = new(["""{"step":1,"epoch":0.5,"loss":0.69,"rewards/chosen":"NaN","eval_loss":0.5}"""], "\"Infinity\"", "\"abc\"");
    private string _path = "";

    public override string Name => "run-metrics";

    protected override string Where => "metrics.jsonl";

    public override void Prepare(string folder) => _path = Path.Combine(folder, Where);

    public override byte[] Next(FuzzRandom random) => [.. _lines.Next(random), (byte)'\n', .. _lines.Next(random), (byte)'\n'];

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        MetricsFile.Read(_path);
    }
}
