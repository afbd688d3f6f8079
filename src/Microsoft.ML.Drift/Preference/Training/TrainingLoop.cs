using System.Diagnostics;
using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Runs a stage step by step: micro-batches → gradients → clipped by the optimizer as it reads them → metrics. Trains the parameters in place.
/// </summary>
/// <remarks>
/// Cancellation is heeded between micro-batches: the weights are then those of the last finished step, and no gradient is left behind.
/// Between two steps the state can be saved, and another loop over the same rows continues from it bit for bit.
/// </remarks>
internal sealed class TrainingLoop(TrainingLoopSettings settings, TrainingObjective objective, ParameterOptimizer optimizer)
{
    private const string StepKey = "trainer.step";
    private const string OptimizerStepsKey = "optimizer.steps";
    private const string OptimizerPrefix = "optimizer.";
    private const string EvaluationDueKey = "trainer.evaluation_due";
    private const string SkippedStepsKey = "trainer.skipped_steps";

    private readonly List<TrainingRecord> _records = [];
    private bool _prepared;
    private bool _evaluationDue;
    private int _skippedSteps;

    /// <summary>All steps of the stage.</summary>
    public int TotalSteps => settings.Plan.TotalSteps;

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>What this loop logged so far; records of before a <see cref="Load"/> are not in it.</summary>
    public TrainingHistory History => new([.. _records]);

    /// <summary>Called with each record as it is made.</summary>
    public Action<TrainingRecord>? Recorded { get; init; }

    /// <summary>Called as the loop advances: at its start, after each step and its record, and within what comes between.</summary>
    public Action<TrainingProgress>? Advanced
    {
        private get => objective.Advanced;
        init => objective.Advanced = value;
    }

    /// <summary>Runs before the optimizer, with the step's gradients before clipping.</summary>
    public Action<int>? GradientsReady { get; init; }

    /// <summary>The adapter that is trained, whose inputs are dropped while gradients are computed; null: none.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>Called after each step with its record and evaluation: the moment for a checkpoint.</summary>
    public Action? StepFinished { get; set; }

    /// <inheritdoc cref="TrainingObjective.ReferenceJournal"/>
    public ReferenceJournal? ReferenceJournal
    {
        set => objective.ReferenceJournal = value;
    }

    /// <summary>Whether the last step's evaluation was begun and stopped: it comes first when the run goes on.</summary>
    public bool EvaluationIsDue => _evaluationDue;

    /// <summary>Whether there is a state to <see cref="Save"/>: what comes before the first step is done.</summary>
    public bool IsPrepared => _prepared;

    /// <summary>Runs the remaining steps.</summary>
    /// <param name="cancellation">Stops between micro-batches.</param>
    /// <param name="until">Steps done at which to stop, for a checkpoint; null: all. The gradients' memory stays for those that follow.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the weights are those of the last finished step.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite; the weights are those of the last finished step.</exception>
    public TrainingHistory Run(CancellationToken cancellation = default, int? until = null)
    {
        var goesOn = false;
        try
        {
            if (!_prepared) objective.Prepare(settings.Plan, cancellation);
            _prepared = true;
            var end = Math.Min(TotalSteps, until ?? TotalSteps);
            if (Step < end) optimizer.Reserve();
            if (until != 0) TellStep();
            // A run that was stopped while it evaluated owes the evaluation of its last step.
            if (_evaluationDue) Evaluate(cancellation);
            while (Step < end)
            {
                RunStep(cancellation);
                if (_evaluationDue) Evaluate(cancellation);
                StepFinished?.Invoke();
            }
            goesOn = Step < TotalSteps;
        }
        finally
        {
            if (!goesOn) optimizer.ReleaseGradients();
        }
        return History;
    }

    /// <summary>The state between two steps. The caller disposes of it.</summary>
    /// <param name="copy">False for views of the live tensors, which are good until the next step.</param>
    /// <param name="withOptimizer">False leaves the optimizer's tensors out: a training that is finished needs them no more.</param>
    public TrainingState Save(bool copy = true, bool withOptimizer = true)
    {
        var state = new TrainingState(copy);
        state.Add(StepKey, Step);
        state.Add(OptimizerStepsKey, optimizer.StepCount);
        state.Add(EvaluationDueKey, _evaluationDue ? 1 : 0);
        state.Add(SkippedStepsKey, _skippedSteps);
        if (withOptimizer) foreach (var (name, tensor) in optimizer.ExportState()) state.Add(OptimizerPrefix + name, tensor);
        objective.Save(state);
        return state;
    }

    /// <summary>Continues from a saved state. The weights must be those of that moment.</summary>
    /// <exception cref="InvalidDataException">The state does not fit this run.</exception>
    public void Load(TrainingState state)
    {
        Step = (int)state.Number(StepKey);
        _evaluationDue = state.Number(EvaluationDueKey) != 0;
        _skippedSteps = (int)state.Number(SkippedStepsKey);
        optimizer.ImportState((long)state.Number(OptimizerStepsKey), name => state.Tensors.GetValueOrDefault(OptimizerPrefix + name));
        objective.Load(state);
        _prepared = true;
    }

