using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>The library speaks of its options; the user of the command line knows recipe keys.</summary>
internal static partial class RecipeErrors
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["AdamBeta1"] = "adam_beta1", ["AdamBeta2"] = "adam_beta2", ["AdamEpsilon"] = "adam_epsilon", ["AlphaDivergenceCoefficient"] = "f_alpha_divergence_coef",
        ["BatchSize"] = "per_device_train_batch_size", ["Beta"] = "beta", ["DiscoPopTemperature"] = "discopop_tau", ["Divergence"] = "f_divergence_type",
        ["Evaluation"] = "eval_strategy", ["EvaluationBatchSize"] = "per_device_eval_batch_size", ["EvaluationSteps"] = "eval_steps",
        ["GradientAccumulationSteps"] = "gradient_accumulation_steps", ["LabelSmoothing"] = "label_smoothing", ["LearningRate"] = "learning_rate",
        ["LengthDesensitizationAlpha"] = "ld_alpha", ["Loss"] = "loss_type", ["MaxCompletionLength"] = "max_completion_length", ["MaxLength"] = "max_length",
        ["MaxPromptLength"] = "max_prompt_length", ["MaximumGradientNorm"] = "max_grad_norm", ["MaximumSteps"] = "max_steps", ["NumberOfEpochs"] = "num_train_epochs",
        ["Optimizer"] = "optim", ["ReferenceFree"] = "reference_free", ["ReferenceSync"] = "sync_ref_model", ["ReferenceSync.MixupAlpha"] = "ref_model_mixup_alpha",
        ["ReferenceSync.Steps"] = "ref_model_sync_steps", ["RpoAlpha"] = "rpo_alpha", ["Schedule"] = "lr_scheduler_type", ["WarmupRatio"] = "warmup_ratio",
        ["WarmupSteps"] = "warmup_steps", ["WeightDecay"] = "weight_decay", ["WeightPairs"] = "use_weighting", ["Lora"] = "use_peft", ["Rank"] = "lora_r",
        ["Alpha"] = "lora_alpha", ["Dropout"] = "lora_dropout", ["TargetModules"] = "lora_target_modules", ["ModulesToSave"] = "lora_modules_to_save", ["TrlCompatibility.PaddingFree"] = "padding_free",
        ["NumberOfIterations"] = "drift.iterations", ["Mode"] = "drift.mode", ["Instruction"] = "drift.instruction", ["Temperature"] = "drift.temperature", ["TopP"] = "drift.top_p",
        ["TopK"] = "drift.top_k", ["MinP"] = "drift.min_p", ["RepetitionPenalty"] = "drift.repetition_penalty", ["MaxNewTokens"] = "drift.max_new_tokens",
        ["Weights"] = "drift.weights", ["MaxRetries"] = "drift.retries", ["NearCopyThreshold"] = "drift.near_copy_threshold", ["Filters"] = "drift.near_copy_threshold and drift.drop_unfinished",
        ["NumberOfHeldOutRows"] = "drift.test_rows", ["Selection"] = "drift.select", ["SeedEpochs"] = "drift.seed_epochs", ["PrecomputedReference"] = "precompute_ref_log_probs",
        ["EverySteps"] = "save_steps", ["EveryMinutes"] = "drift.checkpoint_minutes", ["Keep"] = "save_total_limit", ["SkipNonFiniteSteps"] = "drift.skip_non_finite_steps",
    };

    /// <summary>Runs a step that uses the recipe; where the library refuses an option, the message then says which key it is and where it stands.</summary>
    public static T Explain<T>(Recipe recipe, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (ArgumentException error)
        {
            var message = ErrorText.WithoutParameterName(error);
            var places = Word().Matches(message).Select(match => match.Value).Distinct()
                .Select(option => (Option: option, Key: KeyOf(option))).Where(found => found.Key is not null)
                .Select(found => $"{found.Option} is the key {found.Key}{(recipe.Has(found.Key!) ? $" ({recipe.Where(found.Key!)})" : "")}").ToList();
            throw new InvalidInputException(places.Count == 0 ? message : $"{message}{Environment.NewLine}{string.Join("; ", places)}.", error);
        }
    }

    // An option may be named with the options it stands in: Sampling.Generation.Temperature.
    private static string? KeyOf(string option) => Keys.GetValueOrDefault(option) ?? Keys.GetValueOrDefault(option[(option.LastIndexOf('.') + 1)..]);

    [GeneratedRegex(@"\b[A-Z][A-Za-z0-9]+(\.[A-Z][A-Za-z0-9]+)*\b")]
    private static partial Regex Word();
}
