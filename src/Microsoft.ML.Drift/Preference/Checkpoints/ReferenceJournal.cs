using System.Diagnostics;
using System.Text.Json;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// What a reference pass has found so far, a line for each batch, so that a pass which is stopped goes on with the first batch that is missing. When the pass is done
/// <c>reference/</c> takes its place.
/// </summary>
internal sealed class ReferenceJournal : IDisposable
{
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(10);
    private static readonly JsonSerializerOptions Json = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly Dictionary<(string Set, int Row), PairReference> _found = [];
    private readonly FileStream _file;
    private readonly string _key;
    private double? _budget;
    private readonly Stopwatch _sinceFlush = Stopwatch.StartNew();

    /// <param name="path">The file.</param>
    /// <param name="key">Hash of what decides the training; what another training found is thrown away.</param>
    public ReferenceJournal(string path, string key)
    {
        _key = key;
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            var length = Read();
            _file.SetLength(length);
            _file.Position = length;
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The memory budget that the pass was begun with, which decides how batches are divided; the given one where it begins now. Comes before the first batch.</summary>
    public double Agree(double budget)
    {
        if (_budget is { } first) return first;
        Write(new Line(_key, [], [], budget));
        _budget = budget;
        return budget;
    }

    /// <summary>What was found for these rows; null where one is missing.</summary>
    public PairReference[]? Find(string set, int[] rows) =>
        rows.All(row => _found.ContainsKey((set, row))) ? [.. rows.Select(row => _found[(set, row)])] : null;

    /// <summary>Keeps a batch.</summary>
    public void Add(string set, int[] rows, IReadOnlyList<PairReference> values) => Write(new Line(
        set, rows, [.. values.Select(value => new[] { value.Reference.Chosen, value.Reference.Rejected, value.Start.Chosen, value.Start.Rejected })]));

    public void Dispose() => _file.Dispose();

    /// <summary>Reads the lines that are whole, up to the first that is not, and tells how far they reach.</summary>
    private long Read()
    {
        using var reader = new BinaryReader(_file, System.Text.Encoding.UTF8, leaveOpen: true);
        var text = reader.ReadBytes(checked((int)_file.Length));
        var length = 0;
        for (int end; (end = text.AsSpan(length).IndexOf((byte)'\n')) >= 0; length += end + 1)
        {
            if (CheckedLine.Open(text.AsSpan(length, end)) is not { } json || JsonSerializer.Deserialize<Line>(json, Json) is not { } line) break;
            if (length == 0 && line.Set != _key) return 0;
            _budget ??= line.Budget;
            for (var i = 0; i < line.Rows.Length; i++) _found[(line.Set, line.Rows[i])] = new PairReference(new(line.Values[i][0], line.Values[i][1]), new(line.Values[i][2], line.Values[i][3]));
        }
        return length;
    }

    // A killed process loses nothing that was written; only a power cut does, and then a few seconds' work.
    private void Write(Line line)
    {
        _file.Write([.. CheckedLine.Seal(JsonSerializer.SerializeToUtf8Bytes(line, Json)), (byte)'\n']);
        var isTime = _sinceFlush.Elapsed > FlushInterval;
        _file.Flush(flushToDisk: isTime);
        if (isTime) _sinceFlush.Restart();
    }

    /// <summary>A batch; the first line holds the training's hash in place of the set's name, and the memory budget.</summary>
    private sealed record Line(string Set, int[] Rows, float[][] Values, double? Budget = null);
}
