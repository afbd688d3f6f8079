using System.Text.Json;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>An input that ended otherwise than promised.</summary>
/// <param name="Reader">The reader.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="Index">The input's number in the run.</param>
/// <param name="Kind">What happened, in one word or the exception's type.</param>
/// <param name="Place">Where: the first of our methods on the stack. Findings of one kind and place are one bug.</param>
/// <param name="Detail">The message and the stack.</param>
internal sealed record Finding(string Reader, long Seed, long Index, string Kind, string Place, string Detail)
{
    public string Key => $"{Reader}|{Kind}|{Place}";

    public static Finding Of(Reader reader, long seed, long index, Exception error) =>
        new(reader.Name, seed, index, error.GetType().Name, PlaceOf(error), error.ToString());

    public void AppendTo(string path) => File.AppendAllText(path, JsonSerializer.Serialize(this) + "\n");

    public static IReadOnlyList<Finding> ReadAll(string path) =>
        File.Exists(path) ? [.. File.ReadAllLines(path).Select(line => JsonSerializer.Deserialize<Finding>(line)!)] : [];

    private static string PlaceOf(Exception error)
    {
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            var frame = (inner.StackTrace ?? "").Split('\n').FirstOrDefault(line => line.Contains("Microsoft.ML.Drift", StringComparison.Ordinal) && !line.Contains(".Fuzz.", StringComparison.Ordinal));
            if (frame is not null) return frame.Trim()[3..];
        }
        return error.Message;
    }
}
