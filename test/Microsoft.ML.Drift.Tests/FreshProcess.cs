namespace Microsoft.ML.Drift.Tests;

/// <summary>Runs test/Microsoft.ML.Drift.FreshProcess, a user's program, in a process of its own.</summary>
internal static class FreshProcess
{
    private const string Program = "Microsoft.ML.Drift.FreshProcess";

    /// <summary>Runs it beside the tests, with all packages and native libraries the tests have.</summary>
    public static Task<(int ExitCode, string Output)> Run(params string[] arguments) => Run(new Dictionary<string, string>(), arguments);

    /// <inheritdoc cref="Run(string[])"/>
    /// <param name="environment">Further environment variables.</param>
    /// <param name="arguments">The program's arguments.</param>
    public static Task<(int ExitCode, string Output)> Run(IReadOnlyDictionary<string, string> environment, params string[] arguments) => Checkout.Dotnet(
        Path.GetTempPath(), environment,
        ["exec", "--depsfile", InOutput("Microsoft.ML.Drift.Tests.deps.json"), "--runtimeconfig", InOutput($"{Program}.runtimeconfig.json"), InOutput($"{Program}.dll"), .. arguments]);

    /// <summary>Runs a copy of it in <paramref name="folder"/>, which gets every managed assembly and no native library: an application without a TorchSharp runtime package.</summary>
    public static Task<(int ExitCode, string Output)> RunWithoutNativeLibraries(string folder, params string[] arguments)
    {
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Append(InOutput($"{Program}.runtimeconfig.json")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return Checkout.Dotnet(folder, ["exec", Path.Combine(folder, $"{Program}.dll"), .. arguments]);
    }

    private static string InOutput(string name) => Path.Combine(AppContext.BaseDirectory, name);
}
