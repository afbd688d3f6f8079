using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Evaluation.Reports;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tool.Recipes;
using Microsoft.ML.Drift.Tool.Training;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift run</c>: the whole loop, in a folder that it can be continued from.</summary>
internal static class RunCommand
{
    private static readonly Option<string> Dsat = new("--dsat") { Description = "Answers users complained about: {\"prompt\",\"rejected\",\"user_preference\"} on each line.", HelpName = "FILE", Required = true };
    private static readonly Option<string?> SeedPairs = new("--seed-pairs") { Description = "Pairs for a seed stage before the first iteration.", HelpName = "FILE" };
    private static readonly Option<string?> HeldOut = new("--eval-dsat") { Description = "Held-out rows of their own. Default: the first rows of --dsat, as drift.test_rows says.", HelpName = "FILE" };

    private static readonly Option<int> Answers = new("--answers") { Description = "Held-out prompts that the model answers before and after, for the report; 0 for none.", HelpName = "N", DefaultValueFactory = _ => 6 };

    public static CliCommand Create()
    {
        var command = new CliCommand("run", """
            The whole loop: samples a better answer for every complaint, trains on the pairs, repeats with the new model.
            Running the same command again continues where it stopped; --restart begins anew.
            At the end report.html in the output folder shows what happened.

            Example: drift run --recipe samples/recipes/iteration.yaml --model models/SmolLM2-135M-Instruct --dsat dsat.jsonl --set drift.test_rows=5 --output run
            """)
        {
            Dsat, SeedPairs, HeldOut, Answers,
        };
        RecipeOptions.AddTo(command);
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var recipe = RecipeOptions.Read(parsed);
        var modelPath = RecipeOptions.Required(parsed, RecipeOptions.Model, recipe, "model_name_or_path");
        var output = Path.GetFullPath(RecipeOptions.Required(parsed, RecipeOptions.OutputFolder, recipe, "output_dir"));
        if (File.Exists(output)) throw new InvalidInputException($"--output {output}: this is a file; name a folder.");
        var answers = parsed.GetValue(Answers);
        if (answers < 0) throw new InvalidInputException($"--answers is {answers}; it must be 0 or more.");
        var (seedPairs, heldOut) = (parsed.GetValue(SeedPairs), parsed.GetValue(HeldOut));
        var options = RunRecipe.Of(recipe, seedPairs is not null, heldOut is not null);
        var chatTemplate = recipe.Verbatim("chat_template");
        RecipeOptions.ReportUnused(recipe);

        var context = new MLContext(options.Training.Seed);
        var dsat = DsatRows.Load(context, parsed.GetValue(Dsat)!, "--dsat");
        using var policy = ModelOptions.OpenForTraining(parsed, modelPath, chatTemplate);
        TrainingRecord? evaluation = null;
        using var events = new StageEvents(Path.Combine(output, "runs"));
        var run = ProgressDisplay.Run(progress =>
        {
            options = options with
            {
                SeedPairs = seedPairs is null ? null : context.Data.LoadFromChatJsonLines(seedPairs, new ChatJsonLinesOptions { Format = ChatRowFormat.Pairs }),
                HeldOutRows = heldOut is null ? null : DsatRows.Load(context, heldOut, "--eval-dsat"),
                RunFolder = output,
                Restart = parsed.GetValue(RecipeOptions.Restart),
                Notices = new Relay<string>(Console.Error.WriteLine),
                CancellationToken = cancellation,
                Progress = new Relay<DriftProgress>(value =>
                {
                    events.Report(value);
                    // An evaluation's record comes just before its last progress.
                    if (value.Record is { IsEvaluation: true }) evaluation = value.Record;
                    else progress.Report(Shown(value, ref evaluation));
                }),
            };
            var result = RecipeErrors.Explain(recipe, () => Continue(context, policy, options, dsat));
            progress.Report(new("saving the selected model", 0, 1));
            result.Transformer.Model.Save(Path.Combine(output, "model"));
            ModelZipFile.Write(context, result.Transformer, Path.Combine(output, "model.zip"));
            progress.Report(new("saving the selected model", 1, 1));
            if (answers > 0)
                RunReport.RecordAnswers(
                    output, policy, result.Transformer.Model, answers, options.Sampling.Generation.MaxNewTokens,
                    new Relay<(int Done, int Total)>(value => progress.Report(new("answers before and after", value.Done, value.Total))), cancellation);
            return result;
        });
        using var model = run.Transformer.Model;
        RunTable.Write(Console.Error, run, output);
        var report = Path.Combine(output, "report.html");
        RunReport.Load(output).SaveAsHtml(report);
        Console.Error.WriteLine($"Report: {report}");
        return ExitCodes.Done;
    }

    private static DriftRun Continue(MLContext context, Models.CausalLM policy, DriftIterationEstimator.Options options, IDataView dsat)
    {
        try
        {
            return context.Drift().Trainers.Drift(policy, options).Run(dsat);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("The run stopped; what was finished is kept. Run the same command again to continue.");
            throw;
        }
        catch (InvalidOperationException error)
        {
            // The folder holds another run, the model cannot read these rows, or no sample can be used: it is the input that must change.
            throw new ArgumentException(error.Message, error);
        }
    }

    private static StepProgress Shown(DriftProgress value, ref TrainingRecord? evaluation)
    {
        var record = value.Record;
        if (value.Activity == DriftActivity.Evaluating) (record, evaluation) = (evaluation, null);
        return new(
            $"{value.Stage} {value.Activity.ToString().ToLowerInvariant()}", value.Done, Math.Max(value.Done, value.Total),
            record is not null ? RecordText.Of(record) : value.TokensPerSecond > 0 ? $"{TextTable.Number(value.TokensPerSecond, "0")} tokens/s" : null);
    }
}
