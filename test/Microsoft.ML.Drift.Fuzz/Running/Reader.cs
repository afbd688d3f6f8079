using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>One reader of the product and how to make input for it. An input is one array of bytes and depends only on the reader, the seed and the index.</summary>
internal abstract class Reader
{
    /// <summary>Names it on the command line and in tables.</summary>
    public abstract string Name { get; }

    /// <summary>How many inputs it gets for each one of the cheapest reader's; slow readers get fewer.</summary>
    public virtual double Share => 1;

    /// <summary>A text that the message of an <see cref="InvalidDataException"/> must contain: the user's name of what was read.</summary>
    protected virtual string? Where => null;

    /// <summary>Makes seeds and the files that inputs are laid beside. Called once in every process, before anything else.</summary>
    /// <param name="folder">A folder of this process.</param>
    public abstract void Prepare(string folder);

    /// <summary>Makes an input.</summary>
    public abstract byte[] Next(FuzzRandom random);

    /// <summary>Gives an input to the reader, and checks what it made of it.</summary>
    /// <exception cref="WrongResultException">The reader accepted the input and made something else of it.</exception>
    public abstract void Read(byte[] input);

    /// <summary>Whether an exception is one the reader's documentation promises, with a message of ours.</summary>
    public virtual bool IsPromised(Exception error) => error.GetType() == typeof(InvalidDataException) && (Where is null || error.Message.Contains(Where, StringComparison.Ordinal));

    /// <summary>Throws where a result is not what the input says.</summary>
    protected static void Expect(bool holds, string rule)
    {
        if (!holds) throw new WrongResultException(rule);
    }
}

/// <summary>The reader accepted an input and made something else of it.</summary>
internal sealed class WrongResultException(string rule) : Exception(rule);

/// <summary>The recordings beside a development checkout, if they are there: more seeds.</summary>
internal static class Recordings
{
    public static bool Wanted { get; set; } = true;

    /// <summary>The files of a recording folder with these endings that are no longer than so many bytes, in a fixed order.</summary>
    public static IReadOnlyList<string> Files(string folder, string pattern, int longest = 64 << 10)
    {
        if (!Wanted || Find(folder) is not { } root) return [];
        return [.. Directory.GetFiles(root, pattern, SearchOption.AllDirectories).Where(file => new FileInfo(file).Length <= longest).Order(StringComparer.Ordinal)];
    }

    public static IEnumerable<string> Texts(string folder, string pattern, int longest = 64 << 10) => Files(folder, pattern, longest).Select(File.ReadAllText);

    private static string? Find(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "golden", relative);
            if (Directory.Exists(candidate)) return candidate;
        }
        return null;
    }
}
