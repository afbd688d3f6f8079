using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SoundJson = Microsoft.ML.Drift.Data.SoundJson;

namespace Microsoft.ML.Drift.Models;

/// <summary>PEFT's adapter_config.json: which modules are adapted, and how.</summary>
internal sealed record LoraConfiguration
{
    public const string FileName = "adapter_config.json";
    private const string AllLinear = "all-linear";

    /// <summary>The file's content, as it was read or as it will be saved.</summary>
    public required string Json { get; init; }

    public required int Rank { get; init; }
    public required double Alpha { get; init; }
    public bool UseRsLora { get; init; }
    public bool UseDora { get; init; }
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>The share of inputs set to 0 in training, in [0, 1).</summary>
    public double Dropout { get; init; }

    /// <summary>The base model's path or name, as the file gives it.</summary>
    public string? BaseModel { get; init; }

    private Func<string, bool> IsTarget { get; init; } = _ => false;
    private IReadOnlyList<(Func<string, bool> Fits, double Value)> Ranks { get; init; } = [];
    private IReadOnlyList<(Func<string, bool> Fits, double Value)> Alphas { get; init; } = [];

    /// <summary>Whether a linear module, such as <c>model.layers.0.self_attn.q_proj</c>, is adapted.</summary>
    public bool Targets(string module) => IsTarget(module);

    public int RankOf(string module) => (int)Value(Ranks, module, Rank);

    /// <summary>The factor on B·A.</summary>
    public double ScaleOf(string module)
    {
        var (rank, alpha) = (RankOf(module), Value(Alphas, module, Alpha));
        return UseRsLora ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    public static LoraConfiguration From(LoraOptions options, string? baseModel)
    {
        var json = new JsonObject
        {
            ["base_model_name_or_path"] = baseModel,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["lora_alpha"] = options.Alpha == Math.Floor(options.Alpha) ? JsonValue.Create((long)options.Alpha) : JsonValue.Create(options.Alpha),
            ["lora_dropout"] = options.Dropout,
            ["modules_to_save"] = options.ModulesToSave.Count == 0 ? null : new JsonArray([.. options.ModulesToSave.Select(name => JsonValue.Create(name))]),
            ["peft_type"] = "LORA",
            ["r"] = options.Rank,
            ["target_modules"] = options.TargetModules.Count == 0 ? AllLinear : new JsonArray([.. options.TargetModules.Select(name => JsonValue.Create(name))]),
            ["task_type"] = "CAUSAL_LM",
            ["use_dora"] = options.UseDora,
            ["use_rslora"] = options.UseRsLora,
        };
        return Parse(json.ToJsonString(new() { WriteIndented = true }) + "\n", FileName);
    }

    public static LoraConfiguration Parse(string json, string where)
    {
        using var document = SoundJson.Parse(json, where);
        return Read(json, new ConfigurationReader(document.RootElement, where));
    }

    private static LoraConfiguration Read(string json, ConfigurationReader config)
    {
        if (config.OptionalText("peft_type") != "LORA") throw config.Found("peft_type", "LORA");
        if (config.OptionalText("task_type") is not (null or "CAUSAL_LM")) throw config.Found("task_type", "CAUSAL_LM");
        if (config.OptionalText("bias") is not (null or "none")) throw config.Found("bias", "none: adapters that train biases are not implemented");
        RefuseInitThatChangesTheBase(config);
        var configuration = new LoraConfiguration
        {
            Json = json,
            Rank = config.Size("r"),
            Alpha = config.Positive("lora_alpha"),
            UseRsLora = config.Flag("use_rslora"),
            UseDora = config.Flag("use_dora"),
            Dropout = config.Number("lora_dropout", absent: 0),
            BaseModel = config.OptionalText("base_model_name_or_path"),
            ModulesToSave = config.OptionalTexts("modules_to_save") ?? [],
            IsTarget = ReadTargets(config),
            Ranks = ReadPatterns(config, "rank_pattern", value => value is >= 1 and <= int.MaxValue && value == Math.Floor(value), "whole numbers of at least 1"),
            Alphas = ReadPatterns(config, "alpha_pattern", value => value > 0, "numbers greater than 0"),
        };
        if (!(configuration.Dropout is >= 0 and < 1)) throw config.Found("lora_dropout", "a number from 0 to below 1");
        if (configuration.ModulesToSave.Any(name => name is not ("lm_head" or "embed_tokens"))) throw config.Found("modules_to_save", "lm_head, embed_tokens or both");
        config.RefuseUnread(IsNeutral);
        return configuration;
    }

    private static Func<string, bool> ReadTargets(ConfigurationReader config)
    {
        var included = ReadMatcher(config, "target_modules") ?? throw config.Problem("\"target_modules\" is missing.");
        var excluded = ReadMatcher(config, "exclude_modules");
        var layers = config.Integers("layers_to_transform");
        if (layers.Length > 0 && config.Has("layers_pattern")) throw config.Found("layers_pattern", "null");
        return module => included(module) && excluded?.Invoke(module) != true && (layers.Length == 0 || (LayerOf(module) is { } layer && layers.Contains(layer)));
    }

    // A list names the ends of module names; one text is a regular expression for the whole name.
    private static Func<string, bool>? ReadMatcher(ConfigurationReader config, string field)
    {
        if (!config.Has(field)) return null;
        if (config.IsText(field))
        {
            var text = config.OptionalText(field)!;
            if (text == AllLinear) return module => module != "lm_head";
            return ModulePattern.Parse(config, field, text, part: false);
        }
        var names = config.OptionalTexts(field)!;
        return module => names.Any(name => module == name || module.EndsWith("." + name, StringComparison.Ordinal));
    }

    private static int? LayerOf(string module) =>
        Regex.Match(module, @"\.layers\.(\d+)\.") is { Success: true } match ? int.Parse(match.Groups[1].Value) : null;

    // PEFT: the first pattern that is the end of the name, beginning at a dot.
    private static double Value(IReadOnlyList<(Func<string, bool> Fits, double Value)> patterns, string module, double otherwise)
    {
        foreach (var (fits, value) in patterns)
            if (fits(module)) return value;
        return otherwise;
    }

    private static (Func<string, bool> Fits, double Value)[] ReadPatterns(ConfigurationReader config, string field, Func<double, bool> isAllowed, string allowed)
    {
        var patterns = config.Nested(field)?.Numbers() ?? [];
        if (!Array.TrueForAll(patterns, pattern => isAllowed(pattern.Value))) throw config.Found(field, $"an object of module patterns and {allowed}");
        return [.. patterns.Select(pattern => (ModulePattern.Parse(config, field, pattern.Name, part: true), pattern.Value))];
    }

    // PiSSA and its like start from a changed base model, which the adapter alone does not give back.
    private static void RefuseInitThatChangesTheBase(ConfigurationReader config)
    {
        if (config.IsText("init_lora_weights") && config.OptionalText("init_lora_weights") is not ("gaussian" or "eva" or "orthogonal"))
            throw config.Found("init_lora_weights", "true, false, gaussian, eva or orthogonal; other starts change the base model's weights");
    }

    // PEFT's features are opt-in: off is false, null or empty. The rest concerns training or other programs.
    private static bool IsNeutral(string name, JsonElement value) =>
        name is "inference_mode" or "init_lora_weights" or "megatron_core" or "peft_version" or "revision" or "auto_mapping" or "qalora_group_size"
        || value.ValueKind == JsonValueKind.False
        || (value.ValueKind == JsonValueKind.Object && !value.EnumerateObject().Any())
        || (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);
}
