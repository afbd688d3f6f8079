using System.Text;

namespace Microsoft.ML.Drift.Evaluation.Tables;

/// <summary>Reads files of rows, by the ending of their name: a JSON array (.json), JSON Lines (.jsonl, .ndjson), comma-separated values (.csv), Parquet (.parquet).</summary>
internal static class TableFile
{
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is malformed, or of another kind.</exception>
    public static IReadOnlyList<TableRow> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no file {path}.", path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".json" => JsonTable.ReadArray(path),
            ".jsonl" or ".ndjson" => JsonTable.ReadLines(path),
            ".csv" => CsvTable.Read(path),
            ".parquet" => ParquetTable.Read(path),
            var ending => throw new InvalidDataException($"{path}: the ending \"{ending}\" is not known; allowed are .json, .jsonl, .ndjson, .csv and .parquet."),
        };
    }

    internal static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException($"{path}: not valid UTF-8.", error);
        }
    }
}
