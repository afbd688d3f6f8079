using System.Globalization;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Data;

/// <summary>A run's folder: this process owns it, and it holds this run and no other.</summary>
/// <remarks><c>run.json</c> says what is run; <c>run.lock</c> is held by the process that runs it.</remarks>
internal sealed class OwnedFolder : IDisposable
{
    private const string RunFile = "run.json";
    private const string LockFile = "run.lock";

    private readonly FolderLock _lock;

    private OwnedFolder(string path, FolderLock folderLock) => (Path, _lock) = (path, folderLock);

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    /// <summary>Where an older run was moved by a restart; null where none was.</summary>
    public string? MovedAside { get; private init; }

    /// <summary>Opens a folder for a run: a new one is begun, one of the same run is continued.</summary>
    /// <param name="path">The folder; it is made if needed.</param>
    /// <param name="identity">What is to be run.</param>
    /// <param name="restart">Whether a run that the folder holds is renamed and this one begins anew.</param>
    /// <param name="traces">Names of files or folders that only a run leaves; none may be there without run.json.</param>
    /// <exception cref="IOException">Another process owns the folder, or it cannot be written.</exception>
    /// <exception cref="InvalidDataException">run.json is damaged or missing.</exception>
    /// <exception cref="InvalidOperationException">The folder holds a run with other settings, data or model; the message names each difference.</exception>
    public static OwnedFolder Open(string path, RunIdentity identity, bool restart, IReadOnlyList<string> traces)
    {
        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        Directory.CreateDirectory(full);
        var owned = FolderLock.Take(System.IO.Path.Combine(full, LockFile), full);
        string? moved = null;
        try
        {
            if (restart && traces.Append(RunFile).Any(name => System.IO.Path.Exists(System.IO.Path.Combine(full, name))))
            {
                // Windows renames no folder in which a file is open.
                if (OperatingSystem.IsWindows()) owned.Dispose();
                moved = MoveAside(full);
                owned.Dispose();
                Directory.CreateDirectory(full);
                owned = FolderLock.Take(System.IO.Path.Combine(full, LockFile), full);
            }
            BeginOrContinue(full, identity, traces);
            AtomicFile.RemoveLeftovers(full);
            return new OwnedFolder(full, owned) { MovedAside = moved };
        }
        catch
        {
            owned.Dispose();
            throw;
        }
    }

    public void Dispose() => _lock.Dispose();

    private static void BeginOrContinue(string folder, RunIdentity identity, IReadOnlyList<string> traces)
    {
        var file = System.IO.Path.Combine(folder, RunFile);
        if (!File.Exists(file))
        {
            if (traces.FirstOrDefault(name => System.IO.Path.Exists(System.IO.Path.Combine(folder, name))) is { } trace)
                throw new InvalidDataException($"{folder} holds {trace} but no {RunFile}, so that nobody can tell which run this is. Put {RunFile} back, use another folder, or start over with Restart (drift: --restart).");
            CheckedJson.Write(file, identity.ToJson());
            return;
        }

        JsonObject recorded;
        try
        {
            recorded = CheckedJson.Read(file);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{error.Message} Put the right file back, use another folder, or start over with Restart (drift: --restart).", error);
        }
        var differences = identity.DifferencesFrom(recorded).ToList();
        if (differences.Count > 0)
            throw new InvalidOperationException(
                $"{folder} holds a run that differs from this one: {string.Join("; ", differences)}. " +
                "Use the same settings, data and model to continue it, another folder, or start over with Restart (drift: --restart).");
    }

    private static string MoveAside(string folder)
    {
        var name = $"{folder}.{DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
        var target = name;
        for (var number = 2; System.IO.Path.Exists(target); number++) target = $"{name}-{number}";
        Directory.Move(folder, target);
        return target;
    }
}
