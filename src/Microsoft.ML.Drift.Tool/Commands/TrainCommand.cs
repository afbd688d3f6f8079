using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tool.Recipes;
using Microsoft.ML.Drift.Tool.Training;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift train</c>: one training by a recipe.</summary>
internal static class TrainCommand
{
    private static readonly Option<string> Method = new Option<string>("--method") { Description = "dpo trains on preference pairs; sft on prompts with completions, or on conversations.", DefaultValueFactory = _ => "dpo" }.AcceptOnlyFromAmong("dpo", "sft");
    private static readonly Option<string?> Pairs = new("--pairs") { Description = "Rows to train on (JSON Lines). Default: the recipe's dataset_mixer.", HelpName = "FILE" };
    private static readonly Option<string?> EvaluationPairs = new("--eval-pairs") { Description = "Held-out rows, measured as the recipe's eval_strategy says.", HelpName = "FILE" };
    private static readonly Option<string?> Reference = new("--reference") { Description = "Another model as DPO's reference. Default: the model before training.", HelpName = "PATH" };
    private static readonly Option<bool> Overwrite = new("--overwrite") { Description = "Replace the model that the output folder holds." };

    public static CliCommand Create()
    {
        var command = new CliCommand("train", """
            Training by a recipe: preference training (DPO and its relatives) or supervised fine-tuning. Writes a Hugging Face folder, model.zip, metrics.jsonl and TensorBoard events.
            Running the same command again continues where it stopped; --restart begins anew.

            Example: drift train --recipe samples/recipes/seed.yaml --model models/SmolLM2-135M-Instruct --pairs pairs.jsonl --output trained
            """)
        {
            Method, Pairs, EvaluationPairs, Reference, Overwrite,
        };
        RecipeOptions.AddTo(command);
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var isSft = parsed.GetValue(Method) == "sft";
        if (parsed.GetValue(Overwrite) && parsed.GetValue(RecipeOptions.Restart)) throw new InvalidInputException("--overwrite removes what the folder holds, --restart keeps it under another name; say one.");
        if (isSft && parsed.GetValue(Reference) is not null) throw new InvalidInputException("--reference has no meaning with --method sft, which has no reference; leave it out.");
        var recipe = RecipeOptions.Read(parsed);
        var modelPath = RecipeOptions.Required(parsed, RecipeOptions.Model, recipe, "model_name_or_path");
        var outputPath = RecipeOptions.Required(parsed, RecipeOptions.OutputFolder, recipe, "output_dir");
        using var files = TrainingFiles.Find(recipe, parsed.GetValue(Pairs), parsed.GetValue(EvaluationPairs), RecipeOptions.RecipePath(parsed));
        var context = new MLContext();
        var (training, evaluation) = files.Load(context, isSft ? ChatRowFormat.Auto : ChatRowFormat.Pairs);
        TrainingOptions options = isSft
            ? TrainingRecipe.Sft(recipe, evaluation is not null, training.Schema.GetColumnOrNull(ChatColumnNames.Messages) is not null)
            : TrainingRecipe.Dpo(recipe, evaluation is not null);
        var chatTemplate = recipe.Verbatim("chat_template");
        RecipeOptions.ReportUnused(recipe);

        using var policy = ModelOptions.OpenForTraining(parsed, modelPath, chatTemplate);
        using var reference = parsed.GetValue(Reference) is { } other ? ModelOptions.OpenReference(parsed, other, chatTemplate) : null;
        using var log = new TrainingLog { Events = Path.Combine(outputPath, "runs") };
        var (result, output) = ProgressDisplay.Run(progress =>
        {
            TrainingRecord? last = null;
            log.Reported = record => last = record;
            var watched = options with
            {
                TrainInPlace = true, CancellationToken = cancellation, Progress = log, Activity = new Relay<TrainingProgress>(value => progress.Report(Shown(value, last))), RunFolder = Path.GetFullPath(outputPath), Restart = parsed.GetValue(RecipeOptions.Restart),
                Notices = new Relay<string>(Console.Error.WriteLine),
            };
            var trainer = RecipeErrors.Explain(recipe, () => Trainer.Of(context, policy, watched, reference));
            var folder = TrainedModelFolder.Open(outputPath, modelPath, parsed.GetValue(Overwrite));
            var trained = Train(() => trainer.Fit(training, evaluation));
            progress.Report(new("Saving", 0, 1));
            folder.Save(context, trained.Transformer);
            progress.Report(new("Saving", 1, 1));
            return (trained, folder.Path);
        });
        TrainingSummary.Write(Console.Error, result.Rows, result.History, output);
        return ExitCodes.Done;
    }

    private static StepProgress Shown(TrainingProgress value, TrainingRecord? last)
    {
        // Records come just before the progress they belong to.
        var own = last is not null && last.IsEvaluation == (value.Activity == TrainingActivity.Evaluating) && value.Done > 0 && value.Activity != TrainingActivity.Preparing ? last : null;
        return new(value.Activity.ToString(), value.Done, value.Total, own is null ? null : RecordText.Of(own));
    }

    private static TrainingResult Train(Func<TrainingResult> fit)
    {
        try
        {
            return fit();
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("The training stopped; its last finished step is saved. Run the same command again to continue.");
            throw;
        }
        catch (InvalidOperationException error)
        {
            // The folder holds another training, or the model cannot read these rows: it is the input that must change.
            throw new ArgumentException(error.Message, error);
        }
    }
}
