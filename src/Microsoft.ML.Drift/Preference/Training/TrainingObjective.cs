namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// What a <see cref="TrainingLoop"/> minimises: turns rows into gradients and metrics. The loop owns order, optimizer, schedule and history.
/// </summary>
internal abstract class TrainingObjective : IDisposable
{
    /// <summary>Number of training rows.</summary>
    public abstract int RowCount { get; }

    /// <summary>Number of rows to evaluate on.</summary>
    public abstract int EvaluationRowCount { get; }

    /// <summary>Called after each batch of <see cref="Prepare"/>, and after each of <see cref="Evaluate"/> but the last, which has made its record only when the loop says so.</summary>
    public Action<TrainingProgress>? Advanced { get; set; }

    /// <summary>What messages call a training row.</summary>
    public abstract string RowId(int row);

    /// <summary>Where <see cref="Prepare"/> keeps what it finds, and finds what an earlier process kept; null for nowhere.</summary>
    public ReferenceJournal? ReferenceJournal { get; set; }

    /// <summary>Runs once before the first step, with the starting weights.</summary>
    public virtual void Prepare(TrainingPlan plan, CancellationToken cancellation)
    {
    }

    /// <summary>Announces the rows of the coming step, over which the loss is a mean.</summary>
    public abstract void BeginStep(StepRows rows);

    /// <summary>Adds the gradients of one micro-batch's share of the step's loss to the parameters.</summary>
    public abstract MicroBatchResult Accumulate(int[] rows);

    /// <summary>Takes back what <see cref="Accumulate"/> counted since <see cref="BeginStep"/>: the step was cancelled, or its gradients are not used.</summary>
    public abstract void AbandonStep();

    /// <summary>The metrics of the step's rows, without loss and rates.</summary>
    public abstract IEnumerable<(string Name, double Value)> StepMetrics();

    /// <summary>Runs after the optimizer has moved the weights.</summary>
    /// <param name="step">Steps done.</param>
    public virtual void AfterStep(int step)
    {
    }

    /// <summary>Measures the evaluation rows: <c>loss</c> first; names without the prefix <c>eval_</c>.</summary>
    public abstract IEnumerable<(string Name, double Value)> Evaluate(CancellationToken cancellation);

    /// <summary>What the objective must remember to continue a stopped run.</summary>
    public abstract void Save(TrainingState state);

    /// <summary>Continues from a saved state, instead of <see cref="Prepare"/>.</summary>
    public abstract void Load(TrainingState state);

    public virtual void Dispose()
    {
    }

    /// <summary>Tells of a batch of <see cref="Evaluate"/>.</summary>
    protected void TellEvaluated(int done)
    {
        if (done < EvaluationRowCount) Advanced?.Invoke(new TrainingProgress(TrainingActivity.Evaluating, done, EvaluationRowCount));
    }
}

/// <summary>One micro-batch's outcome.</summary>
/// <param name="Loss">Its share of the step's loss.</param>
/// <param name="Tokens">Tokens that went through the model, padding not counted.</param>
/// <param name="Passes">In how many passes.</param>
/// <param name="Recomputed">How many of these computed layers twice to save memory.</param>
internal readonly record struct MicroBatchResult(double Loss, int Tokens, int Passes, int Recomputed)
{
    public static MicroBatchResult operator +(MicroBatchResult one, MicroBatchResult other) =>
        new(one.Loss + other.Loss, one.Tokens + other.Tokens, one.Passes + other.Passes, one.Recomputed + other.Recomputed);
}
