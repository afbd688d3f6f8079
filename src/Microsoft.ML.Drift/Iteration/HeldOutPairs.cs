using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>The held-out pairs as ids, with their log-probs under the run's starting model.</summary>
internal sealed class HeldOutPairs
{
    private readonly IReadOnlyList<PreferenceTokens> _pairs;
    private readonly IReadOnlyList<(double Chosen, double Rejected)> _start;
    private readonly double _beta;

    private HeldOutPairs(IReadOnlyList<PreferenceTokens> pairs, IReadOnlyList<(double, double)> start, double beta) => (_pairs, _start, _beta) = (pairs, start, beta);

    /// <summary>Tokenizes and scores the pairs; null where none is left.</summary>
    public static HeldOutPairs? Of(IDataView pairs, CausalLM start, DpoTrainer.Options training)
    {
        var tokenization = new PreferenceTokenization(PairTokenizer.Encoder(start), training.Limits, training.TokenizationRules);
        var tokens = training.Columns.Read(pairs).Select(row => tokenization.Tokenize(row, out _)).OfType<PreferenceTokens>().ToList();
        return tokens.Count == 0 ? null : new HeldOutPairs(tokens, Score(start, tokens, training.CancellationToken), training.Beta);
    }

    /// <summary>Every pair under a model, against the run's starting model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cancellation">Stops between two pairs.</param>
    /// <param name="scored">Called with the pairs that are done, and their number.</param>
    public IReadOnlyList<PairScore> Scores(CausalLM model, CancellationToken cancellation, Action<int, int>? scored = null) =>
        [.. Score(model, _pairs, cancellation, scored).Select((now, index) => PairScore.Of(_pairs[index], _beta, now, _start[index]))];

    public static HeldOutEvaluation Summary(IReadOnlyList<PairScore> scores) => new(
        scores.Count, scores.Average(pair => pair.Margin), scores.Average(pair => pair.Margin > 0 ? 1.0 : 0),
        scores.Average(pair => pair.Chosen - pair.ReferenceChosen), scores.Average(pair => pair.Rejected - pair.ReferenceRejected));

    private static List<(double Chosen, double Rejected)> Score(CausalLM model, IReadOnlyList<PreferenceTokens> pairs, CancellationToken cancellation, Action<int, int>? scored = null)
    {
        var scorer = new SequenceScorer(model);
        return [.. pairs.Select((pair, index) =>
        {
            cancellation.ThrowIfCancellationRequested();
            var score = (scorer.Score(pair.Chosen.Ids, pair.Chosen.CompletionStart).Sum, scorer.Score(pair.Rejected.Ids, pair.Rejected.CompletionStart).Sum);
            scored?.Invoke(index + 1, pairs.Count);
            return score;
        })];
    }
}
