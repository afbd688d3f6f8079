using System.CommandLine;
using Microsoft.ML.Drift.Evaluation.Reports;

namespace Microsoft.ML.Drift.Tool.Commands;

/// <summary><c>drift report</c>: a run as one HTML file.</summary>
internal static class ReportCommand
{
    private static readonly Argument<string> Folder = new("run") { Description = "The folder that drift run or drift train wrote; one that is not finished, too." };
    private static readonly Option<string?> Output = new("--output") { Description = "The HTML file, written whole or not at all. Default: report.html in the folder.", HelpName = "FILE" };

    public static CliCommand Create()
    {
        var command = new CliCommand("report", """
            A run as one HTML file to look at: figures with intervals, answers before and after, training curves, what sampling dropped and cut, and every row with where it comes from.
            The file loads nothing from the network. A run that is still going on is shown as far as it has come.

            Example: drift report run --output report.html
            """)
        {
            Folder, Output,
        };
        command.SetAction(CommandAction.Of(Run));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var folder = parsed.GetValue(Folder)!;
        var output = parsed.GetValue(Output) ?? Path.Combine(folder, "report.html");
        if (Directory.Exists(output)) throw new InvalidInputException($"--output {output}: this is a folder; name a file.");
        var report = RunReport.Load(folder);
        cancellation.ThrowIfCancellationRequested();
        report.SaveAsHtml(output);
        foreach (var notice in report.Notices) Console.Error.WriteLine(notice);
        Console.Error.WriteLine($"{output}: {TextTable.Bytes(new FileInfo(output).Length)}");
        return ExitCodes.Done;
    }
}
