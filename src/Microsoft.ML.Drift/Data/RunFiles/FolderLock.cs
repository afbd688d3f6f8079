using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// One owner for a run's files. The operating system holds the lock and takes it back when the owner ends, however it ends, so that a process number that
/// is used again cannot be mistaken for the owner; a second file says who the owner is.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;
    private readonly string _ownerFile;

    private FolderLock(FileStream file, string ownerFile) => (_file, _ownerFile) = (file, ownerFile);

    /// <summary>Takes a lock.</summary>
    /// <param name="path">The lock's file; <c>.owner</c> is added for the file that names the owner.</param>
    /// <param name="what">What a message calls the thing that is locked.</param>
    /// <exception cref="IOException">Somebody else has it; the message names process, machine and start.</exception>
    public static FolderLock Take(string path, string what)
    {
        var ownerFile = path + ".owner";
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (IsHeldByAnother(error))
        {
            throw new IOException($"{what} is in use by {Owner(ownerFile)}. Wait until it is done, stop it, or use another folder.", error);
        }
        try
        {
            Announce(ownerFile);
            return new FolderLock(file, ownerFile);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        // The lock's own file stays: deleting it would let two processes hold two files of one name.
        try
        {
            File.Delete(_ownerFile);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }
        _file.Dispose();
    }

    private static void Announce(string path)
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var owner = new JsonObject
        {
            ["pid"] = Environment.ProcessId,
            ["host"] = Environment.MachineName,
            ["started"] = process.StartTime.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        };
        File.WriteAllText(path, owner.ToJsonString());
    }

    private static string Owner(string path)
    {
        try
        {
            var owner = JsonNode.Parse(File.ReadAllText(path))!;
            return $"process {(int)owner["pid"]!} on {(string)owner["host"]!}, started {(string)owner["started"]!}";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or FormatException or NullReferenceException or ArgumentNullException)
        {
            return "another process";
        }
    }

    // EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION of Windows; a full disk is an IOException too.
    private static bool IsHeldByAnother(IOException error) => error.HResult is 11 or 35 or unchecked((int)0x80070020);
}
