using System.CommandLine;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift sample</c>: complaints to preference pairs.</summary>
internal static class SampleCommand
{
    private static readonly DsatPairSampler.Options Defaults = new();

    private static readonly Option<string> Mode = new Option<string>("--mode")
    {
        Description = "What the model sees: the complaint too (guided), the bare prompt (unguided), or the authors' plain text (paper).",
        DefaultValueFactory = _ => "guided",
    }.AcceptOnlyFromAmong("guided", "unguided", "paper");

    private static readonly Option<string?> Instruction = new("--instruction") { Description = "What follows the complaint in guided mode.", HelpName = "TEXT" };
    private static readonly Option<int> MaxPromptTokens = new("--max-prompt-tokens") { Description = "The longest prompt; older messages give way first.", HelpName = "N", DefaultValueFactory = _ => Defaults.MaxPromptLength };
    private static readonly Option<int> Retries = new("--retries") { Description = "How often a row is sampled again whose answer was filtered out.", HelpName = "N" };
    private static readonly Option<double?> NearCopyThreshold = new("--near-copy-threshold") { Description = "Drop answers this similar to the rejected one, 0 to 1; 0 keeps them. [default: 0.95]", HelpName = "X" };
    private static readonly Option<bool> KeepUnfinished = new("--keep-unfinished") { Description = "Keep answers that were cut at the limit of new tokens." };
    private static readonly Option<int> TestRows = new("--test-rows") { Description = "Write the pairs of this many first rows to another file, for evaluation.", HelpName = "N" };
    private static readonly Option<string?> TestOutput = new("--test-output") { Description = "That file. Default: OUTPUT with .test before its ending.", HelpName = "FILE" };
    private static readonly Option<string?> Journal = new("--journal") { Description = "Keep every decided row here at once; running again goes on where it was.", HelpName = "FILE" };

    public static CliCommand Create()
    {
        var command = new CliCommand("sample", """
            Complaints to preference pairs: {"prompt","rejected","user_preference"} in; {"id","prompt","chosen","rejected"} out, chosen being the model's new answer.
            Rows whose answer cannot be used are dropped; a table of counts goes to standard error.

            Example: drift sample --model models/SmolLM2-135M-Instruct --input dsat.jsonl --output pairs.jsonl --max-new-tokens 64 --test-rows 5
            """)
        {
            CommonOptions.Model, CommonOptions.Adapter, CommonOptions.BaseModel, CommonOptions.Input, CommonOptions.Output,
            Mode, Instruction, MaxPromptTokens, Retries, NearCopyThreshold, KeepUnfinished, TestRows, TestOutput, Journal,
        };
        GenerationSettings.AddTo(command);
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var output = parsed.GetValue(CommonOptions.Output)!;
        var testRows = parsed.GetValue(TestRows);
        if (testRows < 0) throw new InvalidInputException($"--test-rows is {testRows}; it must be 0 or more.");
        if (testRows == 0 && parsed.GetValue(TestOutput) is not null) throw new InvalidInputException("--test-output has no effect without --test-rows.");
        var testOutput = testRows == 0 ? null : parsed.GetValue(TestOutput) ?? BesideOutput(output);

        using var input = InputFile.Open(parsed.GetValue(CommonOptions.Input)!);
        var context = new MLContext();
        var rows = context.Data.LoadFromChatJsonLines(input.Path, new ChatJsonLinesOptions { Format = ChatRowFormat.Dissatisfaction });
        using var model = ModelOptions.Open(parsed);
        var sampler = context.Drift().DsatPairSampler(model, Options(parsed)).Fit(rows);
        var pairs = ProgressDisplay.Run(progress => sampler.Sample(
            rows,
            new Relay<GenerationProgress>(value => progress.Report(new("Sampling", value.FinishedRows, value.TotalRows, $"{value.TokensPerSecond:0} tokens/s"))),
            cancellation));

        if (testOutput is null) Save(context, pairs, output);
        else
        {
            var held = FirstRows(rows, testRows);
            Save(context, context.Data.FilterByCustomPredicate<NamedRow>(pairs, row => !held.Contains(row.RowId)), testOutput);
            Save(context, context.Data.FilterByCustomPredicate<NamedRow>(pairs, row => held.Contains(row.RowId)), output);
        }
        Console.Error.Write(sampler.Summary);
        if (testOutput is not null) Console.Error.WriteLine($"The pairs of the first {testRows} rows are in {testOutput}.");
        return ExitCodes.Done;
    }

    private static DsatPairSampler.Options Options(ParseResult parsed)
    {
        var (threshold, keepUnfinished) = (parsed.GetValue(NearCopyThreshold), parsed.GetValue(KeepUnfinished));
        var filters = new ChosenFilters();
        return Defaults with
        {
            Mode = Enum.Parse<DsatSamplingMode>(parsed.GetValue(Mode)!, ignoreCase: true),
            Instruction = parsed.GetValue(Instruction),
            Generation = GenerationSettings.Read(parsed),
            Batching = GenerationSettings.ReadBatching(parsed),
            MaxPromptLength = parsed.GetValue(MaxPromptTokens),
            MaxRetries = parsed.GetValue(Retries),
            JournalPath = parsed.GetValue(Journal),
            // Null where nothing is said: paper mode has no filters and refuses any.
            Filters = threshold is null && !keepUnfinished ? null : filters with
            {
                NearCopyThreshold = threshold is null ? filters.NearCopyThreshold : threshold == 0 ? null : threshold,
                DropUnfinished = !keepUnfinished,
            },
        };
    }

    private static string BesideOutput(string output) => output == "-"
        ? throw new InvalidInputException("--test-rows needs a second file: name it with --test-output, as --output is standard output.")
        : Path.ChangeExtension(output, ".test" + Path.GetExtension(output));

    private static HashSet<string> FirstRows(IDataView rows, int count) => [.. rows.GetColumn<string>(ChatColumnNames.RowId).Take(count)];

    private static void Save(MLContext context, IDataView pairs, string output)
    {
        if (output != "-")
        {
            context.Data.SaveAsChatJsonLines(pairs, output);
            return;
        }
        using var stream = new BufferedStream(Console.OpenStandardOutput(), 1 << 16);
        context.Data.SaveAsChatJsonLines(pairs, stream);
    }

    private sealed class NamedRow
    {
        public string RowId { get; set; } = "";
    }
}
