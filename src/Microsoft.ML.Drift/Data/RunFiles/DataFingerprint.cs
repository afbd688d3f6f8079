using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.Data;

namespace Microsoft.ML.Drift.Data;

/// <summary>SHA-256 of what a data view's rows say in the columns a run reads, in order.</summary>
internal static class DataFingerprint
{
    /// <summary>The columns of DSAT rows and of pairs.</summary>
    public static readonly IReadOnlyList<string> RunColumns =
        [ChatColumnNames.RowId, ChatColumnNames.Prompt, ChatColumnNames.Chosen, ChatColumnNames.Rejected, ChatColumnNames.Feedback, ChatColumnNames.ChosenFinishReason];

    /// <summary>Hashes rows.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="names">The columns that count, chat or text; those that are not there are left out, which shows in the hash.</param>
    public static string Of(IDataView data, IReadOnlyList<string> names)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var columns = names.Select(name => data.Schema.GetColumnOrNull(name)).OfType<DataViewSchema.Column>().ToList();
        foreach (var column in columns) Append(hash, Encoding.UTF8.GetBytes(column.Name));
        using var cursor = data.GetRowCursor(columns);
        var readers = columns.Select(column => ChatColumn.ChatOrTextGetter(cursor, column, verbatim: true)).ToList();
        while (cursor.MoveNext())
            foreach (var read in readers)
            {
                ChatOrText value = default;
                read(ref value);
                if (value.IsChat) Append(hash, ChatMessageJson.Write(value.Messages));
                // UTF-16 as it is: half of a surrogate pair has no UTF-8.
                else Append(hash, System.Runtime.InteropServices.MemoryMarshal.AsBytes(value.Text.AsSpan()));
            }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The number of rows, by reading them where the view does not know.</summary>
    public static int RowCount(IDataView data)
    {
        if (data.GetRowCount() is { } known) return checked((int)known);
        var count = 0;
        using var cursor = data.GetRowCursor([]);
        while (cursor.MoveNext()) count++;
        return count;
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        hash.AppendData(BitConverter.GetBytes(part.Length));
        hash.AppendData(part);
    }
}
