using Microsoft.Extensions.AI;
using Microsoft.ML.Data;

namespace Microsoft.ML.Drift.Data;

/// <summary>Rows of JSON Lines files, read anew by every cursor, one line in memory at a time.</summary>
internal sealed class ChatJsonLinesView : IDataView
{
    private readonly IReadOnlyList<string> _paths;
    private readonly ChatJsonLinesOptions _options;
    private readonly ChatRowSchema _schema;

    /// <exception cref="ArgumentException">The options are bad, or do not fit the file.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">The first row is bad, or there is no row to decide the columns from.</exception>
    public ChatJsonLinesView(IReadOnlyList<string> paths, ChatJsonLinesOptions options)
    {
        if (paths.Count == 0) throw new ArgumentException("No file to read.", nameof(paths));
        if (options.Problems().ToList() is { Count: > 0 } problems) throw new ArgumentException(string.Join(" ", problems), nameof(options));
        if (paths.FirstOrDefault(path => !File.Exists(path)) is { } missing)
            throw new FileNotFoundException($"There is no file {missing} (from {Environment.CurrentDirectory}).", missing);
        _paths = [.. paths.Select(Path.GetFullPath)];
        _options = options;
        _schema = LookAtFirstRow();
    }

    public DataViewSchema Schema => _schema.Columns;

    public bool CanShuffle => false;

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private ChatRowSchema LookAtFirstRow()
    {
        var parser = new ChatRowParser(_options.IdField, _options.ExtraFields);
        var row = new ParsedRow(_options.ExtraFields.Count);
        foreach (var path in _paths)
        {
            using var lines = new LineReader(path);
            while (lines.Read())
            {
                try
                {
                    if (lines.IsTooLong) throw TooLong();
                    parser.Parse(lines.Line, ChatRowSchema.TellingFields(_options.Format), RowFields.None, row);
                    return ChatRowSchema.Decide(_options, row);
                }
                catch (RowProblemException) when (_options.OnBadRow == OnBadRow.Skip) { }
                catch (RowProblemException problem)
                {
                    throw new InvalidDataException(Sentence(path, lines.LineNumber, problem), problem);
                }
            }
        }
        if (_options.Format != ChatRowFormat.Auto) return ChatRowSchema.Decide(_options, null);
        throw new InvalidDataException(
            $"{string.Join(", ", _paths)}: no row to decide the columns from. Set Format if a file without rows is to be allowed.");
    }

    private static RowProblemException TooLong() =>
        new("", $"a line of more than {LineReader.LongestLine >> 20} MB", "one JSON object per line (is the file JSON Lines?)");

    private static string Sentence(string path, long line, RowProblemException problem) => $"{path}, line {line}: {problem.Message}";

    private sealed class Cursor : DataViewRowCursor
    {
        private readonly ChatJsonLinesView _view;
        private readonly ChatRowReader _row;
        private readonly bool[] _active;
        private readonly List<BadRow> _firstSkipped = [];
        private LineReader? _lines;
        private int _file = -1;
        private long _position = -1, _skipped;
        private bool _ended;

        public Cursor(ChatJsonLinesView view, IEnumerable<DataViewSchema.Column> columnsNeeded)
        {
            _view = view;
            _active = new bool[view.Schema.Count];
            foreach (var column in columnsNeeded) _active[column.Index] = true;
            _row = new ChatRowReader(view._schema, view._options, WantedFields());
        }

        public override DataViewSchema Schema => _view.Schema;

        public override long Position => _position;

        public override long Batch => 0;

        public override bool IsColumnActive(DataViewSchema.Column column) => _active[column.Index];

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new((ulong)_position, 0);

