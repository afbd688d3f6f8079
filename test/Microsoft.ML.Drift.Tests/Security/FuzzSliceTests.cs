namespace Microsoft.ML.Drift.Tests.Security;

/// <summary>A short slice of test/Microsoft.ML.Drift.Fuzz with a fixed seed; docs/security.md has the long runs.</summary>
public class FuzzSliceTests
{
    private const string Program = "Microsoft.ML.Drift.Fuzz";

    [Fact]
    public async Task Readers_ThousandsOfBrokenInputs_EndAsPromised()
    {
        var (exitCode, output) = await Checkout.Dotnet(
            Path.GetTempPath(),
            ["exec", "--depsfile", InOutput("Microsoft.ML.Drift.Tests.deps.json"), "--runtimeconfig", InOutput($"{Program}.runtimeconfig.json"), InOutput($"{Program}.dll"), "run", "--count", "800", "--seed", "7", "--no-recordings"]);

        Assert.True(exitCode == 0, output);
        Assert.Contains("all  ", output, StringComparison.Ordinal);
    }

    private static string InOutput(string name) => Path.Combine(AppContext.BaseDirectory, name);
}
