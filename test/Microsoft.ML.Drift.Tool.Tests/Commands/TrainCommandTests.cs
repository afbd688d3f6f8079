using System.Text.Json.Nodes;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

public sealed class TrainCommandTests(ModelFixture models) : CommandTest(models)
{
    private static readonly string[] Recipe =
        ["learning_rate: 1.0e-3", "lr_scheduler_type: constant", "per_device_train_batch_size: 2", "num_train_epochs: 2", "rpo_alpha: 0.001", "push_to_hub: true", "drift: {shuffle: false}"];

    private string[] Command(string output, params string[] more) =>
        ["train", "--recipe", Write("recipe.yaml", Recipe), "--pairs", Write("pairs.jsonl", PairRows), "--model", Models.Model, "--output", At(output), .. more];

    [Fact]
    public async Task Train_Pairs_LeavesFolderZipMetricsAndEvents_AndTheModelLearned()
    {
        var outcome = await Succeed(Command("out", "--eval-pairs", Write("test.jsonl", PairRows[..2])));

        foreach (var name in new[] { "config.json", "model.safetensors", "tokenizer.json", "model.zip", "metrics.jsonl" }) Assert.True(File.Exists(At($"out/{name}")), name);
        Assert.NotEmpty(Directory.GetFiles(At("out/runs"), "events.out.tfevents.*"));
        var steps = Read("out/metrics.jsonl").Where(row => row["loss"] is not null).ToArray();
        // Four rows, two a step, two epochs; an evaluation after each.
        Assert.Equal([1, 2, 3, 4], steps.Select(row => (int)row["step"]!));
        Assert.Equal(2, Read("out/metrics.jsonl").Count(row => row["eval_loss"] is not null));
        Assert.Equal(1e-3, (double)steps[3]["learning_rate"]!);
        Assert.True((double)steps[3]["rewards/margins"]! > 0);
        foreach (var key in new[] { "epoch", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "logps/chosen", "logps/rejected", "logits/chosen", "logits/rejected", "nll_loss",
            "drift/sigma", "drift/share_above_tau", "drift/delta_logps_chosen", "drift/delta_logps_rejected", "tokens", "seconds", "tokens_per_second", "peak_memory_bytes" })
            Assert.NotNull(steps[0][key]);
        Assert.Contains("push_to_hub: models are written to local folders; nothing is uploaded", outcome.Errors);
        // The reference sees four pairs and two held-out ones before the first step.
        foreach (var line in new[] { "Preparing: 6/6 in ", "Training: 4/4 in ", "Evaluating: 2/2 in " }) Assert.Contains(line, outcome.Errors);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public async Task Train_FolderAndZip_AnswerAlike()
    {
        await Succeed(Command("out"));
        var prompt = Write("prompt.jsonl", """{"prompt":[{"role":"user","content":"say a"}]}""");
        string[] generate = ["generate", "--temperature", "0", "--max-new-tokens", "8", "--ignore-eos", "--input", prompt];

        await Succeed([.. generate, "--model", At("out"), "--output", At("folder.jsonl")]);
        await Succeed([.. generate, "--model", At("out/model.zip"), "--output", At("zip.jsonl")]);

        Assert.Equal(File.ReadAllText(At("folder.jsonl")), File.ReadAllText(At("zip.jsonl")));
    }

    [Fact]
    public async Task Train_RecipeAlone_TakesModelDataAndFolderFromIt()
    {
        Directory.CreateDirectory(At("data"));
        Write("data/train.jsonl", PairRows);
        Write("data/test.jsonl", PairRows[..1]);
        var recipe = Write("recipe.yaml", [.. Recipe[..^1], $"model_name_or_path: {Models.Model}", $"output_dir: {At("out")}", "do_eval: true", "eval_strategy: epoch",
            "dataset_mixer:", $"  {At("data")}: 0.5", "dataset_splits: [train, test]"]);

        await Succeed("train", "--recipe", recipe);

        // Half of four rows, two a step, two epochs.
        Assert.Equal(2, Read("out/metrics.jsonl").Count(row => row["loss"] is not null));
        Assert.Equal(2, Read("out/metrics.jsonl").Count(row => row["eval_loss"] is not null));
    }

    [Fact]
    public async Task Train_DoEvalFalse_DoesNotEvaluate()
    {
        await Succeed(Command("out", "--eval-pairs", Write("test.jsonl", PairRows[..2]), "--set", "do_eval=false"));

        Assert.DoesNotContain(Read("out/metrics.jsonl"), row => row["eval_loss"] is not null);
    }

    [Fact]
    public async Task Train_MixerNamesAMissingFolder_NamesTheLine()
    {
        var recipe = Write("recipe.yaml", $"model_name_or_path: {Models.Model}", $"output_dir: {At("out")}", "dataset_mixer: {nowhere: 1.0}");

        Assert.Contains($"{recipe}, line 3: 'dataset_mixer' names 'nowhere'", await Refused("train", "--recipe", recipe));
    }

    [Fact]
    public async Task Train_SameCommandAgain_LeavesTheSameModel_OtherSettingsAreRefusedByName()
    {
        await Succeed(Command("out", "--set", "max_steps=1"));
        var before = File.ReadAllBytes(At("out/model.safetensors"));
        var metrics = File.ReadAllText(At("out/metrics.jsonl"));

        await Succeed(Command("out", "--set", "max_steps=1"));
        Assert.Equal(before, File.ReadAllBytes(At("out/model.safetensors")));
        Assert.Equal(metrics, File.ReadAllText(At("out/metrics.jsonl")));

        Assert.Contains("MaximumSteps was 1 and now is null", await Refused(Command("out")));
        Assert.Equal(before, File.ReadAllBytes(At("out/model.safetensors")));
    }

    [Fact]
    public async Task Train_OverwriteOrRestart_BeginsAnew_RestartKeepsTheOldFolder()
    {
        await Succeed(Command("out", "--set", "max_steps=1"));
        var before = File.ReadAllBytes(At("out/model.safetensors"));

        await Succeed(Command("out", "--overwrite"));
        Assert.NotEqual(before, File.ReadAllBytes(At("out/model.safetensors")));
        var outcome = await Succeed(Command("out", "--set", "max_steps=1", "--restart"));
        Assert.Equal(before, File.ReadAllBytes(At("out/model.safetensors")));
        var old = Assert.Single(Directory.GetDirectories(Folder, "out.2*"));
        Assert.True(File.Exists(Path.Combine(old, "model.zip")));
        Assert.Contains(old, outcome.Errors);
        Assert.Contains("say one", await Refused(Command("out", "--restart", "--overwrite")));
    }

    [Fact]
    public async Task Train_FolderWithSomebodysModel_IsOverwrittenOnlyOnRequest()
    {
        TinyModelFolder.Write(At("out"), seed: 3);

        Assert.Contains("already holds a model", await Refused(Command("out")));

        await Succeed(Command("out", "--overwrite"));
    }

    [Theory]
    [InlineData("save_steps=1", "save_total_limit=3", 3)]
    [InlineData("drift.checkpoint_minutes=0", "save_total_limit=2", 2)]
    [InlineData("save_steps=3", "drift.checkpoint_minutes=5", 2)]
    public async Task Train_CheckpointKeys_DecideWhatIsLeft(string first, string second, int left)
    {
        await Succeed(Command("out", "--set", first, "--set", second));

        Assert.Equal(left, Directory.GetDirectories(At("out/checkpoints")).Length);
    }

    [Fact]
    public async Task Train_SkipNonFiniteSteps_IsCounted()
    {
        string[] exploding = ["--set", "learning_rate=1.0e30", "--set", "max_grad_norm=0"];

        var failed = await Run(Command("out", exploding));
        Assert.Equal(ExitCodes.Failed, failed.ExitCode);
        Assert.Contains("The weights are those after step", failed.Errors);
        await Succeed(Command("skipped", [.. exploding, "--set", "drift.skip_non_finite_steps=true"]));
        Assert.True((double)Read("skipped/metrics.jsonl")[^1]["skipped_steps"]! >= 1);
    }

    [Fact]
    public async Task Train_OntoTheModelItself_IsRefused() =>
        Assert.Contains("this is the model to train", await Refused("train", "--pairs", Write("pairs.jsonl", PairRows), "--model", Models.Model, "--output", Models.Model, "--overwrite"));

    [Fact]
    public async Task Train_BadValue_NamesKeyAndPlace()
    {
        var message = await Refused(Command("out", "--set", "learning_rate=-1"));

        Assert.Contains("LearningRate is -1; it must be at least 0 and finite.", message);
        Assert.Contains("LearningRate is the key learning_rate (--set learning_rate)", message);
        Assert.False(Directory.Exists(At("out")));
    }

    [Fact]
    public async Task Train_BadRow_NamesFileAndLineAndField()
    {
        var pairs = Write("bad.jsonl", PairRows[0], """{"prompt":[{"role":"user","content":"x"}],"chosen":5,"rejected":"b"}""");

        var message = await Refused("train", "--pairs", pairs, "--model", Models.Model, "--output", At("out"));

        Assert.Contains("bad.jsonl, line 2", message);
        Assert.Contains("chosen", message);
        Assert.False(File.Exists(At("out/model.zip")));
    }

    [Fact]
    public async Task Train_Lora_LeavesAnAdapterAndTheMergedModel()
    {
        await Succeed(Command("out", "--set", "use_peft=true", "--set", "lora_r=2", "--set", "lora_alpha=4", "--set", "lora_target_modules=[q_proj, v_proj]"));

        Assert.Equal(2, (int)JsonNode.Parse(File.ReadAllText(At("out/adapter/adapter_config.json")))!["r"]!);
        var prompt = Write("prompt.jsonl", """{"prompt":"say a"}""");
        string[] generate = ["generate", "--temperature", "0", "--max-new-tokens", "6", "--ignore-eos", "--input", prompt];
        await Succeed([.. generate, "--model", At("out"), "--output", At("merged.jsonl")]);
        await Succeed([.. generate, "--model", Models.Model, "--adapter", At("out/adapter"), "--output", At("adapted.jsonl")]);
        Assert.Equal(Ids(Read("merged.jsonl")[0]["output_ids"]!), Ids(Read("adapted.jsonl")[0]["output_ids"]!));
    }

    [Fact]
    public async Task Train_Reference_IsWhatRewardsAreMeasuredAgainst()
    {
        await Succeed(Command("own", "--set", "max_steps=1"));
        await Succeed(Command("other", "--set", "max_steps=1", "--reference", Models.OtherModel));

        Assert.Equal(0, (double)Read("own/metrics.jsonl")[0]["rewards/chosen"]!);
        Assert.NotEqual(0, (double)Read("other/metrics.jsonl")[0]["rewards/chosen"]!);
    }

    [Fact]
    public async Task Train_Sft_TrainsOnCompletions()
    {
        var rows = Write("sft.jsonl", """{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"bb"}]}""", """{"prompt":[{"role":"user","content":"b"}],"completion":[{"role":"assistant","content":"cc"}]}""");

        var outcome = await Succeed("train", "--method", "sft", "--pairs", rows, "--model", Models.Model, "--output", At("out"), "--set", "learning_rate=1e-2", "--set", "max_steps=5", "--set", "beta=0.2");

        var losses = Read("out/metrics.jsonl").Select(row => (double)row["loss"]!).ToArray();
        Assert.Equal(5, losses.Length);
        Assert.True(losses[^1] < losses[0]);
        Assert.Contains("beta: this command and method do not use it", outcome.Errors);
    }

    [Fact]
    public async Task Train_SftConversations_AssistantOnlyLossDecidesWhatIsTrained()
    {
        var rows = Write("chats.jsonl", """{"messages":[{"role":"user","content":"a long question"},{"role":"assistant","content":"b"}]}""");
        string[] command = ["train", "--method", "sft", "--pairs", rows, "--model", Models.Model, "--set", "max_steps=1"];

        await Succeed([.. command, "--output", At("answers"), "--set", "assistant_only_loss=true"]);
        await Succeed([.. command, "--output", At("all"), "--set", "assistant_only_loss=false"]);

        Assert.NotEqual((double)Read("answers/metrics.jsonl")[0]["loss"]!, (double)Read("all/metrics.jsonl")[0]["loss"]!);
    }

    [Fact]
    public async Task Train_SftWithReference_IsRefused() => Assert.Contains("--reference", await Refused(Command("out", "--method", "sft", "--reference", Models.OtherModel)));

    [Fact]
    public async Task Train_ChatTemplateOfTheRecipe_IsUsedAndSaved()
    {
        const string template = "{% for message in messages %}[{{ message['content'] }}]{% endfor %}";

        await Succeed(Command("out", "--set", "max_steps=1", "--set", $"chat_template=\"{template}\""));

        await Succeed("render", "--model", At("out"), "--input", Write("in.jsonl", """{"messages":[{"role":"user","content":"hi"}]}"""), "--output", At("text.jsonl"));
        Assert.Equal("[hi]", (string)Read("text.jsonl")[0]["text"]!);
    }

    // Each key that the table of used keys names must change what is trained, written or measured.
    [Theory]
    [InlineData("beta=0.5")]
    [InlineData("rpo_alpha=1")]
    [InlineData("loss_type=hinge")]
    [InlineData("label_smoothing=0.2")]
    [InlineData("f_divergence_type=js_divergence")]
    [InlineData("use_weighting=true")]
    [InlineData("ld_alpha=0.5")]
    [InlineData("reference_free=true", "loss_type=apo_zero")]
    [InlineData("sync_ref_model=true", "ref_model_sync_steps=1")]
    [InlineData("learning_rate=2e-3")]
    [InlineData("lr_scheduler_type=cosine")]
    [InlineData("warmup_ratio=0.5", "lr_scheduler_type=constant_with_warmup")]
    [InlineData("warmup_steps=2", "lr_scheduler_type=linear")]
    [InlineData("optim=adamw_torch")]
    [InlineData("adam_beta1=0.5", "optim=adamw_torch")]
    [InlineData("adam_beta2=0.5", "optim=adamw_torch")]
    [InlineData("adam_epsilon=0.1", "optim=adamw_torch")]
    [InlineData("weight_decay=0.5")]
    [InlineData("max_grad_norm=0.01")]
    [InlineData("num_train_epochs=1")]
    [InlineData("max_steps=3")]
    [InlineData("per_device_train_batch_size=4")]
    [InlineData("gradient_accumulation_steps=2")]
    [InlineData("bf16=true")]
    [InlineData("max_length=8", "max_prompt_length=4")]
    [InlineData("max_prompt_length=3")]
    [InlineData("max_completion_length=2")]
    [InlineData("truncation_mode=keep_end", "max_length=12", "max_prompt_length=10")]
    [InlineData("use_peft=true")]
    [InlineData("lora_r=3", "use_peft=true")]
    [InlineData("lora_alpha=3", "use_peft=true")]
    [InlineData("lora_target_modules=[q_proj]", "use_peft=true")]
    [InlineData("lora_modules_to_save=[lm_head]", "use_peft=true")]
    [InlineData("use_rslora=true", "use_peft=true")]
    [InlineData("use_dora=true", "use_peft=true")]
    [InlineData("drift.trl_compatibility=true", "rpo_alpha=1")]
    [InlineData("drift.shuffle=true", "seed=5")]
    public async Task Train_Key_ChangesTheTraining(string key, params string[] both)
    {
        await Succeed(Command("without", [.. both.SelectMany(setting => new[] { "--set", setting })]));
        var outcome = await Succeed(Command("with", [.. both.Append(key).SelectMany(setting => new[] { "--set", setting })]));

        Assert.NotEqual(Figures("without"), Figures("with"));
        Assert.DoesNotContain($"  {key[..key.IndexOf('=', StringComparison.Ordinal)]}: ", outcome.Errors);
    }

    private string[] Figures(string output)
    {
        string[] costs = ["seconds", "tokens_per_second", "peak_memory_bytes"];
        return [.. Read($"{output}/metrics.jsonl").Select(row => string.Join(" ", row.AsObject().Where(field => !costs.Contains(field.Key)).Select(field => $"{field.Key}={field.Value}")))];
    }

    [Theory]
    [InlineData("adam_beta1=0.5")]
    [InlineData("warmup_ratio=0.1")]
    [InlineData("lora_r=4")]
    [InlineData("discopop_tau=0.1")]
    [InlineData("f_alpha_divergence_coef=2")]
    [InlineData("precompute_ref_log_probs=true")]
    [InlineData("padding_free=true")]
    [InlineData("logging_steps=10")]
    [InlineData("eval_strategy=epoch")]
    [InlineData("drift.iterations=3")]
    [InlineData("completion_only_loss=true")]
    [InlineData("save_strategy=epoch")]
    public async Task Train_KeyWithoutEffectHere_IsToldWithItsReason(string setting) =>
        Assert.Contains($"  {setting[..setting.IndexOf('=', StringComparison.Ordinal)]}: ", (await Succeed(Command("out", "--set", "max_steps=1", "--set", setting))).Errors);

    [Theory]
    [InlineData("packing=true")]
    [InlineData("load_in_4bit=true")]
    [InlineData("dataloader_drop_last=true")]
    public async Task Train_KeyThatWouldChangeTheTraining_IsRefusedWithItsReason(string setting) =>
        Assert.Contains("it must be false: ", await Refused(Command("out", "--set", setting)));
}
