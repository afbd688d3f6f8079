using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>
/// A recipe's training keys as the library's options. A key that is absent keeps the library's default, but for <c>rpo_alpha</c>, <c>warmup_ratio</c> and
/// <c>weight_decay</c>, which are off as in TRL. With <c>drift.trl_compatibility</c> every absent key has TRL's default.
/// </summary>
/// <remarks>A key is read only where it acts, so that the recipe can tell which keys had no effect.</remarks>
internal static class TrainingRecipe
{
    private static readonly (string Word, OptimizerType Value)[] Optimizers =
        [("rmsprop", OptimizerType.RmsProp), ("adamw_torch", OptimizerType.AdamW), ("adamw_torch_fused", OptimizerType.AdamW), ("adamw", OptimizerType.AdamW), ("adamw_hf", OptimizerType.AdamW)];

    private static readonly (string Word, LearningRateScheduleType Value)[] Schedules =
    [
        ("linear", LearningRateScheduleType.Linear), ("cosine", LearningRateScheduleType.Cosine),
        ("constant", LearningRateScheduleType.Constant), ("constant_with_warmup", LearningRateScheduleType.ConstantWithWarmup),
    ];

    private static readonly (string Word, PreferenceLossType Value)[] Losses =
    [
        ("sigmoid", PreferenceLossType.Sigmoid), ("hinge", PreferenceLossType.Hinge), ("ipo", PreferenceLossType.Ipo), ("exo_pair", PreferenceLossType.ExoPair),
        ("nca_pair", PreferenceLossType.NcaPair), ("robust", PreferenceLossType.Robust), ("bco_pair", PreferenceLossType.BcoPair), ("sppo_hard", PreferenceLossType.SppoHard),
        ("aot", PreferenceLossType.Aot), ("aot_pair", PreferenceLossType.AotPair), ("discopop", PreferenceLossType.DiscoPop),
        ("apo_zero", PreferenceLossType.ApoZero), ("apo_down", PreferenceLossType.ApoDown),
    ];

    /// <summary>The options of preference training.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="evaluates">Whether there are rows to evaluate on.</param>
    public static DpoTrainer.Options Dpo(Recipe recipe, bool evaluates)
    {
        var asTrl = recipe.Boolean("drift.trl_compatibility") == true;
        var options = Shared(recipe, new DpoTrainer.Options { LearningRate = asTrl ? 1e-6 : new DpoTrainer.Options().LearningRate }, asTrl, evaluates);
        options = Lengths(recipe, options, asTrl) with
        {
            // An absent rpo_alpha is TRL's "off"; the paper's 0.001 stands in its recipes.
            RpoAlpha = recipe.Number("rpo_alpha"),
            Loss = recipe.Choice("loss_type", Losses) ?? options.Loss,
            Beta = recipe.Number("beta") ?? options.Beta,
            LabelSmoothing = recipe.Number("label_smoothing") ?? 0,
            ReferenceFree = recipe.Boolean("reference_free") ?? false,
            LengthDesensitizationAlpha = recipe.Number("ld_alpha"),
            WeightPairs = recipe.Boolean("use_weighting") ?? false,
            ReferenceSync = recipe.Boolean("sync_ref_model") == true ? Sync(recipe, new()) : null,
            Lora = Lora(recipe),
            TrlCompatibility = asTrl ? Compatibility(recipe) : null,
            Divergence = recipe.Choice("f_divergence_type",
                ("reverse_kl", FDivergence.ReverseKl), ("js_divergence", FDivergence.JensenShannon), ("alpha_divergence", FDivergence.Alpha)) ?? options.Divergence,
        };
        if (options.Divergence == FDivergence.Alpha)
            options = options with { AlphaDivergenceCoefficient = recipe.Number("f_alpha_divergence_coef") ?? options.AlphaDivergenceCoefficient };
        if (options.Loss == PreferenceLossType.DiscoPop)
            options = options with { DiscoPopTemperature = recipe.Number("discopop_tau") ?? options.DiscoPopTemperature };
        return options;
    }

