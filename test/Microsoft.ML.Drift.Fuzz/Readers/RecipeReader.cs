using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Drift.Tool;
using Microsoft.ML.Drift.Tool.Recipes;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>A recipe in YAML or JSON, turned into the options of a run and of both trainers.</summary>
internal sealed partial class RecipeReader : Reader
{
    private const string Run = """
        # a recipe
        model_name_or_path: ./model
        beta: 0.1
        learning_rate: 5.0e-7
        loss_type: sigmoid
        dataset_mixer:
          a.jsonl: 1.0
          b.jsonl: 0.5
        lr_scheduler_type: "cosine"
        warmup_ratio: 0.1
        use_peft: true
        lora_target_modules: [q_proj, k_proj]
        lora_r: 8
        num_train_epochs: 1
        max_length: 1024
        eval_strategy: steps
        eval_steps: 10
        chat_template: |
          {{ messages }}
        drift:
          iterations: 2
          mode: guided
          temperature: 0.7
          near_copy_threshold: 0.9
        """;

    private const string Json = """{"beta": 0.2, "seed": 42, "optim": "adamw_torch", "adam_beta1": 0.9, "sync_ref_model": true, "ref_model_mixup_alpha": 0.6, "drift": {"trl_compatibility": true}, "hub_token": "hf_x", "lora_target_modules": ["all-linear"]}""";

    private static readonly string[] Dictionary =
    [
        "&a ", "*a", "<<: *a\n", "!!python/object/apply:os.system [id]\n", "!!binary aGk=", "!!float ", "!<tag:x> ", "---\n", "...\n", "%YAML 1.2\n", "%TAG ! x\n", "? ", ": ", "- ", "|\n", ">-\n", "\t", "'", "\"", "[", "]", "{", "}", ",", "#", "~", "null", "true", "yes", "1e999", "-0", "0x1F", "0o17", ".inf", ".nan", "1_000",
        "99999999999999999999", "2147483648", "\u0000", "\uFEFF", "\u0085", "\\ud800", "drift:\n  drift:\n    x: 1\n", "drift.mode: paper\n", "drift: *a\n", "beta: 1\n", "seed: 1.5\n", "max_length: -1\n", "unknown_key: 1\n", "eval_steps: 0\n", "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n",
        "&a [*a]", "model_name_or_path: &m {x: *m}\n", "dataset_mixer: {[1]: 2}\n", "dataset_mixer:\n  ? [a]\n  : 1\n", "lora_target_modules: {a: 1}\n", "loss_type: [sigmoid]\n", "max_steps: 1e18\n", "warmup_steps: -5\n", "drift.iterations: 2147483647\n", "bf16: maybe\n", "do_eval: false\n", "optimizer: rmsprop\n", "optim: rmsprop\n",
    ];

    private TextMutator _yaml = null!;
    private JsonMutator _json = null!;

    public override string Name => "recipe";

    public override double Share => 0.4;

    public override void Prepare(string folder)
    {
        _yaml = new([Run, Json], Words(), Dictionary);
        _json = new([Json], "\"guided\"", "\"paper\"", "\"no\"", "[\"a\",\"b\"]");
    }

    public override byte[] Next(FuzzRandom random)
    {
        if (random.Chance(2)) return TinyModel.Utf8(Deep(random));
        return random.Chance(75) ? _yaml.Next(random) : _json.Next(random);
    }

    public override void Read(byte[] input)
    {
        var text = Encoding.UTF8.GetString(input);
        var path = Path.Combine(Path.GetTempPath(), $"drift-fuzz-{Environment.ProcessId}.yaml");
        File.WriteAllText(path, text);
        try
        {
            var recipe = Recipe.Load(path, []);
            RunRecipe.Of(recipe, hasSeedPairs: true, hasHeldOutFile: false);
            TrainingRecipe.Dpo(recipe, evaluates: true);
            TrainingRecipe.Sft(recipe, evaluates: true, conversations: false);
            recipe.Shares("dataset_mixer");
            recipe.Verbatim("chat_template");
            recipe.WithoutEffect();
        }
        finally
        {
            File.Delete(path);
        }
    }

    public override bool IsPromised(Exception error) => error.GetType() == typeof(InvalidInputException);

    private static string Deep(FuzzRandom random)
    {
        var depth = random.Pick([50, 1000, 20_000]);
        return random.Below(4) switch
        {
            0 => "beta: " + new string('[', depth) + "1" + new string(']', depth),
            1 => "beta: " + string.Concat(Enumerable.Repeat("{a: ", depth)) + "1" + new string('}', depth),
            2 => string.Concat(Enumerable.Range(0, Math.Min(depth, 1500)).Select(i => $"{new string(' ', i)}a{i}:\n")),
            _ => "x: &a0 [l, l]\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"x{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n")) + "beta: *a40\n",
        };
    }

    [GeneratedRegex(@"\n *|\w+|""[^""]*""|[^\w\s]|[ \t]+")]
    private static partial Regex Words();
}
