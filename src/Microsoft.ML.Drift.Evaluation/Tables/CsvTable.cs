using System.Text;

namespace Microsoft.ML.Drift.Evaluation.Tables;

/// <summary>Comma-separated values with a header, quoted by RFC 4180.</summary>
internal static class CsvTable
{
    public static IReadOnlyList<TableRow> Read(string path)
    {
        using var records = Records(path, TableFile.ReadText(path)).GetEnumerator();
        if (!records.MoveNext()) throw new InvalidDataException($"{path}: the file is empty; its first line must name the columns.");
        var header = records.Current.Fields;
        var rows = new List<TableRow>();
        while (records.MoveNext())
        {
            var (line, fields) = records.Current;
            if (fields.Count == 1 && fields[0].Length == 0) continue;
            var where = $"{path}, line {line}";
            if (fields.Count != header.Count) throw new InvalidDataException($"{where}: {fields.Count} fields; the header names {header.Count}.");
            rows.Add(new TableRow(where, rows.Count, header.Zip(fields).ToDictionary(pair => pair.First, pair => (object?)pair.Second, StringComparer.Ordinal)));
        }
        return rows;
    }

    private static IEnumerable<(int Line, List<string> Fields)> Records(string path, string text)
    {
        var (line, start) = (1, 1);
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var character = text[i];
            if (character == '\n') line++;
            if (quoted)
            {
                if (character != '"') field.Append(character);
                else if (i + 1 < text.Length && text[i + 1] == '"') field.Append(text[i++]);
                else quoted = false;
            }
            else if (character == '"' && field.Length == 0) quoted = true;
            else if (character == ',') Close();
            else if (character == '\n')
            {
                Close();
                yield return (start, fields);
                (fields, start) = ([], line);
            }
            else if (character != '\r') field.Append(character);
        }
        if (quoted) throw new InvalidDataException($"{path}, line {start}: a quoted field does not end.");
        if (field.Length > 0 || fields.Count > 0)
        {
            Close();
            yield return (start, fields);
        }

        void Close()
        {
            fields.Add(field.ToString());
            field.Clear();
        }
    }
}
