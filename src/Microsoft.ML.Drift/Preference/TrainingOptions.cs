namespace Microsoft.ML.Drift.Preference;

/// <summary>What all trainers of this library share: order of rows, optimizer, schedule, evaluation.</summary>
/// <remarks>The name in TRL's (transformers') arguments stands at the end of each line. All values are checked together when the trainer is made.</remarks>
public abstract record TrainingOptions
{
    internal static class Defaults
    {
        public const double LearningRate = 5e-7;
        public const double NumberOfEpochs = 1;
        public const double ShareOfFreeMemory = 0.8;
    }

    private protected TrainingOptions()
    {
    }

    /// <summary>The learning rate at the top of the schedule. At least 0. Default 5e-7, the paper's. TRL: <c>learning_rate</c>.</summary>
    public double LearningRate { get; init; } = Defaults.LearningRate;

    /// <summary>How the rate develops after the warm-up. Default <see cref="LearningRateScheduleType.Linear"/>. TRL: <c>lr_scheduler_type</c>.</summary>
    public LearningRateScheduleType Schedule { get; init; } = LearningRateScheduleType.Linear;

    /// <summary>
    /// The share of all steps in which the rate climbs from 0, rounded up to whole steps; the first of them has rate 0. In [0, 1]. Default 0.1
    /// (none with <see cref="LearningRateScheduleType.Constant"/>, which knows no warm-up). TRL: <c>warmup_ratio</c>.
    /// </summary>
    public double? WarmupRatio { get; init; }

    /// <summary>The same in steps; wins over <see cref="WarmupRatio"/> if above 0. Default 0. TRL: <c>warmup_steps</c>.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>The optimizer. Default <see cref="OptimizerType.RmsProp"/>, the paper's. TRL: <c>optim</c>.</summary>
    public OptimizerType Optimizer { get; init; } = OptimizerType.RmsProp;

    /// <summary>
    /// Weight decay, at least 0; biases and norms are exempt. AdamW's is decoupled; RMSprop's is added to the gradient. Default 0. TRL: <c>weight_decay</c>.
    /// </summary>
    public double WeightDecay { get; init; }

    /// <summary>AdamW's decay of the gradient's mean, in [0, 1). Default 0.9. TRL: <c>adam_beta1</c>.</summary>
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>AdamW's decay of the squared gradient's mean, in [0, 1). Default 0.999. TRL: <c>adam_beta2</c>.</summary>
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>AdamW's ε, above 0. Default 1e-8. TRL: <c>adam_epsilon</c>.</summary>
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Gradients are scaled down to this norm over all weights; above 0, or null for no clipping. Default 1. TRL: <c>max_grad_norm</c>.</summary>
    public double? MaximumGradientNorm { get; init; } = 1;

    /// <summary>How often the rows are seen; above 0, fractions allowed. Default 1. TRL: <c>num_train_epochs</c>.</summary>
    public double NumberOfEpochs { get; init; } = Defaults.NumberOfEpochs;

    /// <summary>Instead of <see cref="NumberOfEpochs"/>: the number of optimizer steps; null (the default) for none. TRL: <c>max_steps</c>.</summary>
    public int? MaximumSteps { get; init; }

    /// <summary>Rows that go through the model together. Default 4, the paper's. TRL: <c>per_device_train_batch_size</c>.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Rows that go through the model together in evaluation. Default 8. TRL: <c>per_device_eval_batch_size</c>.</summary>
    public int EvaluationBatchSize { get; init; } = 8;

    /// <summary>
    /// Batches whose gradients make one step. The loss is the mean over all rows (and tokens) of the step, so that 1 × 8 equals 8 × 1. Default 1. TRL:
    /// <c>gradient_accumulation_steps</c>.
    /// </summary>
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>
    /// Keep only each layer's input and compute the layer again in the backward pass: the same numbers with far less memory for one more forward
    /// pass. Default false; the paper's recipes say true. TRL: <c>gradient_checkpointing</c>.
    /// </summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>
    /// Bytes that training may take beside the weights: gradients, optimizer state, activations and logits. A batch that needs more goes through the model in several passes,
    /// whose gradients add up to the same step; a row that does not fit alone has its layers computed twice, as with <see cref="GradientCheckpointing"/>. Above 0; null (the default): four
    /// fifths of the main memory that is free when training starts; without limit on another device. TRL has no such option.
    /// </summary>
    public long? MaxMemory { get; init; }

    /// <summary>
    /// Train the policy that was given, not a copy of it: the weights are in memory once, and the trainer's result holds the same model. A training that stops leaves it with the weights of
    /// its last finished step: load it again before the run folder's training goes on. Default false: the policy stays as it is. Not in an iterated training, which measures its results against the policy. TRL always trains the model it is given.
    /// </summary>
    public bool TrainInPlace { get; init; }

