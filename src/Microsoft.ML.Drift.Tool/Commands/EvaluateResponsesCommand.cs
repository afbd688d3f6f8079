using System.CommandLine;
using System.Text.Json;
using Microsoft.ML.Drift.Evaluation.Offline;
using Microsoft.ML.Drift.Evaluation.Statistics;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift evaluate responses</c>: what answers are like without a judge, alone or against another model's.</summary>
internal static class EvaluateResponsesCommand
{
    private static readonly Option<string?> Embedding = new("--embedding-model")
    {
        Description = "Measure lengths in this model's tokens, and how much of its hidden-state space the answers cover; for before and after take the model before.",
        HelpName = "PATH",
    };

    private static readonly Option<int> Clusters = new("--clusters") { Description = "Clusters of that space.", HelpName = "N", DefaultValueFactory = _ => new CoverageOptions().Clusters };

    public static CliCommand Create()
    {
        var command = new CliCommand("responses", """
            Answers without a judge: lengths, repetition, copying, endings, distinct-n, self-BLEU, coverage; with --baseline every difference with its interval and paired tests.
            A line: {"response" or "text", "prompt"?, "id"?, "rejected"?, "user_preference"?, "finish_reason"?}; rows of two files are paired by id, else by order.

            Example: drift evaluate responses --input after.jsonl --baseline before.jsonl --rows dsat.jsonl
            """)
        {
            CommonOptions.Input, ResponseFile.Baseline, ResponseFile.Rows, Embedding, Clusters, CommonOptions.Output,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var context = new MLContext();
        var candidate = ResponseFile.Read(parsed.GetValue(CommonOptions.Input)!, parsed.GetValue(ResponseFile.Rows));
        var baseline = parsed.GetValue(ResponseFile.Baseline) is { } path ? ResponseFile.Read(path, parsed.GetValue(ResponseFile.Rows)) : null;
        using var model = parsed.GetValue(Embedding) is { } folder ? ModelOptions.OpenOther(parsed, folder) : null;
        var options = new ResponseEvaluationOptions
        {
            Columns = ResponseFile.Columns(baseline is null ? [candidate] : [candidate, baseline]), Tokenizer = model?.Tokenizer, EmbeddingModel = model,
            Coverage = new() { Clusters = parsed.GetValue(Clusters), Seed = parsed.GetValue(CommonOptions.Seed) },
            Resampling = new() { Seed = parsed.GetValue(CommonOptions.Seed) },
        };
        using var output = new JsonLinesOutput(parsed.GetValue(CommonOptions.Output)!);
        if (baseline is null)
        {
            var metrics = Watched(watched => context.Drift().Evaluate(context.Data.LoadFromEnumerable(candidate), watched));
            var table = new TextTable("", "value");
            foreach (var (name, value) in Figures(metrics)) table.Add(name, Shown(value));
            table.Write(Console.Error);
            output.Write(json => WriteFigures(json, metrics));
        }
        else
        {
            var comparison = Watched(watched => context.Drift().Compare(context.Data.LoadFromEnumerable(baseline), context.Data.LoadFromEnumerable(candidate), watched));
            WriteTable(comparison);
            output.Write(json => WriteJson(json, comparison));
        }
        output.Complete();
        return ExitCodes.Done;

        T Watched<T>(Func<ResponseEvaluationOptions, T> evaluate) => ProgressDisplay.Run(progress => evaluate(options with
        {
            Progress = new Relay<ResponseProgress>(value => progress.Report(new(value.Activity.ToString(), value.Done, value.Total))), CancellationToken = cancellation,
        }));
    }

    private static void WriteTable(ResponseComparison comparison)
    {
        Console.Error.WriteLine($"{comparison.Rows} pairs of answers; difference = answers − baseline, with its 95 % interval; p of the mean's bootstrap, the sign test and Wilcoxon's");
        var table = new TextTable("", "baseline", "answers", "difference", "95 % interval", "p mean", "p sign", "p Wilcoxon");
        foreach (var each in comparison.Differences)
        {
            var (difference, tests) = (each.Difference, each.Tests);
            table.Add(
                each.Name, Shown(each.Baseline), Shown(each.Candidate), Shown(difference.Value), $"{Shown(difference.Low)} – {Shown(difference.High)}",
                tests is null ? "" : Shown(tests.BootstrapPValue), tests is null ? "" : Shown(tests.SignPValue), tests is null ? "" : Shown(tests.WilcoxonPValue));
        }
        table.Write(Console.Error);
    }

    private static string Shown(double value) => double.IsNaN(value) ? "–" : TextTable.Number(value);

    private static void WriteJson(Utf8JsonWriter json, ResponseComparison comparison)
    {
        json.WriteNumber("rows", comparison.Rows);
        json.WriteStartObject("differences");
        foreach (var each in comparison.Differences)
        {
            json.WriteStartObject(each.Name);
            json.WriteFigure("baseline", each.Baseline);
            json.WriteFigure("candidate", each.Candidate);
            json.WriteFigure("difference", each.Difference.Value);
            json.WriteFigure("low", each.Difference.Low);
            json.WriteFigure("high", each.Difference.High);
            if (each.Tests is { } tests)
            {
                json.WriteNumber("higher", tests.Higher);
                json.WriteNumber("lower", tests.Lower);
                json.WriteNumber("equal", tests.Equal);
                json.WriteFigure("p_bootstrap", tests.BootstrapPValue);
                json.WriteFigure("p_sign", tests.SignPValue);
                json.WriteFigure("p_wilcoxon", tests.WilcoxonPValue);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
        foreach (var (name, metrics) in new[] { ("baseline", comparison.Baseline), ("candidate", comparison.Candidate) })
        {
            json.WriteStartObject(name);
            WriteFigures(json, metrics);
            json.WriteEndObject();
        }
    }

    private static void WriteFigures(Utf8JsonWriter json, ResponseMetrics metrics)
    {
        json.WriteNumber("rows", metrics.Rows);
        foreach (var (name, value) in Figures(metrics)) json.WriteFigure(name, value);
        if (metrics.Coverage is not { } coverage) return;
        json.WriteStartArray("coverage/points");
        foreach (var point in coverage.Points)
        {
            json.WriteStartArray();
            json.WriteNumberValue(point.Cluster);
            json.WriteNumberValue(point.X);
            json.WriteNumberValue(point.Y);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    private static IEnumerable<(string Name, double Value)> Figures(ResponseMetrics metrics)
    {
        foreach (var (unit, lengths) in new[] { ("characters", metrics.Characters), ("words", metrics.Words), ("tokens", metrics.Tokens) })
        {
            if (lengths is null) continue;
            yield return ($"{unit}/mean", lengths.Mean);
            yield return ($"{unit}/sd", lengths.StandardDeviation);
            yield return ($"{unit}/min", lengths.Minimum);
            yield return ($"{unit}/p25", lengths.Percentile25);
            yield return ($"{unit}/median", lengths.Median);
            yield return ($"{unit}/p75", lengths.Percentile75);
            yield return ($"{unit}/p95", lengths.Percentile95);
            yield return ($"{unit}/max", lengths.Maximum);
        }
        yield return ("empty", metrics.EmptyRate);
        yield return ("repetition", metrics.Repetition);
        if (metrics.CopyOfPrompt is { } ofPrompt) yield return ("copy/prompt", ofPrompt);
        if (metrics.CopyOfFeedback is { } ofFeedback) yield return ("copy/feedback", ofFeedback);
        if (metrics.CopyOfRejected is { } ofRejected) yield return ("copy/rejected", ofRejected);
        if (metrics.SameAsRejected is { } same) yield return ("same/rejected", same);
        if (metrics.EosRate is { } eos) yield return ("eos", eos);
        for (var n = 1; n <= metrics.Distinct.Count; n++) yield return ($"distinct_{n}", metrics.Distinct[n - 1]);
        yield return ("self_bleu", metrics.SelfBleu);
        if (metrics.Coverage is not { } coverage) yield break;
        yield return ("coverage/clusters", coverage.Clusters);
        yield return ("coverage/occupied", coverage.Occupied);
        yield return ("coverage/effective", coverage.Effective);
    }
}
