using System.CommandLine;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Evaluation.Statistics;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift evaluate</c>: what one or two models think of held-out pairs.</summary>
internal static class EvaluateCommand
{
    private static readonly Option<string?> Reference = new("--reference", "--other")
    {
        Description = "The model to compare with, such as the one before training; margins and accuracy are then measured against it.",
        HelpName = "PATH",
    };

    private static readonly Option<double> Beta = new("--beta") { Description = "Scale of the margin against the reference.", HelpName = "B", DefaultValueFactory = _ => 0.1 };

    public static CliCommand Create()
    {
        var command = new CliCommand("evaluate", """
            Held-out pairs under two models side by side: log-probs and lengths of both answers, margin and accuracy.
            A table goes to standard error, the same figures as one JSON object to the output. The subcommands look at answers and judgements instead of pairs.

            Example: drift evaluate --model trained --reference models/SmolLM2-135M-Instruct --input pairs.test.jsonl
            """)
        {
            CommonOptions.Model, CommonOptions.Adapter, CommonOptions.BaseModel, Reference, Beta, CommonOptions.Input, CommonOptions.Output,
        };
        foreach (var subcommand in new[] { EvaluateResponsesCommand.Create(), EvaluateAlpacaEvalCommand.Create(), EvaluateWildBenchCommand.Create() }) command.Subcommands.Add(subcommand);
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var beta = parsed.GetValue(Beta);
        if (!(beta > 0)) throw new InvalidInputException($"--beta is {TextTable.Number(beta)}; it must be greater than 0.");
        using var input = InputFile.Open(parsed.GetValue(CommonOptions.Input)!);
        var context = new MLContext();
        var rows = context.Data.LoadFromChatJsonLines(input.Path, new ChatJsonLinesOptions { Format = ChatRowFormat.Pairs });
        var (own, other) = ProgressDisplay.Run(progress =>
        {
            var total = File.ReadLines(input.Path).Count(line => !string.IsNullOrWhiteSpace(line));
            PairScores Scored(string stage, CausalLM model)
            {
                using (model) return PairScores.Of(new SequenceScorer(model).ScoreRows(rows), done => progress.Report(new(stage, done, total)), cancellation);
            }
            var first = Scored("Scoring with the model", ModelOptions.Open(parsed));
            return (first, parsed.GetValue(Reference) is { } path ? Scored("Scoring with the reference", ModelOptions.OpenOther(parsed, path)) : null);
        });
        if (own.Count == 0) throw new InvalidInputException($"{input.Path}: there is no pair.");

        WriteTable(own, other, beta);
        using var output = new JsonLinesOutput(parsed.GetValue(CommonOptions.Output)!);
        output.Write(json => WriteJson(json, own, other, beta));
        output.Complete();
        return ExitCodes.Done;
    }

    private static void WriteTable(PairScores own, PairScores? other, double beta)
    {
        var table = new TextTable("", "model", other is null ? "" : "reference", other is null ? "" : "difference");
        foreach (var (name, value) in own.Figures())
        {
            if (other is null) table.Add(name, TextTable.Number(value), "", "");
            else
            {
                var compared = other.Figures().Single(figure => figure.Name == name).Value;
                table.Add(name, TextTable.Number(value), TextTable.Number(compared), TextTable.Number(value - compared));
            }
        }
        if (other is not null)
        {
            foreach (var (name, figure) in Against(own, other, beta))
                table.Add($"{name} against the reference", TextTable.Number(figure.Value), $"{TextTable.Number(figure.Low)} –", $"{TextTable.Number(figure.High)} (95 %)");
        }
        Console.Error.WriteLine($"{own.Count} pairs; log-probs are means over pairs, in nats");
        table.Write(Console.Error);
    }

    /// <summary>Mean margin, and the share of margins greater than 0, with their bootstrap intervals over pairs.</summary>
    private static IEnumerable<(string Name, Estimate Figure)> Against(PairScores own, PairScores other, double beta)
    {
        var margins = own.Margins(other).ToList();
        yield return ("margin", Bootstrap.Mean([.. margins.Select(margin => beta * margin)]));
        yield return ("accuracy", Bootstrap.Mean([.. margins.Select(margin => margin > 0 ? 1.0 : 0)]));
    }

    private static void WriteJson(Utf8JsonWriter json, PairScores own, PairScores? other, double beta)
    {
        json.WriteNumber("pairs", own.Count);
        if (other is not null)
        {
            json.WriteNumber("beta", beta);
            foreach (var (name, figure) in Against(own, other, beta))
            {
                json.WriteNumber(name, figure.Value);
                json.WriteNumber($"{name}_low", figure.Low);
                json.WriteNumber($"{name}_high", figure.High);
            }
        }
        Write("model", own);
        if (other is not null) Write("reference", other);

        void Write(string name, PairScores scores)
        {
            json.WriteStartObject(name);
            foreach (var (figure, value) in scores.Figures()) json.WriteNumber(figure, value);
            json.WriteEndObject();
        }
    }

    /// <summary>Log-probs and lengths of pairs under one model.</summary>
    private sealed class PairScores
    {
        private readonly List<(double Chosen, double Rejected, int ChosenTokens, int RejectedTokens)> _pairs = [];

        public int Count => _pairs.Count;

        public static PairScores Of(IEnumerable<ScoredRow> rows, Action<int> progress, CancellationToken cancellation)
        {
            var scores = new PairScores();
            foreach (var row in rows)
            {
                cancellation.ThrowIfCancellationRequested();
                var (chosen, rejected) = (row.Chosen!, row.Rejected!);
                scores._pairs.Add((chosen.Sum, rejected.Sum, chosen.TokenLogProbs.Count, rejected.TokenLogProbs.Count));
                progress(scores.Count);
            }
            return scores;
        }

        /// <summary>Figures of this model alone, under the names of its JSON.</summary>
        public IEnumerable<(string Name, double Value)> Figures() =>
        [
            ("logps/chosen", _pairs.Average(pair => pair.Chosen)),
            ("logps/rejected", _pairs.Average(pair => pair.Rejected)),
            ("logps_per_token/chosen", _pairs.Sum(pair => pair.Chosen) / _pairs.Sum(pair => pair.ChosenTokens)),
            ("logps_per_token/rejected", _pairs.Sum(pair => pair.Rejected) / _pairs.Sum(pair => pair.RejectedTokens)),
            ("logps/margin", _pairs.Average(pair => pair.Chosen - pair.Rejected)),
            ("chosen_more_likely", _pairs.Average(pair => pair.Chosen > pair.Rejected ? 1.0 : 0)),
            ("tokens/chosen", _pairs.Average(pair => pair.ChosenTokens)),
            ("tokens/rejected", _pairs.Average(pair => pair.RejectedTokens)),
        ];

        /// <summary>DPO's reward margins, β[(log π(y_w) − log π_ref(y_w)) − (log π(y_l) − log π_ref(y_l))], without β.</summary>
        public IEnumerable<double> Margins(PairScores reference) => _pairs.Zip(reference._pairs, (own, other) => own.Chosen - other.Chosen - (own.Rejected - other.Rejected));
    }
}