    /// <summary>
    /// Matrix products in bfloat16, weights and optimizer in float32, as PyTorch's autocast. Default false (float32 throughout); the paper's recipes say true, which
    /// pays on a GPU. TRL: <c>bf16</c>.
    /// </summary>
    public bool Bfloat16 { get; init; }

    /// <summary>When to evaluate, if evaluation rows are given. Default <see cref="EvaluationStrategy.Epoch"/>. TRL: <c>eval_strategy</c>.</summary>
    public EvaluationStrategy Evaluation { get; init; } = EvaluationStrategy.Epoch;

    /// <summary>Steps between evaluations; only with, and required by, <see cref="EvaluationStrategy.Steps"/>. TRL: <c>eval_steps</c>.</summary>
    public int? EvaluationSteps { get; init; }

    /// <summary>Another order of rows in each epoch; false keeps the input's order. Default true, as TRL.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Decides the order of rows. Default 42, the paper's. TRL: <c>seed</c>.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Reproduce TRL 0.19.1 to the last digit, accidents included; null (the default) for the right behaviour.</summary>
    public TrlCompatibility? TrlCompatibility { get; init; }

    /// <summary>
    /// What happens to a step whose loss or gradient is NaN or infinite. False (the default): training stops with a <see cref="TrainingDivergedException"/>. True: the step
    /// leaves the weights as they are, and every record from then on counts such steps as <c>skipped_steps</c>. Not with <see cref="TrlCompatibility"/>, which goes on as TRL does.
    /// </summary>
    public bool SkipNonFiniteSteps { get; init; }

    /// <summary>
    /// A folder in which the training keeps metrics, reference log-probs and checkpoints: training again with the same settings, data and model continues at the last
    /// checkpoint, and ends with the weights of a training that was never stopped. Null (the default) keeps everything in memory.
    /// </summary>
    public string? RunFolder { get; init; }

    /// <summary>Whether a training that <see cref="RunFolder"/> holds is renamed (the time is added to its name) and this one begins anew. Default false.</summary>
    public bool Restart { get; init; }

    /// <summary>When checkpoints are written to the run folder, and how many are kept. Null (the default): every ten minutes, and the last two.</summary>
    public CheckpointSchedule? Checkpoints { get; init; }

    /// <summary>Told in words what a reader of logs should know: where a run continues, that a damaged checkpoint was passed over. Default none.</summary>
    public IProgress<string>? Notices { get; init; }

    /// <summary>
    /// Called with each step's and evaluation's metrics as they are made, on the training thread; where a run folder continues, first with those of the steps done before.
    /// Default none.
    /// </summary>
    public IProgress<TrainingRecord>? Progress { get; init; }

    /// <summary>
    /// Told how far the training is, on the training thread: after each step, and within what takes long without making a record, which is the reference's pass over the pairs and every
    /// evaluation. Default none.
    /// </summary>
    public IProgress<TrainingProgress>? Activity { get; init; }

    /// <summary>
    /// Stops the training between two batches with an <see cref="OperationCanceledException"/>; with a run folder the last finished step is saved first. Default none.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }

    internal virtual IEnumerable<string> Problems()
    {
        if (!(LearningRate >= 0 && double.IsFinite(LearningRate))) yield return $"LearningRate is {LearningRate}; it must be at least 0 and finite.";
        if (!Enum.IsDefined(Schedule)) yield return $"Schedule is {Schedule}; allowed are {Names<LearningRateScheduleType>()}.";
        if (WarmupRatio is { } ratio && !(ratio >= 0 && ratio <= 1)) yield return $"WarmupRatio is {ratio}; it must be between 0 and 1.";
        if (WarmupSteps < 0) yield return $"WarmupSteps is {WarmupSteps}; it must be at least 0.";
        if (WarmupSteps > 0 && WarmupRatio is > 0) yield return "Both WarmupSteps and WarmupRatio are set; the ratio would be ignored. Set one.";
        if (Schedule == LearningRateScheduleType.Constant && (WarmupSteps > 0 || WarmupRatio is > 0))
            yield return "Schedule is Constant, which has no warm-up, but one is set. Use ConstantWithWarmup or leave it out.";
        foreach (var problem in OptimizerProblems().Concat(BatchProblems()).Concat(EvaluationProblems()).Concat(Checkpoints?.Problems() ?? [])) yield return problem;
        if (SkipNonFiniteSteps && TrlCompatibility is not null) yield return "SkipNonFiniteSteps is set, but TrlCompatibility goes on after such steps as TRL does. Set one of the two.";
    }

