using System.Diagnostics;

namespace Microsoft.ML.Drift.Tests;

/// <summary>The working copy these tests were built from, and programs run in it: for tests of the build itself.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>The NuGet global packages folder the tests were restored from.</summary>
    public static string PackageCache => typeof(Checkout).Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyMetadataAttribute), false)
        .Cast<System.Reflection.AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "NuGetPackageRoot").Value!;

    /// <summary>Runs <c>dotnet</c> in a fresh process; the output holds standard output and error together.</summary>
    public static Task<(int ExitCode, string Output)> Dotnet(string workingDirectory, params string[] arguments) =>
        Dotnet(workingDirectory, new Dictionary<string, string>(), arguments);

    /// <inheritdoc cref="Dotnet(string, string[])"/>
    /// <param name="workingDirectory">Where it runs.</param>
    /// <param name="environment">Further environment variables.</param>
    /// <param name="arguments">What follows <c>dotnet</c>.</param>
    public static async Task<(int ExitCode, string Output)> Dotnet(string workingDirectory, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test run's own MSBuild left in the environment would steer the new one.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";

        using var process = Process.Start(start)!;
        var texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(texts));
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Microsoft.ML.Drift.sln"))) return folder.FullName;
        }
        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds Microsoft.ML.Drift.sln; the tests run from their build output.");
    }
}
