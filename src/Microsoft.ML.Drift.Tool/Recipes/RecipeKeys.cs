namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>One key a recipe may hold. A key with <see cref="IgnoredBecause"/> is accepted, has no effect, and is reported once.</summary>
internal sealed record RecipeKey(string Name, string? IgnoredBecause = null);

/// <summary>Every key a recipe may hold, in the words of TRL, transformers and the Alignment Handbook; ours are under <c>drift.</c></summary>
internal static class RecipeKeys
{
    private const string Hub = "models are written to local folders; nothing is uploaded";
    private const string Python = "concerns the Python process only";
    private const string OneProcess = "training runs in one process";
    private const string Checkpoints = "checkpoints are written every drift.checkpoint_minutes, and every save_steps steps where that is given";
    private const string Weights = "weights are trained and stored in float32, which updates of this size need; bf16 computes in bfloat16, and drift convert --dtype stores it";
    private const string Layout = "the decoder always computes in its fastest exact layout; results do not depend on it";

    private static readonly string[] Used =
    [
        // Model and data
        "model_name_or_path", "dataset_mixer", "dataset_splits", "output_dir", "do_eval", "chat_template",
        // Length
        "max_length", "max_prompt_length", "max_completion_length", "truncation_mode",
        // Loss
        "beta", "loss_type", "label_smoothing", "rpo_alpha", "f_divergence_type", "f_alpha_divergence_coef", "discopop_tau", "ld_alpha", "use_weighting",
        "reference_free", "sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps", "precompute_ref_log_probs", "use_logits_to_keep", "padding_free",
        // Optimization
        "learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps", "optim", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm",
        "num_train_epochs", "max_steps", "per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps", "gradient_checkpointing",
        "bf16", "seed", "eval_strategy", "eval_steps", "logging_steps", "save_steps", "save_total_limit",
        // Supervised fine-tuning
        "completion_only_loss", "assistant_only_loss",
        // Adapters
        "use_peft", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_modules_to_save", "use_rslora", "use_dora",
        // DRIFT
        "drift.iterations", "drift.mode", "drift.instruction", "drift.temperature", "drift.top_p", "drift.top_k", "drift.min_p", "drift.repetition_penalty",
        "drift.max_new_tokens", "drift.weights", "drift.max_prompt_tokens", "drift.sampling_batch_size", "drift.retries", "drift.near_copy_threshold", "drift.drop_unfinished",
        "drift.test_rows", "drift.select", "drift.seed_epochs", "drift.shuffle", "drift.trl_compatibility", "drift.checkpoint_minutes",
        "drift.skip_non_finite_steps",
    ];

    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal)
    {
        ["evaluation_strategy"] = "eval_strategy",
        ["learning_rate_scheduler_type"] = "lr_scheduler_type",
        ["optimizer"] = "optim",
        ["max_target_length"] = "max_completion_length",
    };

    private static readonly Dictionary<string, string> Ignored = new(StringComparer.Ordinal)
    {
        ["push_to_hub"] = Hub, ["hub_model_id"] = Hub, ["hub_strategy"] = Hub, ["hub_private_repo"] = Hub, ["hub_token"] = Hub, ["hub_model_revision"] = Hub,
        ["model_revision"] = Hub,
        ["trust_remote_code"] = "no code is ever loaded from a model folder",
        ["use_flash_attention_2"] = Layout, ["attn_implementation"] = Layout, ["group_by_length"] = "drift.shuffle decides the order of rows",
        ["report_to"] = "metrics.jsonl and TensorBoard events are always written; other services are not called",
        ["run_name"] = "no tracking service is called",
        ["preprocessing_num_workers"] = Python, ["dataset_num_proc"] = Python, ["dataloader_num_workers"] = Python, ["dataloader_pin_memory"] = Python,
        ["dataloader_prefetch_factor"] = Python, ["dataloader_persistent_workers"] = Python, ["remove_unused_columns"] = Python, ["torch_compile"] = Python,
        ["gradient_checkpointing_kwargs"] = "recomputation has one form here", ["overwrite_output_dir"] = "a finished output folder is never overwritten silently",
        ["log_level"] = "use --verbose", ["logging_strategy"] = "every step is logged", ["logging_first_step"] = "every step is logged", ["logging_dir"] = "events are written to the output folder",
        ["logging_nan_inf_filter"] = "a loss that is not finite stops the run, but with drift.trl_compatibility it is always filtered",
        ["save_strategy"] = Checkpoints, ["save_only_model"] = "a checkpoint without the optimizer could not be continued",
        ["torch_dtype"] = Weights, ["dtype"] = Weights, ["lora_task_type"] = Python, ["save_safetensors"] = "weights are always saved as safetensors",
        ["ddp_timeout"] = OneProcess, ["ddp_find_unused_parameters"] = OneProcess, ["deepspeed"] = OneProcess, ["fsdp"] = OneProcess, ["fsdp_config"] = OneProcess, ["local_rank"] = OneProcess,
        ["do_train"] = "train always trains", ["do_predict"] = "use drift generate",
        ["label_pad_token_id"] = "completion tokens are marked by a mask, not by a label", ["padding_value"] = "padding is masked and never trained",
        ["disable_dropout"] = "the decoder has no dropout", ["lr_scheduler_kwargs"] = "the schedules have no further settings", ["dataset_text_field"] = "rows hold messages, or prompt and completion",
        ["fp16"] = "float16 training is not offered; use bf16 or float32",
        ["force_use_ref_model"] = "the reference log-probs are computed once from the stage's start",
        ["ref_model_init_kwargs"] = Python, ["model_init_kwargs"] = Python, ["auto_insert_empty_system_msg"] = "the model's own template decides",
        ["tf32"] = "set by the device's own default", ["bf16_full_eval"] = "evaluation uses the training precision", ["data_seed"] = "seed decides the order of rows",
        ["resume_from_checkpoint"] = "an interrupted training or run continues by itself; --restart begins anew",
        ["skip_memory_metrics"] = "every step's memory is logged", ["include_tokens_per_second"] = "every step's speed is logged",
    };

    /// <summary>Keys that would change the training in a way that is not offered: only this value is accepted.</summary>
    public static IReadOnlyDictionary<string, (string Value, string Reason)> OnlyValue { get; } = new Dictionary<string, (string, string)>(StringComparer.Ordinal)
    {
        ["dataloader_drop_last"] = ("false", "the last, smaller batch is a full step"),
        ["packing"] = ("false", "each row is a sequence of its own"),
        ["eval_packing"] = ("false", "each row is a sequence of its own"),
        ["load_in_4bit"] = ("false", "weights are not quantized for training"),
        ["load_in_8bit"] = ("false", "weights are not quantized for training"),
        ["load_best_model_at_end"] = ("false", "'drift run' picks the best iteration with drift.select"),
    };

    /// <summary>Why a key that has a meaning had none in this command with these settings.</summary>
    public static string WhyUnused(string key) => key switch
    {
        "model_name_or_path" => "--model names the model",
        "output_dir" => "--output names the folder",
        "dataset_mixer" or "dataset_splits" => "the command line names the data",
        "chat_template" => "the model's own template is used",
        "adam_beta1" or "adam_beta2" or "adam_epsilon" => "the optimizer is not AdamW",
        "warmup_ratio" or "warmup_steps" => "a constant schedule has no warm-up, and warmup_steps wins over warmup_ratio",
        "num_train_epochs" => "max_steps is given",
        "eval_strategy" or "eval_steps" or "per_device_eval_batch_size" or "do_eval" => "nothing is evaluated at this setting",
        "logging_steps" => "every step is logged",
        "f_alpha_divergence_coef" => "f_divergence_type is not alpha_divergence",
        "discopop_tau" => "loss_type is not discopop",
        "ref_model_mixup_alpha" or "ref_model_sync_steps" => "sync_ref_model is not true",
        "precompute_ref_log_probs" => "the reference log-probs are always computed once",
        "use_logits_to_keep" or "padding_free" => Layout,
        "drift.seed_epochs" => "there are no seed pairs, or this is not drift run",
        "assistant_only_loss" => "it concerns --method sft with conversations",
        "completion_only_loss" => "it concerns --method sft with prompts and completions",
        "drift.test_rows" => "--eval-dsat names the held-out rows, or this is not drift run",
        _ when key.StartsWith("lora_", StringComparison.Ordinal) || key is "use_rslora" or "use_dora" => "use_peft is not true",
        _ when key.StartsWith("drift.", StringComparison.Ordinal) => "only drift run samples and iterates",
        _ => "this command and method do not use it",
    };

    private static readonly Dictionary<string, RecipeKey> ByName = Build();

    /// <summary>Every name a key may have.</summary>
    public static IEnumerable<string> Names => ByName.Keys;

    /// <summary>The key of this name or of one of its other names; null for an unknown one.</summary>
    public static RecipeKey? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The known name that needs the fewest edits.</summary>
    public static string Nearest(string name) => ByName.Keys.MinBy(known => (EditDistance(name, known), known))!;

    private static Dictionary<string, RecipeKey> Build()
    {
        var keys = Used.ToDictionary(name => name, name => new RecipeKey(name), StringComparer.Ordinal);
        foreach (var (name, (value, reason)) in OnlyValue) keys.Add(name, new RecipeKey(name, $"it is {value}, as always: {reason}"));
        foreach (var (name, reason) in Ignored) keys.Add(name, new RecipeKey(name, reason));
        foreach (var (other, name) in OtherNames) keys.Add(other, keys[name]);
        return keys;
    }

    private static int EditDistance(string left, string right)
    {
        var previous = new int[right.Length + 1];
        for (var column = 0; column <= right.Length; column++) previous[column] = column;
        for (var row = 1; row <= left.Length; row++)
        {
            var current = new int[right.Length + 1];
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var replace = previous[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1);
                current[column] = Math.Min(replace, Math.Min(previous[column], current[column - 1]) + 1);
            }
            previous = current;
        }
        return previous[^1];
    }
}