    /// <summary>What is wrong with the options of a training that stands alone, beyond <see cref="Problems"/>.</summary>
    internal IEnumerable<string> RunFolderProblems()
    {
        if (RunFolder is "") yield return "RunFolder is empty; leave it null to keep everything in memory.";
        if (RunFolder is not null) yield break;
        if (Restart) yield return "Restart is set, but there is no RunFolder.";
        if (Checkpoints is not null) yield return "Checkpoints is set, but there is no RunFolder to write them to.";
    }

    private protected static string Names<T>() where T : struct, Enum => string.Join(", ", Enum.GetNames<T>());

    private IEnumerable<string> OptimizerProblems()
    {
        if (!Enum.IsDefined(Optimizer)) yield return $"Optimizer is {Optimizer}; allowed are {Names<OptimizerType>()}.";
        if (!(WeightDecay >= 0 && double.IsFinite(WeightDecay))) yield return $"WeightDecay is {WeightDecay}; it must be at least 0 and finite.";
        if (!(AdamBeta1 is >= 0 and < 1)) yield return $"AdamBeta1 is {AdamBeta1}; it must be at least 0 and below 1.";
        if (!(AdamBeta2 is >= 0 and < 1)) yield return $"AdamBeta2 is {AdamBeta2}; it must be at least 0 and below 1.";
        if (!(AdamEpsilon > 0)) yield return $"AdamEpsilon is {AdamEpsilon}; it must be greater than 0.";
        if (MaximumGradientNorm is { } norm && !(norm > 0)) yield return $"MaximumGradientNorm is {norm}; it must be greater than 0, or null for no clipping.";
    }

    private IEnumerable<string> BatchProblems()
    {
        if (!(NumberOfEpochs > 0 && double.IsFinite(NumberOfEpochs))) yield return $"NumberOfEpochs is {NumberOfEpochs}; it must be greater than 0.";
        if (MaximumSteps is < 1) yield return $"MaximumSteps is {MaximumSteps}; it must be at least 1, or null.";
        if (BatchSize < 1) yield return $"BatchSize is {BatchSize}; it must be at least 1.";
        if (EvaluationBatchSize < 1) yield return $"EvaluationBatchSize is {EvaluationBatchSize}; it must be at least 1.";
        if (MaxMemory is < 1) yield return $"MaxMemory is {MaxMemory}; it must be at least 1 byte, or null for four fifths of what is free.";
        if (GradientAccumulationSteps < 1) yield return $"GradientAccumulationSteps is {GradientAccumulationSteps}; it must be at least 1.";
    }

    private IEnumerable<string> EvaluationProblems()
    {
        if (!Enum.IsDefined(Evaluation)) yield return $"Evaluation is {Evaluation}; allowed are {Names<EvaluationStrategy>()}.";
        if (EvaluationSteps is < 1) yield return $"EvaluationSteps is {EvaluationSteps}; it must be at least 1.";
        if (Evaluation == EvaluationStrategy.Steps && EvaluationSteps is null) yield return "Evaluation is Steps, but EvaluationSteps is not set.";
        if (Evaluation != EvaluationStrategy.Steps && EvaluationSteps is not null)
            yield return $"EvaluationSteps is {EvaluationSteps}, but Evaluation is {Evaluation}. Set Evaluation to Steps or leave EvaluationSteps out.";
    }

    internal TrainingLoopSettings LoopSettings(int rowCount)
    {
        var plan = new TrainingPlan(rowCount, BatchSize, GradientAccumulationSteps, NumberOfEpochs, MaximumSteps, Shuffle ? Seed : null);
        var ratio = WarmupRatio ?? (Schedule == LearningRateScheduleType.Constant ? 0 : 0.1);
        var warmup = LearningRateSchedule.WarmupLength(plan.TotalSteps, WarmupSteps, ratio);
        return new TrainingLoopSettings(
            plan, new LearningRateSchedule(Schedule, plan.TotalSteps, warmup), LearningRate, MaximumGradientNorm,
            Evaluation, EvaluationSteps ?? 0, Seed, TrlCompatibility is not null ? NonFiniteRule.Ignore : SkipNonFiniteSteps ? NonFiniteRule.SkipStep : NonFiniteRule.Stop);
    }

    internal ParameterOptimizer CreateOptimizer(IReadOnlyList<TrainedParameter> parameters) => Optimizer == OptimizerType.RmsProp
        ? new RmsPropOptimizer(parameters, WeightDecay)
        : new AdamWOptimizer(parameters, AdamBeta1, AdamBeta2, AdamEpsilon, WeightDecay);
}
