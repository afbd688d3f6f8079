using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>
/// The plain files of a run. A stage whose folder <c>model</c> exists is done: it appears by one rename, after everything else of the
/// stage. A run that was stopped continues at its first stage without one; a sampled row is kept in that stage's journal.
/// </summary>
/// <remarks>
/// <code>
/// run.json                  what is run: settings, fingerprints of data and model
/// rows.train.jsonl          the complaints as they were read: what each pair of an iteration comes from
/// rows.test.jsonl           the held-out complaints
/// seed/ iter1/ iter2/ …     one folder for each stage
///   samples.jsonl           the sampler's journal: one line for each finished row
///   pairs.train.jsonl       what the stage trained on
///   pairs.test.jsonl        the held-out pairs of the stage
///   tokenization.json       what the limits of length cut and dropped of the pairs
///   metrics.jsonl           one line for each optimizer step and evaluation
///   scores.train.jsonl      what each pair scored when it was trained on
///   scores.test.jsonl       what each held-out pair scores with the stage's model
///   stage.json              counts, times and held-out figures
///   model/                  the stage's model, a Hugging Face folder
/// </code>
/// </remarks>
internal sealed class RunFolder
{
    private const string RunFile = "run.json";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly string _path;

    private RunFolder(string path) => _path = path;

    /// <summary>Opens a folder for a run: a new one is begun, one of the same run is continued.</summary>
    /// <exception cref="InvalidOperationException">The folder holds a run with other settings, data or model; the message names each difference.</exception>
    public static RunFolder Open(string path, RunIdentity identity)
    {
        var folder = new RunFolder(Path.GetFullPath(path));
        Directory.CreateDirectory(folder._path);
        var file = Path.Combine(folder._path, RunFile);
        if (!File.Exists(file))
        {
            WriteWhole(file, identity.ToJson().ToJsonString(Indented));
            return folder;
        }

        var differences = identity.DifferencesFrom(JsonNode.Parse(File.ReadAllText(file))!).ToList();
        if (differences.Count > 0)
            throw new InvalidOperationException(
                $"{folder._path} holds a run that differs from this one: {string.Join("; ", differences)}. Use the same settings, data and model to continue it, or another folder.");
        return folder;
    }

    /// <summary>A stage's file or folder; the stage's folder is made.</summary>
    public string PathOf(string stage, string name)
    {
        var folder = Path.Combine(_path, stage);
        Directory.CreateDirectory(folder);
        return Path.Combine(folder, name);
    }

    public string Journal(string stage) => PathOf(stage, "samples.jsonl");

    public string TrainingPairs(string stage) => PathOf(stage, "pairs.train.jsonl");

    public string HeldOutPairs(string stage) => PathOf(stage, "pairs.test.jsonl");

    public string Metrics(string stage) => PathOf(stage, "metrics.jsonl");

    public string TrainingScores(string stage) => PathOf(stage, "scores.train.jsonl");

    public string Model(string stage) => PathOf(stage, "model");

    /// <summary>True where the stage is done.</summary>
    public bool IsDone(string stage) => Directory.Exists(Path.Combine(_path, stage, "model"));

    public void WriteStage(string stage, JsonObject summary) => WriteWhole(PathOf(stage, "stage.json"), summary.ToJsonString(Indented));

    /// <summary>Keeps the complaints themselves, so that the folder tells where its pairs come from; once for each run.</summary>
    public void KeepRows(string split, IDataView rows, bool needsFeedback, MLContext context, CancellationToken cancellation)
    {
        var path = Path.Combine(_path, $"rows.{split}.jsonl");
        if (File.Exists(path)) return;
        var complaints = DsatRowReader.Read(rows, needsFeedback, cancellation).Select(row => new Complaint { RowId = row.RowId, Prompt = row.Prompt, Rejected = row.Rejected, Feedback = row.Feedback });
        context.Data.SaveAsChatJsonLines(context.Data.LoadFromEnumerable(complaints), path);
    }

    public void WriteTokenization(string stage, TokenizationSummary summary) =>
        WriteWhole(PathOf(stage, "tokenization.json"), JsonSerializer.SerializeToNode(summary, Indented)!.ToJsonString(Indented));

    public void WriteHeldOutScores(string stage, IReadOnlyList<PairScore> scores) => AtomicFile.Write(PathOf(stage, "scores.test.jsonl"), stream =>
    {
        foreach (var score in scores) stream.Write(score.ToLine());
    });

    public JsonNode ReadStage(string stage) => JsonNode.Parse(File.ReadAllText(PathOf(stage, "stage.json")))!;

    private static void WriteWhole(string path, string text) => AtomicFile.Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write(text);
        writer.Write('\n');
    });

    private sealed class Complaint
    {
        public string RowId { get; set; } = "";

        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];

        public string Rejected { get; set; } = "";

        public string Feedback { get; set; } = "";
    }
}
