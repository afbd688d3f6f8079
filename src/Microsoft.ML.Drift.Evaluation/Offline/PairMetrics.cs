using Microsoft.ML.Drift.Evaluation.Statistics;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>One held-out pair under a model, and under the reference if there is one. Log-probs are sums over the answer's tokens, in nats.</summary>
/// <param name="RowId">The row.</param>
/// <param name="Chosen">log π(y_w|x).</param>
/// <param name="Rejected">log π(y_l|x).</param>
/// <param name="ReferenceChosen">log π_ref(y_w|x); null without a reference.</param>
/// <param name="ReferenceRejected">log π_ref(y_l|x); null without a reference.</param>
/// <param name="ChosenTokens">Tokens of the better answer.</param>
/// <param name="RejectedTokens">Tokens of the worse answer.</param>
public sealed record PairScore(string RowId, double Chosen, double Rejected, double? ReferenceChosen, double? ReferenceRejected, int ChosenTokens, int RejectedTokens)
{
    /// <summary>Δ log-prob of the better answer: log π(y_w|x) − log π_ref(y_w|x), or without a reference log π(y_w|x).</summary>
    public double ChosenGain => Chosen - (ReferenceChosen ?? 0);

    /// <summary>Δ log-prob of the worse answer: log π(y_l|x) − log π_ref(y_l|x), or without a reference log π(y_l|x).</summary>
    public double RejectedGain => Rejected - (ReferenceRejected ?? 0);
}

/// <summary>What a model thinks of held-out pairs; every figure has its bootstrap interval over pairs.</summary>
/// <param name="Pairs">Number of pairs.</param>
/// <param name="Accuracy">Share of pairs whose margin is greater than 0.</param>
/// <param name="Margin">Mean of β[(log π(y_w|x) − log π_ref(y_w|x)) − (log π(y_l|x) − log π_ref(y_l|x))], DPO's implicit reward margin; without a reference, of log π(y_w|x) − log π(y_l|x).</param>
/// <param name="ChosenGain">Mean Δ log-prob of the better answers. When it falls while the margin grows, the model is being over-optimized. Null without a reference.</param>
/// <param name="RejectedGain">Mean Δ log-prob of the worse answers; null without a reference.</param>
/// <param name="MarginSignPValue">The exact sign test of the margins' signs; see <see cref="PairedTests.Sign"/>.</param>
/// <param name="MarginWilcoxonPValue">Wilcoxon's test of the margins; see <see cref="PairedTests.Wilcoxon"/>.</param>
/// <param name="Scores">The pairs one by one.</param>
public sealed record PairMetrics(
    int Pairs, Estimate Accuracy, Estimate Margin, Estimate? ChosenGain, Estimate? RejectedGain, double MarginSignPValue, double MarginWilcoxonPValue, IReadOnlyList<PairScore> Scores)
{
    internal static PairMetrics Of(IReadOnlyList<PairScore> scores, double beta, Resampling resampling)
    {
        if (scores.Count == 0) throw new ArgumentException("There is no pair.");
        var againstReference = scores[0].ReferenceChosen is not null;
        var margins = scores.Select(score => (againstReference ? beta : 1) * (score.ChosenGain - score.RejectedGain)).ToArray();
        return new(
            scores.Count,
            Bootstrap.Mean([.. margins.Select(margin => margin > 0 ? 1.0 : 0)], resampling),
            Bootstrap.Mean(margins, resampling),
            againstReference ? Bootstrap.Mean([.. scores.Select(score => score.ChosenGain)], resampling) : null,
            againstReference ? Bootstrap.Mean([.. scores.Select(score => score.RejectedGain)], resampling) : null,
            PairedTests.Sign(margins.Count(margin => margin > 0), margins.Count(margin => margin < 0)),
            PairedTests.Wilcoxon(margins),
            scores);
    }
}

/// <summary>How held-out pairs are evaluated.</summary>
public sealed record PairEvaluationOptions
{
    /// <summary>β, the scale of the margin against a reference. Greater than 0; default 0.1.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>How intervals are found.</summary>
    public Resampling Resampling { get; init; } = new();

    /// <summary>Told of scored rows: first all under the model, then all under the reference. Null (the default): nobody.</summary>
    public IProgress<int>? Progress { get; init; }

    /// <summary>Checked before every row.</summary>
    public CancellationToken CancellationToken { get; init; }

    internal void Validate()
    {
        Resampling.Validate();
        if (!(Beta > 0) || double.IsInfinity(Beta)) throw new ArgumentException($"{nameof(PairEvaluationOptions)}: Beta is {Beta}; it must be a finite number greater than 0.");
    }
}

/// <summary>Scores held-out pairs.</summary>
internal static class PairEvaluation
{
    /// <param name="pairs">The pairs.</param>
    /// <param name="policy">The model.</param>
    /// <param name="reference">Gives the reference when it is needed, so that both models need not be in memory at once; null: no reference.</param>
    /// <param name="options">How.</param>
    public static PairMetrics Evaluate(IDataView pairs, CausalLM policy, CausalLM? reference, PairEvaluationOptions options)
    {
        options.Validate();
        var done = 0;
        var own = Score(policy);
        var other = reference is null ? null : Score(reference);
        var scores = own.Select((row, i) => new PairScore(
            row.RowId, row.Chosen!.Sum, row.Rejected!.Sum, other?[i].Chosen!.Sum, other?[i].Rejected!.Sum, row.Chosen.TokenLogProbs.Count, row.Rejected.TokenLogProbs.Count));
        return PairMetrics.Of([.. scores], options.Beta, options.Resampling);

        List<ScoredRow> Score(CausalLM model)
        {
            var rows = new List<ScoredRow>();
            foreach (var row in new SequenceScorer(model).ScoreRows(pairs))
            {
                options.CancellationToken.ThrowIfCancellationRequested();
                if (row.Chosen is null || row.Rejected is null) throw new ArgumentException("The input holds no pairs: it needs the columns Prompt, Chosen and Rejected.", nameof(pairs));
                rows.Add(row);
                options.Progress?.Report(++done);
            }
            return rows;
        }
    }
}
