using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace Microsoft.ML.Drift.Evaluation.Tables;

/// <summary>The flat columns of a Parquet file that hold text, numbers or booleans; others are left out.</summary>
internal static class ParquetTable
{
    public static IReadOnlyList<TableRow> Read(string path)
    {
        try
        {
            // The reader is asynchronous only; on the thread pool nothing waits for this thread.
            return Task.Run(() => ReadAsync(path)).GetAwaiter().GetResult();
        }
        catch (Exception error) when (error is not (OutOfMemoryException or InvalidDataException))
        {
            throw new InvalidDataException($"{path}: not a Parquet file that can be read: {error.Message}", error);
        }
    }

    private static async Task<IReadOnlyList<TableRow>> ReadAsync(string path)
    {
        await using var reader = await ParquetReader.CreateAsync(path);
        var fields = reader.Schema.GetDataFields().Where(field => !field.IsArray && field.Path.Length == 1 && Readable(field.ClrType)).ToList();
        var rows = new List<TableRow>();
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            using var rowGroup = reader.OpenRowGroupReader(group);
            var columns = new List<(string Name, object?[] Values)>();
            foreach (var field in fields) columns.Add((field.Name, await Column(rowGroup, field)));
            for (var row = 0; row < rowGroup.RowCount; row++)
                rows.Add(new TableRow($"{path}, row {rows.Count}", rows.Count, columns.ToDictionary(column => column.Name, column => column.Values[row], StringComparer.Ordinal)));
        }
        return rows;
    }

    private static bool Readable(Type type) =>
        IsText(type) || type == typeof(bool) || type == typeof(double) || type == typeof(float) || type == typeof(int) || type == typeof(long) || type == typeof(short) || type == typeof(byte) || type == typeof(sbyte);

    // The library names a text column's type by what it reads it into at its lowest level.
    private static bool IsText(Type type) => type == typeof(string) || type == typeof(ReadOnlyMemory<char>);

    private static async Task<object?[]> Column(ParquetRowGroupReader group, DataField field)
    {
        if (IsText(field.ClrType))
        {
            var texts = new string?[group.RowCount];
            await group.ReadAsync(field, texts.AsMemory());
            return texts;
        }
        if (field.ClrType == typeof(bool)) return await Numbers<bool>(group, field);
        if (field.ClrType == typeof(float)) return await Numbers<float>(group, field);
        if (field.ClrType == typeof(int)) return await Numbers<int>(group, field);
        if (field.ClrType == typeof(long)) return await Numbers<long>(group, field);
        if (field.ClrType == typeof(short)) return await Numbers<short>(group, field);
        if (field.ClrType == typeof(byte)) return await Numbers<byte>(group, field);
        if (field.ClrType == typeof(sbyte)) return await Numbers<sbyte>(group, field);
        return await Numbers<double>(group, field);
    }

    private static async Task<object?[]> Numbers<T>(ParquetRowGroupReader group, DataField field) where T : struct
    {
        var values = new T?[group.RowCount];
        if (field.IsNullable) await group.ReadAsync(field, values.AsMemory());
        else
        {
            var present = new T[group.RowCount];
            await group.ReadAsync<T>(field, present.AsMemory());
            for (var i = 0; i < present.Length; i++) values[i] = present[i];
        }
        return [.. values.Select(value => value is null ? null : value is bool flag ? (object)flag : Convert.ToDouble(value, CultureInfo.InvariantCulture))];
    }
}