    private void RunStep(CancellationToken cancellation)
    {
        using var scope = torch.NewDisposeScope();
        var clock = Stopwatch.StartNew();
        var rows = settings.Plan.RowsOf(Step);
        optimizer.ZeroGradients();
        objective.BeginStep(rows);
        StepGradients step;
        try
        {
            step = ComputeGradients(rows, cancellation);
        }
        catch
        {
            // What the objective counts along must not know of a step that never was.
            objective.AbandonStep();
            throw;
        }
        var rate = settings.LearningRate * settings.Schedule.Factor(Step);
        if (step.Problem is null) optimizer.Step(rate, settings.MaximumGradientNorm is { } maximum ? GradientClipping.Factor(step.Norm, maximum) : 1);
        else SkipOrStop(step);
        Step++;
        objective.AfterStep(Step);
        Record(rows, isEvaluation: false,
        [
            ("loss", step.Loss), ("grad_norm", step.Norm), ("learning_rate", rate), .. step.Problem is null ? objective.StepMetrics() : [],
            .. SkippedSteps(), .. TrainingCost.Metrics(step.Cost, clock.Elapsed),
        ]);
        TellStep();
        _evaluationDue = IsTimeToEvaluate(rows);
    }

    private void TellStep() => Advanced?.Invoke(new TrainingProgress(TrainingActivity.Training, Step, TotalSteps));

    private StepGradients ComputeGradients(StepRows rows, CancellationToken cancellation)
    {
        var (loss, cost) = Accumulate(rows, cancellation, out var problem);
        if (problem is not null) return new StepGradients(loss, double.NaN, cost, problem);
        GradientsReady?.Invoke(Step + 1);
        var norm = GradientClipping.Norm(optimizer.Parameters);
        if (!double.IsFinite(norm) && settings.NonFinite != NonFiniteRule.Ignore)
            return new StepGradients(loss, norm, cost, new NonFiniteProblem($"the gradient's norm is {norm}", [.. rows.All]));
        return new StepGradients(loss, norm, cost, null);
    }

    private (double Loss, MicroBatchResult Cost) Accumulate(StepRows rows, CancellationToken cancellation, out NonFiniteProblem? problem)
    {
        double loss = 0;
        var cost = new MicroBatchResult();
        problem = null;
        foreach (var (index, microBatch) in rows.MicroBatches.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var dropout = Adapter?.WithDropout(DropoutKey(index));
            var result = objective.Accumulate(microBatch);
            cost += result;
            var isFinite = double.IsFinite(result.Loss);
            if (!isFinite && settings.NonFinite != NonFiniteRule.Ignore)
            {
                problem = new NonFiniteProblem($"the loss is {result.Loss}", microBatch);
                return (result.Loss, cost);
            }
            // Where TRL goes on, transformers' logging_nan_inf_filter adds the running sum once more instead: 0 if it is the step's first.
            loss += isFinite ? result.Loss : loss;
        }
        return (loss, cost);
    }

    private void SkipOrStop(StepGradients step)
    {
        objective.AbandonStep();
        if (settings.NonFinite == NonFiniteRule.Stop) throw new TrainingDivergedException(Step + 1, [.. step.Problem!.Rows.Select(objective.RowId)], step.Problem.What);
        _skippedSteps++;
    }

    // A function of the step alone, so that a resumed run drops the same inputs.
    private ulong DropoutKey(int microBatch) => ((ulong)(uint)settings.Seed << 32 | (uint)Step) * 0xD1342543DE82EF95 + (uint)microBatch;

    // Told from the first skipped step on, and from then in every record.
    private IEnumerable<(string Name, double Value)> SkippedSteps() => _skippedSteps == 0 ? [] : [("skipped_steps", _skippedSteps)];

    private bool IsTimeToEvaluate(StepRows rows) => objective.EvaluationRowCount > 0 && settings.Evaluation switch
    {
        EvaluationStrategy.Epoch => rows.IsLastOfEpoch || Step == TotalSteps,
        EvaluationStrategy.Steps => Step % settings.EvaluationSteps == 0,
        _ => false,
    };

    /// <summary>Measures the held-out rows after the last finished step.</summary>
    private void Evaluate(CancellationToken cancellation)
    {
        using var scope = torch.NewDisposeScope();
        using var mode = torch.no_grad();
        var clock = Stopwatch.StartNew();
        List<(string, double)> metrics = [.. objective.Evaluate(cancellation)];
        Record(settings.Plan.RowsOf(Step - 1), isEvaluation: true, [.. metrics, ("seconds", clock.Elapsed.TotalSeconds)]);
        Advanced?.Invoke(new TrainingProgress(TrainingActivity.Evaluating, objective.EvaluationRowCount, objective.EvaluationRowCount));
        _evaluationDue = false;
    }

    private void Record(StepRows rows, bool isEvaluation, IEnumerable<(string Name, double Value)> metrics)
    {
        var prefix = isEvaluation ? "eval_" : "";
        var values = new OrderedDictionary<string, double>();
        foreach (var (name, value) in metrics) values.Add(prefix + name, value);
        var record = new TrainingRecord(Step, rows.Epoch, isEvaluation, values);
        _records.Add(record);
        Recorded?.Invoke(record);
    }

    /// <summary>What a step's backward passes gave.</summary>
    private sealed record StepGradients(double Loss, double Norm, MicroBatchResult Cost, NonFiniteProblem? Problem);

    /// <summary>Why a step's gradients cannot be used, and on which rows.</summary>
    private sealed record NonFiniteProblem(string What, IReadOnlyList<int> Rows);
}
