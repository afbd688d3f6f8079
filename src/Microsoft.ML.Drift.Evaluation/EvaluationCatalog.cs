using Microsoft.ML.Drift;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Offline;
using Microsoft.ML.Drift.Evaluation.WildBench;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML;

/// <summary>Evaluation on <c>ml.Drift()</c>: rows in a data view → typed metrics.</summary>
public static class EvaluationCatalog
{
    /// <summary>What a model thinks of held-out pairs: accuracy, margin and log-probs, with intervals.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="pairs">Preference pairs: columns Prompt, Chosen, Rejected.</param>
    /// <param name="policy">The model; it is only read.</param>
    /// <param name="reference">The model to measure against, such as the one before training; null: margins are plain differences of log-probs.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no pair, a column is missing, a model has no tokenizer, or the options are bad.</exception>
    public static PairMetrics Evaluate(this DriftOperationsCatalog catalog, IDataView pairs, CausalLM policy, CausalLM? reference = null, PairEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(policy);
        return PairEvaluation.Evaluate(pairs, policy, reference, options ?? new());
    }

    /// <summary>What responses are like, without a judge: lengths, repetition, copying, endings, diversity, coverage.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="responses">Responses: column Response; optional RowId, Prompt, Rejected, Feedback, FinishReason.</param>
    /// <param name="options">What is measured; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no response, a column is of another type, or the options are bad.</exception>
    /// <exception cref="OperationCanceledException">The options' token was cancelled.</exception>
    public static ResponseMetrics Evaluate(this DriftOperationsCatalog catalog, IDataView responses, ResponseEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(responses);
        return ResponseEvaluation.Evaluate(responses, options ?? new());
    }

    /// <summary>Two models' responses to the same prompts: every figure's difference with its interval, and paired tests.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="baseline">Responses of the model to compare with.</param>
    /// <param name="candidate">Responses of the other model; paired by RowId if both have it, else by their order.</param>
    /// <param name="options">What is measured; null for the defaults.</param>
    /// <exception cref="ArgumentException">The rows do not belong together, a column is of another type, or the options are bad.</exception>
    /// <exception cref="OperationCanceledException">The options' token was cancelled.</exception>
    public static ResponseComparison Compare(this DriftOperationsCatalog catalog, IDataView baseline, IDataView candidate, ResponseEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(baseline);
        ArgumentNullException.ThrowIfNull(candidate);
        return ResponseEvaluation.Compare(baseline, candidate, options ?? new());
    }

    /// <summary>AlpacaEval 2's figures.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="annotations">One row for each judgement, with the properties of <see cref="AlpacaEvalAnnotation"/> as columns; Preference, OutputLength and BaselineLength are needed, Row for length control.</param>
    /// <param name="lengthControl">How to compute the length-controlled win rate; null: not at all.</param>
    /// <exception cref="ArgumentException">There is no judgement, or length control does not fit the rows.</exception>
    public static AlpacaEvalMetrics EvaluateAlpacaEval(this DriftOperationsCatalog catalog, IDataView annotations, LengthControl? lengthControl = null) =>
        AlpacaEvalMetrics.Compute(Rows<AlpacaEvalAnnotation>(catalog, annotations), lengthControl);

    /// <summary>WB-Score.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="scores">One row for each session, with the properties of <see cref="WildBenchScoreRow"/> as columns.</param>
    /// <param name="edition">The edition of the tables.</param>
    /// <exception cref="ArgumentException">There is no row, or one has an unknown task group.</exception>
    public static WildBenchScoreMetrics EvaluateWildBenchScores(this DriftOperationsCatalog catalog, IDataView scores, WildBenchEdition edition = WildBenchEdition.Current) =>
        WildBenchScoreMetrics.Compute(Rows<WildBenchScoreRow>(catalog, scores), edition);

    /// <summary>WB-Reward against one baseline.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="comparisons">One row for each session, with the properties of <see cref="WildBenchComparison"/> as columns.</param>
    /// <param name="lengthMargin">K, in code points; null or negative: off.</param>
    /// <exception cref="ArgumentException">There is no row, or one has an unknown outcome or task group.</exception>
    public static WildBenchRewardMetrics EvaluateWildBenchRewards(this DriftOperationsCatalog catalog, IDataView comparisons, int? lengthMargin = null) =>
        WildBenchRewardMetrics.Compute(Rows<WildBenchComparison>(catalog, comparisons), lengthMargin);

    private static List<T> Rows<T>(DriftOperationsCatalog catalog, IDataView data) where T : class, new()
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        return [.. new MLContext().Data.CreateEnumerable<T>(data, reuseRowObject: false, ignoreMissingColumns: true)];
    }
}
