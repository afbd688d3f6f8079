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
            ConvertCommand.Create(),
            InspectCommand.Create(),
            ReportCommand.Create(),
