using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// What the reference thinks of each pair. Computed once, before the first step, since a reference does not move; only TR-DPO's does, and
/// is asked again for every batch.
/// </summary>
/// <remarks>Also keeps the policy's own log-probs at the start, from which the change since then is reported.</remarks>
internal sealed class ReferenceLogProbs : IDisposable
{
    private readonly PreferenceObjectiveSettings _settings;
    private readonly Decoder _policy;
    private readonly PassPlanner _planner;
    private readonly Decoder? _explicit;
    private readonly MovingReference? _moving;
    private PairReference?[] _training = [];
    private PairReference?[] _evaluation = [];
    private bool _evaluationRecomputed;

    /// <param name="policy">The decoder that will be trained; the reference while it still has its starting weights.</param>
    /// <param name="explicitReference">Another model as the reference; null: the policy's start.</param>
    /// <param name="settings">Weights of tokens, and whether the reference moves.</param>
    /// <param name="planner">How batches are divided.</param>
    public ReferenceLogProbs(Decoder policy, Decoder? explicitReference, PreferenceObjectiveSettings settings, PassPlanner planner)
    {
        (_settings, _policy, _explicit, _planner) = (settings, policy, explicitReference, planner);
        if (settings.ReferenceSync is { } sync) _moving = new MovingReference(policy, explicitReference ?? policy, sync);
    }

    /// <summary>Called with the number of pairs of each batch that is scored.</summary>
    public Action<int>? Scored { get; set; }

    /// <summary>Computes the training rows that the batches name.</summary>
    public void ComputeTraining(IEnumerable<int[]> batches, Func<int[], PairBatch> create, int rows, ReferenceJournal? journal, CancellationToken cancellation) =>
        _training = Compute("training", batches, create, rows, journal, cancellation);

    /// <summary>Computes the evaluation rows.</summary>
    public void ComputeEvaluation(IEnumerable<int[]> batches, Func<int[], PairBatch> create, int rows, ReferenceJournal? journal, CancellationToken cancellation) =>
        _evaluation = Compute("evaluation", batches, create, rows, journal, cancellation);

    /// <summary>TRL with precomputed log-probs asks for the evaluation rows' at the first evaluation, when the weights have already moved.</summary>
    public void RecomputeEvaluationOnce(IEnumerable<int[]> batches, Func<int[], PairBatch> create, CancellationToken cancellation)
    {
        if (_evaluationRecomputed) return;
        var late = Compute("evaluation", batches, create, _evaluation.Length, journal: null, cancellation);
        _evaluation = [.. _evaluation.Zip(late, (early, now) => early! with { Reference = now!.Reference })];
        _evaluationRecomputed = true; // only now: a cancelled pass has computed nothing
    }

    public ReferenceBatch ForTraining(int[] rows, PairBatch batch) => Read(_training, rows, batch);

    public ReferenceBatch ForEvaluation(int[] rows, PairBatch batch) => Read(_evaluation, rows, batch);

    /// <summary>Moves the reference, if it moves and its time has come.</summary>
    public void AfterStep(int step) => _moving?.AfterStep(step);

    public void Save(TrainingState state)
    {
        SaveRows(state, "reference.training", _training);
        SaveRows(state, "reference.evaluation", _evaluation);
        state.Add("reference.evaluation_recomputed", _evaluationRecomputed ? 1 : 0);
        _moving?.Save(state);
    }

    public void Load(TrainingState state)
    {
        _training = LoadRows(state, "reference.training");
        _evaluation = LoadRows(state, "reference.evaluation");
        _evaluationRecomputed = state.Number("reference.evaluation_recomputed") != 0;
        _moving?.Load(state);
    }

    public void Dispose() => _moving?.Dispose();

