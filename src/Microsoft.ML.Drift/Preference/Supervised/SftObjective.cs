using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Supervised fine-tuning: the mean of −log p over the labels of a step. Adds gradients to the policy it is given.
/// </summary>
/// <param name="policy">The decoder that is trained.</param>
/// <param name="training">Training rows.</param>
/// <param name="evaluation">Held-out rows; may be empty.</param>
/// <param name="options">Checked options.</param>
internal sealed class SftObjective(
    Decoder policy, IReadOnlyList<SftTokens> training, IReadOnlyList<SftTokens> evaluation, SftTrainer.Options options) : TrainingObjective
{
    private const string TokensSeenKey = "sft.tokens";

    private readonly TokenScorer _scorer = new(policy, new PassPlanner(policy, PassPlanner.BudgetOf(policy, options), options.GradientCheckpointing));
    private readonly List<SftScore> _stepScores = [];
    private int _stepLabels;
    private long _tokensSeen;
    private long _tokensSeenBefore;

    /// <summary>Called with every micro-batch of a training step: its rows and its share of the step's loss.</summary>
    public Action<int[], double>? BatchScored { get; init; }

    public override int RowCount => training.Count;

    public override int EvaluationRowCount => evaluation.Count;

    public override string RowId(int row) => training[row].RowId;

    public override void BeginStep(StepRows rows)
    {
        _stepScores.Clear();
        _tokensSeenBefore = _tokensSeen;
        // TRL counts a row's first token as a label of the window, though nothing predicts it.
        _stepLabels = rows.All.Sum(row => options.TrlCompatibility is null ? training[row].ScoredCount : training[row].LabelCount);
    }

    public override MicroBatchResult Accumulate(int[] rows)
    {
        using var scope = NewDisposeScope();
        SftTokens[] all = [.. rows.Select(row => training[row])];
        var batch = SftBatch.Create(all, _scorer.Device);
        var plan = _scorer.Plan(batch);
        var longest = all.Max(row => row.Sequence.Ids.Length);
        var parts = plan.Select(pass => plan.Count == 1 ? Accumulate(batch) : Accumulate(SftBatch.Create(all[pass.First..(pass.First + pass.Count)], _scorer.Device, longest))).ToArray();
        var score = parts.Select(part => part.Score).Aggregate((one, other) => one + other);
        _stepScores.Add(score);
        _tokensSeen += batch.TokenCount;
        var loss = score.NllSum / _stepLabels;
        BatchScored?.Invoke(rows, loss);
        return new MicroBatchResult(loss, batch.TokenCount, parts.Sum(part => part.Passes), parts.Sum(part => part.Recomputed));
    }

    private (SftScore Score, int Passes, int Recomputed) Accumulate(SftBatch batch)
    {
        using var scope = NewDisposeScope();
        var scored = _scorer.ScoreForTraining(batch, new TokenLogProbOptions { Argmax = true });
        scored.Backward(TensorArithmetic.FilledLike(scored.Tokens.LogProbs, -1.0 / Math.Max(1, _stepLabels)));
        return (SftScore.Of(scored.Tokens, batch.RowSizes.Count), scored.Passes, scored.Recomputed);
    }

    public override void AbandonStep() => _tokensSeen = _tokensSeenBefore;

    public override IEnumerable<(string Name, double Value)> StepMetrics() => Metrics(_stepScores);

    public override IEnumerable<(string Name, double Value)> Evaluate(CancellationToken cancellation)
    {
        var done = 0;
        var scores = evaluation.Chunk(options.EvaluationBatchSize).Select(rows =>
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var score = SftScore.Of(_scorer.Score(SftBatch.Create(rows, _scorer.Device), new TokenLogProbOptions { Argmax = true }), rows.Length);
            TellEvaluated(done += rows.Length);
            return score;
        }).ToArray();
        // TRL weighs the batches' means by rows.
        var loss = options.TrlCompatibility is null
            ? scores.Sum(score => score.NllSum) / scores.Sum(score => score.Labels)
            : scores.Sum(score => score.NllSum / score.Labels * score.Rows) / evaluation.Count;
        return [("loss", loss), .. Metrics(scores)];
    }

    public override void Save(TrainingState state)
    {
        state.Add(TokensSeenKey, _tokensSeen);
        _scorer.Planner.Save(state);
    }

    public override void Load(TrainingState state)
    {
        _tokensSeen = (long)state.Number(TokensSeenKey);
        if (options.MaxMemory is null) _scorer.Planner.Load(state);
    }

    public override void Dispose() => _scorer.Dispose();

    private IEnumerable<(string Name, double Value)> Metrics(IReadOnlyList<SftScore> scores)
    {
        yield return ("num_tokens", _tokensSeen);
        yield return ("mean_token_accuracy", options.TrlCompatibility is null
            ? (double)scores.Sum(score => score.Right) / scores.Sum(score => score.Labels)
            : scores.Average(score => score.Labels == 0 ? 0 : (double)score.Right / score.Labels));
        yield return ("entropy", scores.Sum(score => score.Entropies) / scores.Sum(score => score.Labels));
    }

    /// <summary>What a micro-batch measured.</summary>
    /// <param name="Rows">Its rows.</param>
    /// <param name="NllSum">Σ −log p over its labels.</param>
    /// <param name="Labels">Number of labels that something predicts.</param>
    /// <param name="Right">How many of them are the most likely token.</param>
    /// <param name="Entropies">Σ entropy of what predicts them, in nats.</param>
    private readonly record struct SftScore(int Rows, double NllSum, int Labels, int Right, double Entropies)
    {
        public static SftScore operator +(SftScore one, SftScore other) =>
            new(one.Rows + other.Rows, one.NllSum + other.NllSum, one.Labels + other.Labels, one.Right + other.Right, one.Entropies + other.Entropies);

        public static SftScore Of(TokenScores tokens, int rows)
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            var sum = -tokens.LogProbs.to(ScalarType.Float64).sum().item<double>();
            return new SftScore(rows, sum, (int)tokens.LogProbs.shape[0], (int)tokens.IsArgmax!.sum().item<long>(), tokens.Entropies.to(ScalarType.Float64).sum().item<double>());
        }
    }
}
