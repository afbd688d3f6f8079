using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// DPO and its relatives: preference loss against a reference, plus α · NLL of the chosen answers. Adds gradients to the policy it is given.
/// </summary>
internal sealed class PreferenceObjective : TrainingObjective
{
    private const string BcoMeanKey = "bco.mean";
    private const string BcoCountKey = "bco.count";

    private readonly PreferenceObjectiveSettings _settings;
    private readonly IReadOnlyList<PreferenceTokens> _training;
    private readonly IReadOnlyList<PreferenceTokens> _evaluation;
    private readonly PassPlanner _planner;
    private readonly TokenScorer _policy;
    private readonly ReferenceLogProbs _reference;
    private readonly PreferenceMetrics _metrics;
    private readonly List<ScoredBatch> _stepBatches = [];
    private RunningMean _bcoMean = new();
    private RunningMean _bcoMeanBefore = new();
    private StepRows _step = new([], false, 0);
    private int _stepPairs;
    private int _stepNllTokens;

    /// <param name="policy">The decoder that is trained.</param>
    /// <param name="reference">An explicit reference; null: the policy's weights at the start.</param>
    /// <param name="training">Training pairs.</param>
    /// <param name="evaluation">Held-out pairs; may be empty.</param>
    /// <param name="settings">What to minimise.</param>
    /// <param name="planner">How micro-batches are divided.</param>
    public PreferenceObjective(
        Decoder policy, Decoder? reference, IReadOnlyList<PreferenceTokens> training, IReadOnlyList<PreferenceTokens> evaluation,
        PreferenceObjectiveSettings settings, PassPlanner planner)
    {
        (_settings, _training, _evaluation, _planner) = (settings, training, evaluation, planner);
        _policy = new TokenScorer(policy, planner);
        _reference = new ReferenceLogProbs(policy, reference, settings, planner) ;
        _metrics = new PreferenceMetrics(settings.Loss.Beta, settings.RpoAlpha is not null);
    }

    /// <summary>Called with every scored micro-batch; the flag is true in evaluation.</summary>
    public Action<ScoredBatch, bool>? BatchScored { get; init; }

    public override int RowCount => _training.Count;

    public override int EvaluationRowCount => _evaluation.Count;

    public override string RowId(int row) => _training[row].RowId;

    public override void Prepare(TrainingPlan plan, CancellationToken cancellation)
    {
        if (ReferenceJournal?.Agree(_planner.Recorded) is { } budget && !_settings.MemoryIsFixed) _planner.Recorded = budget;
        // In the first epoch's batches: a policy equal to its reference then has margins of exactly 0, not of rounding noise.
        var steps = Math.Min(plan.TotalSteps, plan.StepsPerEpoch);
        int[][] batches = [.. Enumerable.Range(0, steps).SelectMany(step => plan.RowsOf(step).MicroBatches)];
        var (done, total) = (0, batches.Sum(batch => batch.Length) + _evaluation.Count);
        _reference.Scored = pairs => Advanced?.Invoke(new TrainingProgress(TrainingActivity.Preparing, done += pairs, total));
        _reference.ComputeTraining(batches, CreateTrainingBatch, _training.Count, ReferenceJournal, cancellation);
        _reference.ComputeEvaluation(EvaluationBatches(), CreateEvaluationBatch, _evaluation.Count, ReferenceJournal, cancellation);
        _reference.Scored = null;
    }

    public override void BeginStep(StepRows rows)
    {
        _step = rows;
        _bcoMeanBefore = _bcoMean.Copy();
        _stepBatches.Clear();
        _stepPairs = rows.All.Count();
        _stepNllTokens = rows.All.Sum(row => _training[row].Chosen.ScoredLength);
    }

    public override MicroBatchResult Accumulate(int[] rows)
    {
        using var scope = NewDisposeScope();
        var batch = CreateTrainingBatch(rows);
        var plan = _policy.Plan(batch);
        if (plan.Count == 1 || !_settings.PairsAreIndependent) return Accumulate(rows, batch);
        // Each pass is a smaller micro-batch: the step's loss is a mean over the step's pairs, however they are divided.
        var longest = PairBatch.LongestOf(rows.Select(row => _training[row]));
        return plan.Select(pass => Accumulate(rows[pass.First..(pass.First + pass.Count)], longest)).Aggregate((one, other) => one + other);
    }