    /// <summary>The options of supervised fine-tuning.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="evaluates">Whether there are rows to evaluate on.</param>
    /// <param name="conversations">Whether rows are whole conversations, not prompts with completions.</param>
    public static SftTrainer.Options Sft(Recipe recipe, bool evaluates, bool conversations)
    {
        var asTrl = recipe.Boolean("drift.trl_compatibility") == true;
        var options = Shared(recipe, new SftTrainer.Options(), asTrl, evaluates);
        // In a conversation TRL trains every token unless told otherwise, of a prompt with its completion the completion; each key concerns one of the two.
        var answersOnly = conversations ? recipe.Boolean("assistant_only_loss") ?? !asTrl : recipe.Boolean("completion_only_loss") ?? true;
        return options with
        {
            MaxLength = recipe.Integer("max_length") ?? (asTrl ? 1024 : options.MaxLength),
            Labels = answersOnly ? SftLabels.Answers : SftLabels.All,
            Lora = Lora(recipe),
            TrlCompatibility = asTrl ? new TrlCompatibility() : null,
        };
    }

    /// <summary>What every trainer has: optimizer, schedule, batches, evaluation.</summary>
    private static T Shared<T>(Recipe recipe, T options, bool asTrl, bool evaluates)
        where T : TrainingOptions
    {
        var maximumSteps = recipe.Integer("max_steps") is > 0 and var steps ? steps : (int?)null;
        options = options with
        {
            LearningRate = recipe.Number("learning_rate") ?? options.LearningRate,
            Optimizer = recipe.Choice("optim", Optimizers) ?? (asTrl ? OptimizerType.AdamW : options.Optimizer),
            WeightDecay = recipe.Number("weight_decay") ?? 0,
            MaximumGradientNorm = recipe.Number("max_grad_norm") is { } norm ? norm == 0 ? null : norm : options.MaximumGradientNorm,
            MaximumSteps = maximumSteps,
            NumberOfEpochs = maximumSteps is not null ? options.NumberOfEpochs : recipe.Number("num_train_epochs") ?? (asTrl ? 3 : options.NumberOfEpochs),
            BatchSize = recipe.Integer("per_device_train_batch_size") ?? (asTrl ? 8 : options.BatchSize),
            GradientAccumulationSteps = recipe.Integer("gradient_accumulation_steps") ?? options.GradientAccumulationSteps,
            GradientCheckpointing = recipe.Boolean("gradient_checkpointing") ?? false,
            Bfloat16 = recipe.Boolean("bf16") ?? false,
            Shuffle = recipe.Boolean("drift.shuffle") ?? options.Shuffle,
            Seed = recipe.Integer("seed") ?? options.Seed,
            SkipNonFiniteSteps = recipe.Boolean("drift.skip_non_finite_steps") ?? options.SkipNonFiniteSteps,
            Checkpoints = Checkpoints(recipe),
        };
        options = Scheduled(recipe, options);
        if (options.Optimizer == OptimizerType.AdamW)
        {
            options = options with
            {
                AdamBeta1 = recipe.Number("adam_beta1") ?? options.AdamBeta1,
                AdamBeta2 = recipe.Number("adam_beta2") ?? options.AdamBeta2,
                AdamEpsilon = recipe.Number("adam_epsilon") ?? options.AdamEpsilon,
            };
        }
        return evaluates ? Evaluated(recipe, options) : options with { Evaluation = EvaluationStrategy.None };
    }

    private static CheckpointSchedule? Checkpoints(Recipe recipe)
    {
        if (!recipe.Has("save_steps") && !recipe.Has("drift.checkpoint_minutes") && !recipe.Has("save_total_limit")) return null;
        var defaults = new CheckpointSchedule();
        return new CheckpointSchedule
        {
            EverySteps = recipe.Integer("save_steps"),
            EveryMinutes = recipe.Number("drift.checkpoint_minutes") ?? defaults.EveryMinutes,
            Keep = recipe.Integer("save_total_limit") ?? defaults.Keep,
        };
    }