        public override bool MoveNext()
        {
            while (!_ended)
            {
                if (_lines is not null && _lines.Read())
                {
                    if (!ReadRow(_lines)) continue;
                    _position++;
                    return true;
                }
                _lines?.Dispose();
                _lines = null;
                _ended = ++_file == _view._paths.Count;
                if (!_ended) _lines = new LineReader(_view._paths[_file]);
            }
            Report(_position + 1, atEnd: true);
            _position = -1;
            return false;
        }

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (column.Index >= _active.Length || !_active[column.Index])
                throw new ArgumentOutOfRangeException(nameof(column), $"The column {column.Name} was not asked for when this cursor was made.");
            if (Getter(column) is ValueGetter<TValue> getter) return getter;
            throw new InvalidOperationException(
                $"The column {column.Name} has values of {column.Type.RawType}, not of {typeof(TValue)}.");
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _lines?.Dispose();
                _lines = null;
                if (!_ended) Report(_position + 1, atEnd: false);
                _ended = true;
            }
            base.Dispose(disposing);
        }

        private bool ReadRow(LineReader lines)
        {
            try
            {
                if (lines.IsTooLong) throw TooLong();
                _row.Read(lines.Line);
                return true;
            }
            catch (RowProblemException problem)
            {
                var path = _view._paths[_file];
                var sentence = Sentence(path, lines.LineNumber, problem);
                if (_view._options.OnBadRow == OnBadRow.Throw) throw new InvalidDataException(sentence, problem);
                if (_skipped++ < BadRowReport.KeptRows) _firstSkipped.Add(new(path, lines.LineNumber, problem.Field, sentence));
                return false;
            }
        }

        private void Report(long read, bool atEnd) => _view._options.Report?.Publish(read, _skipped, atEnd, _firstSkipped);

        private Delegate Getter(DataViewSchema.Column column) => column.Name switch
        {
            ChatColumnNames.RowId => TextGetter(() => _row.Id ?? DerivedId()),
            ChatColumnNames.Prompt => ValueGetterOf(column, () => _row.Prompt),
            ChatColumnNames.Chosen => ValueGetterOf(column, () => _row.Chosen),
            ChatColumnNames.Rejected => ValueGetterOf(column, () => _row.Rejected),
            ChatColumnNames.Completion => ValueGetterOf(column, () => _row.Completion),
            ChatColumnNames.Feedback => TextGetter(() => _row.Feedback),
            ChatColumnNames.ChosenFinishReason => TextGetter(() => _row.ChosenFinishReason),
            ChatColumnNames.Messages => ValueGetterOf(column, () => new(_row.Messages)),
            ChatColumnNames.Text => TextGetter(() => _row.Text),
            ChatColumnNames.Tools => TextGetter(() => _row.Tools),
            _ => TextGetter(() => _row.Extra(column.Index - _view._schema.FirstExtraColumn)),
        };

        private static Delegate ValueGetterOf(DataViewSchema.Column column, Func<ChatOrText> read)
        {
            if (column.Type is TextDataViewType) return TextGetter(() => read().Text);
            return (ValueGetter<IReadOnlyList<ChatMessage>>)((ref IReadOnlyList<ChatMessage> value) => value = read().Messages!);
        }

        private static ValueGetter<ReadOnlyMemory<char>> TextGetter(Func<string> read) =>
            (ref ReadOnlyMemory<char> value) => value = read().AsMemory();

        private string DerivedId() =>
            _view._paths.Count == 1 ? $"line-{_lines!.LineNumber}" : $"file-{_file + 1}-line-{_lines!.LineNumber}";

        private RowFields WantedFields()
        {
            var wanted = RowFields.None;
            foreach (var column in Schema)
            {
                if (!_active[column.Index]) continue;
                wanted |= column.Name switch
                {
                    ChatColumnNames.Prompt => RowFields.Prompt,
                    ChatColumnNames.Chosen => RowFields.Chosen,
                    ChatColumnNames.Rejected => RowFields.Rejected,
                    ChatColumnNames.Completion => RowFields.Completion,
                    ChatColumnNames.Feedback => RowFields.Feedback,
                    ChatColumnNames.ChosenFinishReason => RowFields.ChosenFinishReason,
                    ChatColumnNames.Text => RowFields.Text,
                    ChatColumnNames.Messages => RowFields.Messages | RowFields.Conversation,
                    _ => RowFields.None,
                };
            }
            return wanted;
        }
    }
}
