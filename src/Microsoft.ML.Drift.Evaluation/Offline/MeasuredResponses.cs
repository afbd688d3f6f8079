namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>Responses with the figures of each, under the names of the metrics.</summary>
internal sealed class MeasuredResponses
{
    private readonly IReadOnlyList<int[][]> _grams;
    private readonly NGrams _known;
    private readonly SelfBleu _selfBleu;

    private MeasuredResponses(IReadOnlyList<ResponseRow> rows, ResponseEvaluationOptions options)
    {
        Rows = rows;
        var words = rows.Select(row => Words.Of(row.Response)).ToList();
        _known = new NGrams();
        _grams = [.. words.Select(_known.Of)];
        _selfBleu = new SelfBleu(_grams, _known);
        ByRow = Figures(words, options);
    }

    public IReadOnlyList<ResponseRow> Rows { get; }

    /// <summary>One value for each row; a metric that needs a column that is missing is not there.</summary>
    public IReadOnlyDictionary<string, double[]> ByRow { get; }

    /// <exception cref="ArgumentException">There is no response, or a column is bad.</exception>
    public static MeasuredResponses Of(IDataView data, ResponseEvaluationOptions options)
    {
        var rows = ResponseRows.Read(data, options.Columns);
        return rows.Count > 0 ? new(rows, options) : throw new ArgumentException("There is no response.", nameof(data));
    }

    /// <summary>The same responses in another order.</summary>
    public MeasuredResponses InOrder(IEnumerable<int> positions, ResponseEvaluationOptions options) => new([.. positions.Select(position => Rows[position])], options);

    /// <summary>distinct-n of some of the rows.</summary>
    public double Distinct(IReadOnlyList<int> rows, int n) => TextMeasures.Distinct(_grams, rows, n, _known.Kinds(n));

    /// <summary>Self-BLEU of some of the rows.</summary>
    public double SelfBleu(IReadOnlyList<int> rows) => _selfBleu.Of(rows);

    public ResponseMetrics Metrics(CoverageMetrics? coverage)
    {
        var all = Enumerable.Range(0, Rows.Count).ToList();
        return new ResponseMetrics(
            Rows.Count,
            LengthDistribution.Of(ByRow[Names.Characters]), LengthDistribution.Of(ByRow[Names.Words]), ByRow.TryGetValue(Names.Tokens, out var tokens) ? LengthDistribution.Of(tokens) : null,
            Mean(Names.Empty)!.Value, Mean(Names.Repetition)!.Value,
            Mean(Names.CopyOfPrompt), Mean(Names.CopyOfFeedback), Mean(Names.CopyOfRejected), Mean(Names.SameAsRejected), Mean(Names.Eos),
            [.. Enumerable.Range(1, NGrams.Longest).Select(n => Distinct(all, n))], SelfBleu(all), coverage);

        double? Mean(string name) => ByRow.TryGetValue(name, out var values) ? values.Average() : null;
    }

    private Dictionary<string, double[]> Figures(List<string[]> words, ResponseEvaluationOptions options)
    {
        var figures = new Dictionary<string, double[]>
        {
            [Names.Characters] = [.. Rows.Select(row => (double)TextLength.Of(row.Response))],
            [Names.Words] = [.. words.Select(text => (double)text.Length)],
            [Names.Empty] = [.. Rows.Select(row => string.IsNullOrWhiteSpace(row.Response) ? 1.0 : 0)],
            [Names.Repetition] = [.. _grams.Select(TextMeasures.Repetition)],
        };
        if (options.Tokenizer is { } tokenizer) figures[Names.Tokens] = [.. Rows.Select(row => (double)tokenizer.Encode(row.Response).Length)];
        Add(Names.CopyOfPrompt, row => row.Prompt, TextMeasures.Copied);
        Add(Names.CopyOfFeedback, row => row.Feedback, TextMeasures.Copied);
        Add(Names.CopyOfRejected, row => row.Rejected, TextMeasures.Copied);
        Add(Names.SameAsRejected, row => row.Rejected, (own, source) => own.SequenceEqual(source) ? 1 : 0);
        if (Rows.All(row => row.IsComplete is not null)) figures[Names.Eos] = [.. Rows.Select(row => row.IsComplete == true ? 1.0 : 0)];
        return figures;

        void Add(string name, Func<ResponseRow, string?> source, Func<string[], string[], double> measure)
        {
            if (Rows.All(row => source(row) is not null)) figures[name] = [.. Rows.Select((row, i) => measure(words[i], Words.Of(source(row)!)))];
        }
    }

    /// <summary>The names of metrics in comparisons.</summary>
    internal static class Names
    {
        public const string Characters = "characters";
        public const string Words = "words";
        public const string Tokens = "tokens";
        public const string Empty = "empty";
        public const string Repetition = "repetition";
        public const string CopyOfPrompt = "copy/prompt";
        public const string CopyOfFeedback = "copy/feedback";
        public const string CopyOfRejected = "copy/rejected";
        public const string SameAsRejected = "same/rejected";
        public const string Eos = "eos";
        public const string SelfBleu = "self_bleu";
        public const string Distinct = "distinct_";
        public const string Occupied = "coverage/occupied";
        public const string Effective = "coverage/effective";
    }
}