    // TRL lets warmup_steps win over the ratio, and a constant schedule ignore both; the library refuses what it would ignore.
    private static T Scheduled<T>(Recipe recipe, T options)
        where T : TrainingOptions
    {
        var schedule = recipe.Choice("lr_scheduler_type", Schedules) ?? options.Schedule;
        if (schedule == LearningRateScheduleType.Constant) return options with { Schedule = schedule, WarmupRatio = 0 };
        var steps = recipe.Integer("warmup_steps") ?? 0;
        return options with { Schedule = schedule, WarmupSteps = steps, WarmupRatio = steps > 0 ? 0 : recipe.Number("warmup_ratio") ?? 0 };
    }

    private static T Evaluated<T>(Recipe recipe, T options)
        where T : TrainingOptions
    {
        var evaluation = recipe.Choice("eval_strategy",
            ("no", EvaluationStrategy.None), ("epoch", EvaluationStrategy.Epoch), ("steps", EvaluationStrategy.Steps)) ?? options.Evaluation;
        if (evaluation == EvaluationStrategy.None) return options with { Evaluation = evaluation };
        return options with
        {
            Evaluation = evaluation,
            // Without eval_steps, transformers evaluates as often as it logs: every 500 steps if nothing is said.
            EvaluationSteps = evaluation == EvaluationStrategy.Steps ? recipe.Integer("eval_steps") ?? recipe.Integer("logging_steps") ?? 500 : null,
            EvaluationBatchSize = recipe.Integer("per_device_eval_batch_size") ?? options.EvaluationBatchSize,
        };
    }

    private static DpoTrainer.Options Lengths(Recipe recipe, DpoTrainer.Options options, bool asTrl)
    {
        var whole = recipe.Integer("max_length") ?? (asTrl ? 1024 : options.MaxLength);
        return options with
        {
            MaxLength = whole,
            // Where only max_length is said, and is short, the prompt may take half of it.
            MaxPromptLength = recipe.Integer("max_prompt_length") ?? (asTrl ? 512 : Math.Max(1, Math.Min(options.MaxPromptLength!.Value, whole!.Value / 2))),
            MaxCompletionLength = recipe.Integer("max_completion_length"),
            Truncation = recipe.Choice("truncation_mode",
                ("keep_end", TruncationMode.KeepEnd), ("keep_start", TruncationMode.KeepStart), ("keep_prompt_end_and_completion_start", TruncationMode.KeepPromptEndAndCompletionStart))
                ?? (asTrl ? TruncationMode.KeepEnd : options.Truncation),
        };
    }

    private static ReferenceSync Sync(Recipe recipe, ReferenceSync defaults) => new()
    {
        MixupAlpha = recipe.Number("ref_model_mixup_alpha") ?? defaults.MixupAlpha,
        Steps = recipe.Integer("ref_model_sync_steps") ?? defaults.Steps,
    };

    private static TrlCompatibility Compatibility(Recipe recipe) => new()
    {
        PrecomputedReference = recipe.Boolean("precompute_ref_log_probs") ?? false,
        PaddingFree = recipe.Boolean("padding_free") ?? false,
        LogitsToKeep = recipe.Boolean("use_logits_to_keep") ?? false,
    };

    private static LoraOptions? Lora(Recipe recipe)
    {
        if (recipe.Boolean("use_peft") != true) return null;
        var defaults = new LoraOptions();
        var targets = recipe.TextList("lora_target_modules") ?? [];
        return new LoraOptions
        {
            Rank = recipe.Integer("lora_r") ?? defaults.Rank,
            Alpha = recipe.Number("lora_alpha") ?? defaults.Alpha,
            Dropout = recipe.Number("lora_dropout") ?? defaults.Dropout,
            // PEFT's word for what an empty list means here.
            TargetModules = targets is ["all-linear"] ? [] : targets,
            ModulesToSave = recipe.TextList("lora_modules_to_save") ?? [],
            UseRsLora = recipe.Boolean("use_rslora") ?? false,
            UseDora = recipe.Boolean("use_dora") ?? false,
        };
    }
}