    private PairReference?[] Compute(
        string set, IEnumerable<int[]> batches, Func<int[], PairBatch> create, int rowCount, ReferenceJournal? journal, CancellationToken cancellation)
    {
        var results = new PairReference?[rowCount];
        foreach (var rows in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            if (journal?.Find(set, rows) is not { } values)
            {
                values = ComputeBatch(create, rows);
                journal?.Add(set, rows, values);
            }
            for (var i = 0; i < rows.Length; i++) results[rows[i]] = values[i];
            Scored?.Invoke(rows.Length);
        }
        return results;
    }

    private PairReference[] ComputeBatch(Func<int[], PairBatch> create, int[] rows)
    {
        using var scope = NewDisposeScope();
        var reference = _explicit ?? _policy;
        var batch = create(rows);
        var start = new TokenScorer(_policy, _planner).Score(batch, new());
        var tokens = reference == _policy && _policy.Adapter is null ? start : ScoreWithoutAdapter(reference, batch);
        var referenceValues = Answers(batch, tokens, batch.ReferenceWeights);
        var startValues = Answers(batch, start, batch.PolicyWeights);
        return [.. referenceValues.Zip(startValues, (atReference, atStart) => new PairReference(atReference, atStart))];
    }

    /// <summary>A policy with an adapter is its own reference when the adapter is switched off.</summary>
    private TokenScores ScoreWithoutAdapter(Decoder reference, PairBatch batch)
    {
        var adapter = reference == _policy ? _policy.Adapter : null;
        if (adapter is not null) adapter.Enabled = false;
        try
        {
            return new TokenScorer(reference, _planner).Score(batch, new());
        }
        finally
        {
            if (adapter is not null) adapter.Enabled = true;
        }
    }

    private ReferenceBatch Read(PairReference?[] cache, int[] rows, PairBatch batch)
    {
        var values = rows.Select(row => cache[row]
            ?? throw new InvalidOperationException($"The reference log-probs of row {row} were not computed.")).ToArray();
        if (_moving is not null)
        {
            var live = Answers(batch, new TokenScorer(_moving.Decoder, _planner).Score(batch, new()), batch.ReferenceWeights);
            values = [.. values.Select((value, i) => value with { Reference = live[i] })];
        }
        return new ReferenceBatch(values, (
            tensor(values.Select(value => value.Reference.Chosen).ToArray(), device: _policy.Device),
            tensor(values.Select(value => value.Reference.Rejected).ToArray(), device: _policy.Device)));
    }

    private static AnswerPair[] Answers(PairBatch batch, TokenScores tokens, Tensor weights)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var sums = batch.SumPerAnswer(tokens.LogProbs, weights).cpu().data<float>().ToArray();
        return [.. Enumerable.Range(0, batch.PairCount).Select(i => new AnswerPair(sums[i], sums[batch.PairCount + i]))];
    }

    private static void SaveRows(TrainingState state, string name, PairReference?[] rows)
    {
        using var scope = NewDisposeScope();
        var values = rows.SelectMany(row => row is null
            ? Enumerable.Repeat(float.NaN, 4)
            : [row.Reference.Chosen, row.Reference.Rejected, row.Start.Chosen, row.Start.Rejected]).ToArray();
        state.Add(name, tensor(values).view(rows.Length, 4));
    }

    private static PairReference?[] LoadRows(TrainingState state, string name)
    {
        using var scope = NewDisposeScope();
        var values = state.Tensor(name).flatten().data<float>().ToArray().Chunk(4);
        return [.. values.Select(v => float.IsNaN(v[0]) ? null : new PairReference(new(v[0], v[1]), new(v[2], v[3])))];
    }

}

/// <summary>One pair's log-probs under the reference, and under the policy at the start.</summary>
internal sealed record PairReference(AnswerPair Reference, AnswerPair Start);

/// <summary>A batch's reference values, on the host and as <c>[B]</c> tensors.</summary>
internal sealed record ReferenceBatch(IReadOnlyList<PairReference> Values, (Tensor Chosen, Tensor Rejected) Reference);