    private MicroBatchResult Accumulate(int[] rows, int longest)
    {
        using var scope = NewDisposeScope();
        return Accumulate(rows, CreateBatch(_training, rows, longest));
    }

    private MicroBatchResult Accumulate(int[] rows, PairBatch batch)
    {
        var scored = _policy.ScoreForTraining(batch, TokenOptions);
        var tokens = scored.Tokens;
        var answers = new AnswerLeaves(batch, tokens);
        var reference = _reference.ForTraining(rows, batch);
        var losses = PreferenceLoss.PerPair(_settings.Loss, answers.With(reference.Reference), _bcoMean);
        var weights = _settings.WeightPairs ? PairWeights(batch, tokens) : null;
        var share = _settings.Trl is null ? ShareOfStep(losses, weights, answers) : MeanAsTrl(losses, weights, answers).DividedBy(_settings.AccumulationSteps);
        scored.Backward(answers.TokenGradients(share));
        _stepBatches.Add(Summarize(rows, batch, tokens, answers, reference, losses, weights));
        BatchScored?.Invoke(_stepBatches[^1], false);
        return new MicroBatchResult(share.item<float>(), batch.TokenCount, scored.Passes, scored.Recomputed);
    }

    public override void AbandonStep() => _bcoMean = _bcoMeanBefore;

    public override IEnumerable<(string Name, double Value)> StepMetrics()
    {
        if (_settings.Trl is null) return _metrics.Exact(_stepBatches);
        // In an epoch's last window accelerate cuts per-pair metrics of every micro-batch to the size of the last one.
        return _metrics.AsTrl(_stepBatches, _step.IsLastOfEpoch ? _step.MicroBatches[^1].Length : null);
    }

    public override void AfterStep(int step) => _reference.AfterStep(step);

    public override IEnumerable<(string Name, double Value)> Evaluate(CancellationToken cancellation)
    {
        if (_settings.Trl is { PrecomputedReference: true }) _reference.RecomputeEvaluationOnce(EvaluationBatches(), CreateEvaluationBatch, cancellation);
        var bcoMean = _bcoMean.Copy();
        var batches = EvaluationBatches().Select(rows =>
        {
            cancellation.ThrowIfCancellationRequested();
            var scored = EvaluateBatch(rows, bcoMean);
            TellEvaluated(rows[^1] + 1);
            return scored;
        }).ToArray();
        if (_settings.Trl is not null) _bcoMean = bcoMean; // TRL's evaluation moves the mean
        var pairs = (double)_evaluation.Count;
        var loss = batches.Sum(batch => batch.Loss * batch.Pairs.Count) / pairs;
        if (_settings.Trl is not null) return [("loss", loss), .. _metrics.AsTrl(batches, null)];
        loss = batches.SelectMany(batch => batch.Pairs).Sum(pair => (double)pair.Loss * pair.Weight) / pairs;
        if (_settings.RpoAlpha is { } alpha) loss += alpha * batches.Sum(batch => batch.NllSum) / batches.Sum(batch => batch.NllCount);
        return [("loss", loss), .. _metrics.Exact(batches)];
    }

    public override void Save(TrainingState state)
    {
        state.Add(BcoMeanKey, _bcoMean.Value);
        state.Add(BcoCountKey, _bcoMean.Count);
        _planner.Save(state);
        _reference.Save(state);
    }

    public override void Load(TrainingState state)
    {
        _bcoMean = new RunningMean(state.Number(BcoMeanKey), (long)state.Number(BcoCountKey));
        if (!_settings.MemoryIsFixed) _planner.Load(state);
        _reference.Load(state);
    }

    public override void Dispose()
    {
        _policy.Dispose();
        _reference.Dispose();
    }

    private TokenLogProbOptions TokenOptions => new() { LogSumSquares = _settings.WeightPairs };

    private PairBatch CreateTrainingBatch(int[] rows) => CreateBatch(_training, rows);

    private PairBatch CreateEvaluationBatch(int[] rows) => CreateBatch(_evaluation, rows);

    private PairBatch CreateBatch(IReadOnlyList<PreferenceTokens> pairs, int[] rows, int? longest = null) =>
        PairBatch.Create([.. rows.Select(row => pairs[row])], _settings.BatchRules, _policy.Device, longest);

