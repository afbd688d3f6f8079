using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>Samples preference pairs for DSAT rows; see <see cref="DsatPairSampler"/>.</summary>
public sealed class DsatPairTransformer : ITransformer
{
    private readonly MLContext _context;
    private readonly CausalLM _policy;
    private readonly DsatPairSampler.Options _options;

    internal DsatPairTransformer(MLContext context, CausalLM policy, DsatPairSampler.Options options) => (_context, _policy, _options) = (context, policy, options);

    /// <summary>False: rows are dropped, and sampling is done for all rows at once.</summary>
    public bool IsRowToRowMapper => false;

    /// <summary>What the last call of <see cref="Transform"/> or <see cref="Sample"/> did; null before the first.</summary>
    public DsatSamplingSummary? Summary { get; private set; }

    /// <summary>Samples all rows now, and gives the pairs, which are kept: reading them again samples nothing.</summary>
    /// <inheritdoc cref="Sample"/>
    public IDataView Transform(IDataView input) => Sample(input);

    /// <summary>Samples all rows now, with news of the progress.</summary>
    /// <param name="input">DSAT rows.</param>
    /// <param name="progress">Told of decided rows and speed, a few times a second.</param>
    /// <param name="cancellationToken">Checked at every token. With a journal, rows that were decided until then are kept.</param>
    /// <returns>The pairs, in the order of the rows.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">A row is incomplete, or the journal belongs to other settings; nothing was sampled then.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public IDataView Sample(IDataView input, IProgress<GenerationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        return SampleTelling(input, new ActivityLog(_context, nameof(DsatPairSampler)), progress, cancellationToken);
    }

    /// <inheritdoc cref="Sample"/>
    /// <param name="input">DSAT rows.</param>
    /// <param name="log">Where beginning and end are told.</param>
    /// <param name="progress">Told of decided rows and speed, a few times a second.</param>
    /// <param name="cancellationToken">Checked at every token.</param>
    internal IDataView SampleTelling(IDataView input, ActivityLog log, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        var rows = DsatRowReader.Read(input, _options.NeedsFeedback, cancellationToken);
        var run = new DsatSamplingRun(_policy, _options);
        log.Report("Sampling", "rows", 0, rows.Count);
        var sampled = run.Sample(rows, progress, cancellationToken);
        log.End("Sampling");
        Summary = run.Summary(sampled);
        var pairs = rows.Zip(sampled).Where(each => each.Second.Dropped is null).Select(each => new DsatPairSampler.PairRowWithTools
        {
            RowId = each.First.RowId,
            Prompt = each.First.Prompt,
            Chosen = each.Second.Chosen!,
            Rejected = each.First.Rejected,
            ChosenFinishReason = each.Second.FinishReason == FinishReason.Length ? "length" : "stop",
            Tools = each.First.Tools,
        }).ToList();
        return HasTools(input.Schema) ? _context.Data.LoadFromEnumerable(pairs) : _context.Data.LoadFromEnumerable<DsatPairSampler.PairRow>(pairs);
    }

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        DsatRowReader.CheckSchema(inputSchema, _options.NeedsFeedback);
        return HasTools(inputSchema)
            ? _context.Data.LoadFromEnumerable<DsatPairSampler.PairRowWithTools>([]).Schema : _context.Data.LoadFromEnumerable<DsatPairSampler.PairRow>([]).Schema;
    }

    private static bool HasTools(DataViewSchema schema) => schema.GetColumnOrNull(ChatColumnNames.Tools) is not null;

    /// <summary>Not possible: <see cref="IsRowToRowMapper"/> is false.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) =>
        throw new InvalidOperationException($"{nameof(DsatPairTransformer)} drops rows, so it does not map row to row; use Transform.");

    /// <summary>Not possible: sampling is a step of training, not a part of a model.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    void ICanSaveModel.Save(ModelSaveContext ctx) => throw new NotSupportedException(
        $"{nameof(DsatPairTransformer)} is a step of training and cannot be saved. Save the trained model instead: the last transformer of the chain.");
}
