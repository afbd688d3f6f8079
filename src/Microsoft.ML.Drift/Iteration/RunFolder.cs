using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>
/// The plain files of a run. A stage whose folder <c>model</c> exists is done: it appears by one rename, after everything else of the
/// stage. A run that was stopped continues at its first stage without one; a sampled row is kept in that stage's journal.
/// </summary>
/// <remarks>
/// <code>
/// run.json                  what is run: settings, fingerprints of data and model
/// run.lock                  held by the process that runs it; run.lock.owner says which
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
///   reference/              what the reference thinks of each pair
///   checkpoints/            the training after some of its steps, until the stage is done
///   stage.json              counts, times and held-out figures, SHA-256 of the stage's files
///   model/                  the stage's model, a Hugging Face folder
/// </code>
/// </remarks>
internal sealed class RunFolder : IDisposable
{
    private const string StageFile = "stage.json";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly OwnedFolder _owner;

    private RunFolder(OwnedFolder owner) => _owner = owner;

    /// <summary>Where an older run was moved by a restart; null where none was.</summary>
    public string? MovedAside => _owner.MovedAside;

    /// <summary>The folder's full path.</summary>
    public string FullPath => _owner.Path;

    /// <inheritdoc cref="OwnedFolder.Open"/>
    public static RunFolder Open(string path, RunIdentity identity, bool restart) => new(OwnedFolder.Open(path, identity, restart, ["seed", "iter1"]));

    public void Dispose() => _owner.Dispose();

    /// <summary>A stage's folder, which is made, or a file or folder in it.</summary>
    public string PathOf(string stage, string name = "")
    {
        var folder = Path.Combine(FullPath, stage);
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
    public bool IsDone(string stage) => Directory.Exists(Path.Combine(FullPath, stage, "model"));

    /// <summary>Keeps the complaints themselves, so that the folder tells where its pairs come from; once for each run.</summary>
    public void KeepRows(string split, IDataView rows, bool needsFeedback, MLContext context, CancellationToken cancellation)
    {
        var path = Path.Combine(FullPath, $"rows.{split}.jsonl");
        if (File.Exists(path)) return;
        var complaints = DsatRowReader.Read(rows, needsFeedback, cancellation).Select(row => new ComplaintWithTools { RowId = row.RowId, Prompt = row.Prompt, Rejected = row.Rejected, Feedback = row.Feedback, Tools = row.Tools });
        var hasTools = rows.Schema.GetColumnOrNull(ChatColumnNames.Tools) is not null;
        context.Data.SaveAsChatJsonLines(hasTools ? context.Data.LoadFromEnumerable(complaints) : context.Data.LoadFromEnumerable<Complaint>(complaints), path);
    }

    public void WriteTokenization(string stage, TokenizationSummary summary) =>
        AtomicFile.Write(PathOf(stage, "tokenization.json"), stream => JsonSerializer.Serialize(stream, summary, Indented));

    public void WriteHeldOutScores(string stage, IReadOnlyList<PairScore> scores) => AtomicFile.Write(PathOf(stage, "scores.test.jsonl"), stream =>
    {
        foreach (var score in scores) stream.Write(score.ToLine());
    });

    /// <summary>Keeps a stage's model and summary. The model's folder appears last and at once: it is what says that the stage is done.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="save">Writes the model into a folder.</param>
    /// <param name="summarize">Gives the summary; called when the model is written.</param>
    public void Finish(string stage, Action<string> save, Func<JsonObject> summarize)
    {
        DurableFolder.Create(Model(stage), place =>
        {
            save(place);
            var summary = summarize();
            summary["files"] = new JsonObject(
            [
                .. new[] { TrainingPairs(stage), HeldOutPairs(stage), Metrics(stage) }.Where(File.Exists).Select(file => Seal(Path.GetFileName(file), file)),
                .. Directory.GetFiles(place).Order(StringComparer.Ordinal).Select(file => Seal($"model/{Path.GetFileName(file)}", file)),
            ]);
            CheckedJson.Write(PathOf(stage, StageFile), summary);
        });
        RemoveCheckpoints(stage);
    }

    /// <summary>The summary of a finished stage, whose files are checked.</summary>
    /// <exception cref="InvalidDataException">A file of the stage is damaged or missing.</exception>
    public JsonObject ReadStage(string stage)
    {
        RemoveCheckpoints(stage);
        try
        {
            var summary = CheckedJson.Read(PathOf(stage, StageFile));
            foreach (var (name, seal) in summary["files"] as JsonObject ?? [])
                if (FileSeal.Parse(seal).ProblemOf(PathOf(stage), name) is { } problem) throw new InvalidDataException($"{problem}.");
            return summary;
        }
        catch (Exception error) when (error is InvalidDataException or FileNotFoundException)
        {
            throw new InvalidDataException(
                $"Stage {stage} was finished, but {error.Message} Put the file back; or remove {Path.Combine(FullPath, stage)} and the folders of later stages to compute them again.", error);
        }
    }

    // They are useless beside the stage's model; a run that was stopped between the two steps left them.
    private void RemoveCheckpoints(string stage) => TrainingFolder.RemoveCheckpoints(Path.Combine(FullPath, stage));

    private static KeyValuePair<string, JsonNode?> Seal(string name, string file) => KeyValuePair.Create(name, (JsonNode?)FileSeal.Of(file).ToJson());

    private class Complaint
    {
        public string RowId { get; set; } = "";

        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];

        public string Rejected { get; set; } = "";

        public string Feedback { get; set; } = "";
    }

    private sealed class ComplaintWithTools : Complaint
    {
        public string Tools { get; set; } = "";
    }
}
