using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Preference;

/// <summary>The answer tokens of a batch, one by one: where each is predicted and how it counts.</summary>
internal sealed class ScoredTokens
{
    private readonly TokenSequence[] _sequences;
    private readonly int _pairCount;
    private readonly Func<int, int, long> _placeOf;
    private readonly PairBatchRules _rules;
    private readonly int _firstColumn;
    private readonly int _allAnswerTokens;

    /// <param name="pairs">B pairs.</param>
    /// <param name="sequences">Their 2B sequences, chosen first.</param>
    /// <param name="placeOf">Sequence and index in it → the token's place in the batch.</param>
    /// <param name="rules">How tokens count.</param>
    public ScoredTokens(IReadOnlyList<PreferenceTokens> pairs, TokenSequence[] sequences, Func<int, int, long> placeOf, PairBatchRules rules)
    {
        (_sequences, _pairCount, _placeOf, _rules) = (sequences, pairs.Count, placeOf, rules);
        _allAnswerTokens = sequences.Sum(sequence => sequence.CompletionLength);
        var starts = sequences.Where(sequence => sequence.CompletionLength > 0).Select(sequence => sequence.CompletionStart);
        // With use_logits_to_keep TRL's columns begin one before the batch's first answer token.
        _firstColumn = rules.Trl is { LogitsToKeep: true } ? Math.Max(0, starts.DefaultIfEmpty(0).Min() - 1) : 0;
        for (var row = 0; row < sequences.Length; row++) AddAnswer(row);
        for (var row = 0; row < sequences.Length; row++) AddExtraPosition(row);
    }

    public List<long> Positions { get; } = [];

    public List<long> Targets { get; } = [];

    public List<long> Rows { get; } = [];

    public List<float> PolicyWeights { get; } = [];

    public List<float> ReferenceWeights { get; } = [];

    public List<float> NllMask { get; } = [];

    public List<float> WpoLogProbWeights { get; } = [];

    public List<float> WpoNormalizerWeights { get; } = [];

    private void AddAnswer(int row)
    {
        var sequence = _sequences[row];
        for (var t = Math.Max(1, sequence.CompletionStart); t < sequence.Ids.Length; t++)
        {
            Positions.Add(_placeOf(row, t - 1)); // the logits at t − 1 predict token t
            Targets.Add(sequence.Ids[t]);
            Rows.Add(row);
            PolicyWeights.Add(WeightOf(row, t, isPolicy: true));
            ReferenceWeights.Add(WeightOf(row, t, isPolicy: false));
            NllMask.Add(CountsInNll(row, sequence.Ids[t]) ? 1 : 0);
            AddWpo(sequence, t);
        }
    }

    /// <summary>TRL's mask is rolled by one, so an answer without a prompt brings its sequence's last position into the mean logits.</summary>
    private void AddExtraPosition(int row)
    {
        var sequence = _sequences[row];
        if (!HasExtraPosition(sequence, _rules)) return;
        Positions.Add(_placeOf(row, sequence.Ids.Length - 1));
        Targets.Add(0);
        Rows.Add(row);
    }

    /// <summary>Whether a sequence's last position enters the mean logits.</summary>
    public static bool HasExtraPosition(TokenSequence sequence, PairBatchRules rules) => rules.Trl is not null && sequence.CompletionStart == 0;

    private float WeightOf(int row, int t, bool isPolicy)
    {
        var own = _sequences[row];
        var other = _sequences[row < _pairCount ? row + _pairCount : row - _pairCount];
        var shared = Math.Min(own.CompletionLength, other.CompletionLength);
        if (_rules is { Trl: not null, LengthDesensitizationAlpha: { } trlAlpha } && isPolicy)
            return CompletionWeights.LengthDesensitizedAsTrl(t - _firstColumn, shared, own.CompletionLength, trlAlpha);
        var weight = _rules is { Trl: null, LengthDesensitizationAlpha: { } alpha }
            ? CompletionWeights.LengthDesensitized(t - own.CompletionStart, shared, alpha)
            : 1;
        if (!_rules.AveragePerToken) return weight;
        return weight / (_rules.Trl is null ? own.ScoredLength : _rules.Trl.PaddingFree ? _allAnswerTokens : own.CompletionLength);
    }

    private bool CountsInNll(int row, int id) => _rules.Trl is { } trl
        ? id != 0 && (row < _pairCount || trl.PaddingFree)
        : row < _pairCount;

    private void AddWpo(TokenSequence sequence, int t)
    {
        var isLast = t == sequence.Ids.Length - 1;
        var share = 1f / (_rules.Trl is null ? sequence.ScoredLength : sequence.CompletionLength);
        WpoLogProbWeights.Add(_rules.Trl is not null && isLast ? 0 : share);
        WpoNormalizerWeights.Add(share);
    }
}