    private IEnumerable<int[]> EvaluationBatches() => Enumerable.Range(0, _evaluation.Count).Chunk(_settings.EvaluationBatchSize);

    private ScoredBatch EvaluateBatch(int[] rows, RunningMean bcoMean)
    {
        using var scope = NewDisposeScope();
        var batch = CreateEvaluationBatch(rows);
        var tokens = _policy.Score(batch, TokenOptions);
        var answers = new AnswerLeaves(batch, tokens);
        var reference = _reference.ForEvaluation(rows, batch);
        var losses = PreferenceLoss.PerPair(_settings.Loss, answers.With(reference.Reference), bcoMean);
        var scored = Summarize(rows, batch, tokens, answers, reference, losses, _settings.WeightPairs ? PairWeights(batch, tokens) : null);
        BatchScored?.Invoke(scored, true);
        return scored;
    }

    /// <summary>This micro-batch's share of: the mean over the step's pairs, plus α times the mean over the step's chosen tokens.</summary>
    private Tensor ShareOfStep(Tensor losses, Tensor? weights, AnswerLeaves answers)
    {
        var share = (weights is null ? losses : losses * weights).sum().DividedBy(_stepPairs);
        return _settings.RpoAlpha is { } alpha ? share.Plus(answers.NllSum.Times(alpha / _stepNllTokens)) : share;
    }

    /// <summary>TRL's loss of a micro-batch: its own means, and WPO's weight on the NLL term too.</summary>
    private Tensor MeanAsTrl(Tensor losses, Tensor? weights, AnswerLeaves answers)
    {
        var perPair = _settings.RpoAlpha is { } alpha ? losses.Plus(answers.NllSum.DividedBy(answers.NllCount).Times(alpha)) : losses;
        return (weights is null ? perPair : perPair * weights).mean();
    }

    /// <summary>
    /// WPO (Zhou et al., arXiv 2406.11827, Eq. 7 with the sampled alignment of section 3.3): for each pair the product over both answers of
    /// exp(mean over tokens of log p − log Σᵥ p(v)²), at most 1; no gradient flows through it.
    /// </summary>
    private static Tensor PairWeights(PairBatch batch, TokenScores tokens)
    {
        using var scope = NewDisposeScope();
        var (logProb, normalizer) = batch.WpoWeights;
        var perAnswer = batch.SumPerAnswer(tokens.LogProbs, logProb) - batch.SumPerAnswer(tokens.LogSumSquares!, normalizer);
        var perPair = perAnswer[..batch.PairCount].Plus(perAnswer[batch.PairCount..]);
        return perPair.exp().AtMost(1).MoveToOuterDisposeScope();
    }

    private ScoredBatch Summarize(
        int[] rows, PairBatch batch, TokenScores tokens, AnswerLeaves answers, ReferenceBatch reference, Tensor losses, Tensor? weights)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (policyChosen, policyRejected) = (Numbers(answers.Chosen), Numbers(answers.Rejected));
        var (lossValues, weightValues) = (Numbers(losses), weights is null ? null : Numbers(weights));
        var pairs = rows.Select((row, i) => new ScoredPair(
            row, new(policyChosen[i], policyRejected[i]), reference.Values[i].Reference, reference.Values[i].Start,
            lossValues[i], weightValues?[i] ?? 1)).ToArray();
        var isChosen = batch.Rows.IsLessThan(batch.PairCount).to(ScalarType.Float64);
        var chosen = PositionsOf(tokens, isChosen);
        var rejected = PositionsOf(tokens, isChosen.SubtractedFrom(1));
        return new ScoredBatch(pairs, MeanAsTrl(losses, weights, answers).item<float>(), answers.NllSum.item<float>(), answers.NllCount, chosen, rejected, batch.TokenCount);
    }

    /// <param name="tokens">The scored positions.</param>
    /// <param name="mask">1 for those that count, float64.</param>
    private static PositionSums PositionsOf(TokenScores tokens, Tensor mask) =>
        new(tokens.MeanLogits.to(ScalarType.Float64).dot(mask).item<double>(), tokens.Entropies.to(ScalarType.Float64).dot(mask).item<double>(), (int)mask.sum().item<double>());

    private static float[] Numbers(Tensor vector) => vector.detach().cpu().data<float>().ToArray();
}
