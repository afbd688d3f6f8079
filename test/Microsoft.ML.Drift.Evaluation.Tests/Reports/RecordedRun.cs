using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Evaluation.Tests.Reports;

/// <summary>A run folder as <c>drift run</c> leaves it, made of a few lines: what stands in it is known to the last figure.</summary>
internal sealed class RecordedRun : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("drift-report-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string At(params string[] parts) => Path.Combine([Folder, .. parts]);

    /// <summary>Two iterations over three training rows and two held-out ones: row c was dropped in both, its answer having been cut at the limit.</summary>
    public static RecordedRun Complete()
    {
        var run = new RecordedRun();
        run.WriteSettings(iterations: 2);
        run.Write("rows.train.jsonl", Row("a", "How old is the moon?", "Made of cheese.", "that is not what I asked"), Row("b", "Say hi", "no", "be kind"), Row("c", "Tell me a story", "once", "longer please"));
        run.Write("rows.test.jsonl", Row("t1", "Where is Rome?", "In Rome.", "which country?"), Row("t2", "2 + 2?", "5", "wrong"));
        foreach (var (stage, gain) in new[] { ("iter1", 0.1), ("iter2", 0.3) })
        {
            run.Write($"{stage}/samples.jsonl",
                Header(stage[^1] - '0'),
                """{"RowId":"b","ContentHash":"x","Chosen":"Hi, friend!","FinishReason":"Stop","Samples":2,"NewTokens":7,"PromptTokens":30,"Hazards":[]}""",
                """{"RowId":"a","ContentHash":"x","Chosen":"About 4.5 billion years.","FinishReason":"Stop","Samples":1,"NewTokens":9,"PromptTokens":40,"Cut":{"Tokens":12,"MessagesDropped":1,"MessagesShortened":0},"Hazards":[]}""",
                """{"RowId":"c","ContentHash":"x","FinishReason":"Length","Dropped":"Unfinished","Samples":1,"NewTokens":64,"PromptTokens":31,"Hazards":[]}""");
            run.Write($"{stage}/samples.test.jsonl",
                Header(stage[^1] - '0'),
                """{"RowId":"t1","ContentHash":"x","Chosen":"In Italy.","FinishReason":"Stop","Samples":1,"NewTokens":4,"PromptTokens":33,"Hazards":[]}""",
                """{"RowId":"t2","ContentHash":"x","Chosen":"4","FinishReason":"Stop","Samples":1,"NewTokens":2,"PromptTokens":33,"Hazards":[]}""");
            run.Write($"{stage}/scores.train.jsonl", Score("a", 0), Score("b", 0), Score("a", gain));
            run.Write($"{stage}/scores.test.jsonl", Score("t1", gain), Score("t2", -gain / 2));
            run.Write($"{stage}/metrics.jsonl",
                """{"step":1,"epoch":0.5,"loss":0.6931,"grad_norm":12.5,"learning_rate":5E-07,"rewards/chosen":0,"rewards/rejected":0,"rewards/accuracies":0,"rewards/margins":0,"drift/sigma":0.5,"drift/share_above_tau":1,"drift/delta_logps_chosen":0,"drift/delta_logps_rejected":0,"tokens":80,"seconds":1,"tokens_per_second":80}""",
                """{"step":2,"epoch":1,"loss":0.6,"grad_norm":11,"learning_rate":2E-07,"rewards/chosen":0.1,"rewards/rejected":-0.1,"rewards/accuracies":1,"rewards/margins":0.2,"drift/sigma":0.45,"drift/share_above_tau":1,"drift/delta_logps_chosen":1,"drift/delta_logps_rejected":-1,"tokens":90,"seconds":1,"tokens_per_second":90}""",
                """{"step":2,"epoch":1,"eval_loss":0.55,"eval_rewards/margins":0.15,"eval_seconds":0.5}""");
            run.Write($"{stage}/tokenization.json", """{"RowsKept":2,"RowsDropped":{},"CutByMaxPromptLength":{"Rows":1,"Tokens":5},"CutByMaxCompletionLength":{"Rows":0,"Tokens":0},"PromptCutByMaxLength":{"Rows":0,"Tokens":0},"CompletionCutByMaxLength":{"Rows":0,"Tokens":0}}""");
            run.Write($"{stage}/stage.json", $$$"""{"training_pairs":2,"sampling":{"mode":"guided"},"held_out":{"Pairs":2,"Margin":{{{FormattableString.Invariant($"{gain / 4}")}}},"Accuracy":0.5,"DeltaLogProbsChosen":1,"DeltaLogProbsRejected":-1},"seconds":{"sampling":2,"training":60,"evaluation":1,"saving":1}}""");
            Directory.CreateDirectory(run.At(stage, "model"));
        }
        run.Write("answers.jsonl", """{"id":"t1","before":"Rome is a city.","after":"Rome is in Italy."}""");
        return run;
    }

    /// <summary>One iteration that dropped nothing, of as many rows as wanted; each conversation has three messages of some hundred characters.</summary>
    public static RecordedRun Large(int rows)
    {
        var run = new RecordedRun();
        run.WriteSettings(iterations: 1);
        var text = string.Join(' ', Enumerable.Range(0, 60).Select(i => $"word{i * 37 % 61}"));
        run.Write("rows.train.jsonl", [.. Enumerable.Range(0, rows).Select(i => Row($"row-{i}", [("user", text), ("assistant", text), ("user", $"{text} question {i}")], text, i % 10 == 0 ? "needle in the hay" : "not what I asked"))]);
        run.Write("iter1/samples.jsonl", [Header(1), .. Enumerable.Range(0, rows).Select(i => i % 5 == 4
            ? $$"""{"RowId":"row-{{i}}","ContentHash":"x","FinishReason":"Length","Dropped":"Unfinished","Samples":1,"NewTokens":64,"PromptTokens":31,"Hazards":[]}"""
            : $$"""{"RowId":"row-{{i}}","ContentHash":"x","Chosen":"{{text}} {{i}}","FinishReason":"Stop","Samples":1,"NewTokens":{{i % 97}},"PromptTokens":31,"Hazards":[]}""")]);
        run.Write("iter1/scores.train.jsonl", [.. Enumerable.Range(0, rows).Where(i => i % 5 != 4).Select(i => Score($"row-{i}", Math.Sin(i)))]);
        run.Write("iter1/metrics.jsonl", [.. Enumerable.Range(1, 3000).Select(step => FormattableString.Invariant($$"""{"step":{{step}},"epoch":{{step / 3000.0}},"loss":{{0.7 - step / 10000.0 + 0.02 * Math.Sin(step)}},"rewards/margins":{{step / 3000.0}}}"""))]);
        Directory.CreateDirectory(run.At("iter1", "model"));
        return run;
    }

    public void WriteSettings(int iterations) => Write("run.json", $$$"""{"format":1,"settings":{"NumberOfIterations":{{{iterations}}},"Selection":"Last","Sampling":{"Mode":"Guided","Generation":{"Temperature":0.7,"Seed":42}},"Training":{"Beta":0.1,"LearningRate":5E-07,"Loss":"Sigmoid"}},"data":{"dsat rows":"cafe"},"model":"beef"}""");

    public void Write(string name, params string[] lines)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        File.WriteAllText(At(name), string.Concat(lines.Select(line => line + "\n")));
    }

    public static string Row(string id, string question, string rejected, string complaint) => Row(id, [("user", question)], rejected, complaint);

    public static string Row(string id, (string Role, string Text)[] prompt, string rejected, string complaint) => new JsonObject
    {
        ["id"] = id,
        ["prompt"] = new JsonArray([.. prompt.Select(message => new JsonObject { ["role"] = message.Role, ["content"] = message.Text })]),
        ["rejected"] = new JsonArray(new JsonObject { ["role"] = "assistant", ["content"] = rejected }),
        ["user_preference"] = new JsonObject { ["role"] = "user", ["content"] = complaint },
    }.ToJsonString();

    // Chosen gains ten times the margin in nats, rejected stays: β is 0.1.
    private static string Score(string id, double margin) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["id"] = id, ["margin"] = margin, ["logps/chosen"] = -20 + 10 * margin, ["logps/rejected"] = -30, ["ref_logps/chosen"] = -20, ["ref_logps/rejected"] = -30, ["tokens/chosen"] = 8, ["tokens/rejected"] = 4,
    });

    private static string Header(int iteration) => $$"""{"Settings":{"policy":"beef","mode":"Guided","iteration":"{{iteration}}","max new tokens":"64","temperature":"0.7","top-p":"0.9","seed":"42"},"Journal":"dsat-pairs","Version":1}""";
}
