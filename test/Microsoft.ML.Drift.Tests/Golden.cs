using System.IO.Compression;

namespace Microsoft.ML.Drift.Tests;

/// <summary>
/// Recorded outputs of the reference implementations. All of them lie beside a development checkout (<c>../shared</c>); a user's clone carries a small part
/// (<c>Recordings/golden.zip</c>) of the same layout, which is used where the others are absent. A test that asks for what is not there is skipped, and says so.
/// </summary>
internal static class Golden
{
    private static readonly Lazy<string> s_committed = new(Unpack);

    /// <summary>The value <c>committed</c> leaves the recordings beside the checkout aside, as in a clone.</summary>
    private const string Variable = "DRIFT_RECORDINGS";

    /// <summary>The path of a recording's folder or file; skips the running test where it is absent.</summary>
    public static string Folder(params string[] parts) => Require(Path.Combine(["golden", .. parts]));

    /// <summary>The path of a real model's folder; skips the running test where it is absent.</summary>
    public static string Model(string name) => Require(Path.Combine("models", name));

    /// <summary>The path of a recording's folder or file, or null where it is absent: for theory data.</summary>
    public static string? FolderOrNull(params string[] parts) => Find(Path.Combine(["golden", .. parts]));

    private static string Require(string relative)
    {
        var path = Find(relative);
        if (path is null) Assert.Skip($"The recordings are not on this machine: no 'shared/{relative}' beside the checkout, and none in Recordings/golden.zip.");
        return path;
    }

    private static string? Find(string relative)
    {
        var path = Path.Combine(Shared ?? s_committed.Value, relative);
        return Path.Exists(path) ? path : null;
    }

    /// <summary>The folder beside the checkout, or null.</summary>
    private static string? Shared { get; } = FindShared();

    private static string? FindShared()
    {
        if (Environment.GetEnvironmentVariable(Variable) == "committed") return null;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared");
            if (Path.Exists(Path.Combine(candidate, "golden"))) return candidate;
        }
        return null;
    }

    private static string Unpack()
    {
        var folder = Directory.CreateTempSubdirectory("drift-recordings-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Recordings", "golden.zip"), Path.Combine(folder, "golden"));
        return folder;
    }
}
