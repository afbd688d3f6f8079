using System.CommandLine;
using System.Reflection;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Tool.Commands;

namespace Microsoft.ML.Drift.Tool;

/// <summary>The command <c>drift</c>: a thin shell over the library's public API.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args) => await Run(args);

    /// <summary>Runs one command line and returns its exit code: 0 done, 1 failed, 2 wrong input, 130 cancelled.</summary>
    internal static async Task<int> Run(string[] args)
    {
        var root = new RootCommand("Improves a chat model from its users' complaints (DRIFT, arXiv 2510.02341).")
        {
            TokenizeCommand.Create(),
            DetokenizeCommand.Create(),
            RenderCommand.Create(),
            LogProbsCommand.Create(),
            GenerateCommand.Create(),
            TrainCommand.Create(),
            RunCommand.Create(),
            SampleCommand.Create(),
            EvaluateCommand.Create(),
            JudgeCommand.Create(),
            ConvertCommand.Create(),
            InspectCommand.Create(),
            ReportCommand.Create(),
            ServeCommand.Create(),
        };
        foreach (var option in new Option[] { CommonOptions.Threads, CommonOptions.Device, CommonOptions.Seed, CommonOptions.Verbose }) root.Options.Add(option);
        // convert has a --dtype of its own, which names what is stored.
        foreach (var command in root.Subcommands.Concat(root.Subcommands.SelectMany(command => command.Subcommands)).Where(command => command.Options.All(option => option.Name != CommonOptions.Dtype.Name))) command.Options.Add(CommonOptions.Dtype);

        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) Console.Error.WriteLine(error.Message);
            Console.Error.WriteLine($"'drift {(parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ")}--help' shows what is allowed.");
            return ExitCodes.WrongInput;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(10) });
        }
        catch (Exception error)
        {
            return Report(error, parsed.GetValue(CommonOptions.Verbose));
        }
    }

    private static int Report(Exception error, bool verbose)
    {
        while (error is AggregateException { InnerExceptions.Count: 1 } or TargetInvocationException or TypeInitializationException && error.InnerException is not null) error = error.InnerException!;
        if (error is OperationCanceledException)
        {
            Console.Error.WriteLine("Cancelled.");
            return ExitCodes.Cancelled;
        }

        Console.Error.WriteLine(verbose ? error.ToString() : error is ArgumentException argument ? ErrorText.WithoutParameterName(argument) : error.Message);
        return error is InvalidInputException or ArgumentException or InvalidDataException or FileNotFoundException or DirectoryNotFoundException or NotSupportedException or ChatTemplateException
            ? ExitCodes.WrongInput
            : ExitCodes.Failed;
    }
}

/// <summary>What the process returns to the shell.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongInput = 2;
    public const int Cancelled = 130;
}
