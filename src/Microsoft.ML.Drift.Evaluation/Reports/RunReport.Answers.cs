using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Evaluation.Reports;

public sealed partial class RunReport
{
    private const string AnswersFile = "answers.jsonl";

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Lets two models answer the first held-out prompts of a run, greedily and without the complaint, and keeps the answers in the run folder, where the report finds
    /// them: <c>answers.jsonl</c>, objects with <c>id</c>, <c>before</c> and <c>after</c>. A folder that has them already is left as it is, and so is one without held-out rows.
    /// </summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="before">The model the run started from.</param>
    /// <param name="after">The run's result.</param>
    /// <param name="rows">How many prompts, at least 1. Default 6.</param>
    /// <param name="maxNewTokens">The longest answer, in tokens, at least 1. Default 256.</param>
    /// <param name="progress">Told of answers that are there, of both models together. Default none.</param>
    /// <param name="cancellationToken">Stops between two answers with an <see cref="OperationCanceledException"/>; nothing is written then.</param>
    /// <returns>False where nothing was done: the answers were there, no rows are held out, or a model lacks the chat template that the prompts need.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1.</exception>
    public static bool RecordAnswers(
        string folder, CausalLM before, CausalLM after, int rows = 6, int maxNewTokens = 256, IProgress<(int Done, int Total)>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxNewTokens, 1);
        var (source, target) = (Path.Combine(folder, "rows.test.jsonl"), Path.Combine(folder, AnswersFile));
        if (File.Exists(target) || !File.Exists(source)) return false;
        if (before.ChatTemplate is null || after.ChatTemplate is null) return false;

        var context = new MLContext();
        var prompts = context.Data.TakeRows(context.Data.LoadFromChatJsonLines(source, new ChatJsonLinesOptions { Format = ChatRowFormat.Dissatisfaction }), rows);
        var ids = prompts.GetColumn<string>(ChatColumnNames.RowId).ToList();
        var generation = new GenerationOptions { Temperature = 0, TopP = 1, MaxNewTokens = maxNewTokens };
        var done = 0;
        var first = Answers(before);
        var second = Answers(after);
        WholeFile.Write(target, stream =>
        {
            foreach (var (id, was, now) in ids.Zip(first, second))
            {
                stream.Write(JsonSerializer.SerializeToUtf8Bytes(new { id, before = was, after = now }, Readable));
                stream.WriteByte((byte)'\n');
            }
        });
        return true;

        List<string> Answers(CausalLM model)
        {
            var answered = context.Transforms.AnswerPrompts(model, ChatColumnNames.Response, ChatColumnNames.Prompt, generation, new GenerationBatching { BatchSize = 1 }).Fit(prompts).Transform(prompts);
            var answers = new List<string>();
            foreach (var answer in answered.GetColumn<string>(ChatColumnNames.Response))
            {
                answers.Add(answer);
                progress?.Report((++done, 2 * ids.Count));
                cancellationToken.ThrowIfCancellationRequested();
            }
            return answers;
        }
    }
}

/// <summary>Writes a file whole or not at all: beside its place, flushed to the disk, then renamed.</summary>
internal static class WholeFile
{
    public static void Write(string path, Action<Stream> write)
    {
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
