using System.Text.Json;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Models.Formats;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

public sealed class LoraAdapterTests : IDisposable
{
    private const double LogitTolerance = 5e-5;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The recorded PEFT adapters and their base models.</summary>
    public static TheoryData<string, string> Recorded => new()
    {
        { "lora", "qwen2" },
        { "rslora", "qwen2" },
        { "dora", "qwen2" },
        { "lora_lm_head", "qwen2_untied" },
    };

    [Theory, Trait("Parity", "measured")]
    [MemberData(nameof(Recorded))]
    public void Load_RecordedAdapter_GivesPeftsLogitsAndGradients(string name, string baseName)
    {
        using var scope = NewDisposeScope();
        using var recorded = new RecordedModel(baseName);
        using var model = recorded.Load();
        var folder = Golden.Folder("hf", "peft", name);
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        var mask = recorded["attention_mask"];
        model.LoadAdapter(folder);

        var logits = Logits(model, recorded);
        var completions = (RecordedModel.NextLogProbs(logits, recorded["input_ids"]) * RecordedModel.CompletionMask(mask)).sum(1);
        completions.sum().backward();

        Assert.InRange(RecordedModel.Difference(logits * mask.unsqueeze(-1), expected.Read("logits") * mask.unsqueeze(-1)), 0, LogitTolerance);
        Assert.InRange(RecordedModel.Difference(completions, expected.Read("completion_logps")), 0, 2e-4);
        using var gradients = SafetensorsFile.Open(Path.Combine(folder, "grads.safetensors"));
        Assert.Equal(gradients.Names.Order(), model.Decoder.TrainableTensors.Select(slice => slice.Name).Order());
        foreach (var slice in model.Decoder.TrainableTensors)
        {
            var gradient = gradients.Read(slice.Name);
            var (difference, largest) = (RecordedModel.Difference(slice.GradientView()!, gradient), gradient.abs().max().item<float>());
            Assert.True(difference <= 5e-5 * largest, $"{slice.Name}: {difference}");
            ParityPage.Add("Adapters", name, "gradients", difference / Math.Max(largest, 1e-30), 5e-5);
        }
        ParityPage.Add("Adapters", name, "logits", RecordedModel.Difference(logits * mask.unsqueeze(-1), expected.Read("logits") * mask.unsqueeze(-1)), LogitTolerance);
        ParityPage.Add("Adapters", name, "completions", RecordedModel.Difference(completions, expected.Read("completion_logps")), 2e-4);
        Assert.All(model.Decoder.parameters(), parameter => Assert.True(parameter.grad is null));

        // Switched off, the model is the base model.
        model.Decoder.Adapter!.Enabled = false;
        Assert.InRange(RecordedModel.Difference(Logits(model, recorded) * mask.unsqueeze(-1), recorded["logits"]), 0, LogitTolerance);
    }

    [Fact]
    public void LoadModel_FromAnAdaptersFolder_TakesTheBaseItNames()
    {
        using var model = CausalLM.Load(Golden.Folder("hf", "peft", "rslora"));

        Assert.Equal(8, model.Decoder.Adapter!.Tensors.Count());
    }

    [Fact]
    public void LoadModel_AdapterOfAMissingBase_SaysWhichIsMissing()
    {
        File.WriteAllText(_folder.File("adapter_config.json"), """{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "base_model_name_or_path": "someone/model"}""");

        Assert.Contains("someone/model", Assert.Throws<DirectoryNotFoundException>(() => CausalLM.Load(_folder.Path)).Message);
    }

    [Theory, Trait("Parity", "measured")]
    [MemberData(nameof(Recorded))]
    public void Merge_RecordedAdapter_GivesPeftsWeights(string name, string baseName)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var recorded = new RecordedModel(baseName);
        using var model = recorded.Load();
        var folder = Golden.Folder("hf", "peft", name);
        using var merged = SafetensorsFile.Open(Path.Combine(folder, "merged.safetensors"));
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        var mask = recorded["attention_mask"];
        model.LoadAdapter(folder);

        Assert.InRange(model.MergeAdapter(), 0, 5e-5);

        Assert.Null(model.Decoder.Adapter);
        foreach (var tensor in merged.Names)
        {
            var difference = RecordedModel.Difference(model.Decoder.Tensors[tensor].View(), merged.Read(tensor));
            Assert.InRange(difference, 0, 1e-6);
            ParityPage.Add("Adapters", name, "merged weights", difference, 1e-6);
        }
        ParityPage.Add("Adapters", name, "merged logits", RecordedModel.Difference(Logits(model, recorded) * mask.unsqueeze(-1), expected.Read("logits") * mask.unsqueeze(-1)), LogitTolerance);
        Assert.InRange(RecordedModel.Difference(Logits(model, recorded) * mask.unsqueeze(-1), expected.Read("logits") * mask.unsqueeze(-1)), 0, LogitTolerance);
    }

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Save_RecordedAdapter_KeepsItByteForByte(string name, string baseName)
    {
        using var recorded = new RecordedModel(baseName);
        using var model = recorded.Load();
        var folder = Golden.Folder("hf", "peft", name);
        model.LoadAdapter(folder);

        model.SaveAdapter(_folder.File("adapter"));

        foreach (var file in new[] { "adapter_config.json", "adapter_model.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, file)), File.ReadAllBytes(Path.Combine(_folder.File("adapter"), file)));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void AddAdapter_Fresh_ChangesNothingUntilTrained(bool dora, bool rsLora)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        var before = Logits(model);
        model.AddAdapter(new() { Rank = 2, Alpha = 8, UseDora = dora, UseRsLora = rsLora, ModulesToSave = ["lm_head"] }, seed: 1);

        Assert.InRange(RecordedModel.Difference(before, Logits(model)), 0, 1e-6);
        Assert.All(model.Decoder.parameters(), parameter => Assert.False(parameter.requires_grad));
        // 2 layers of 7 matrices, each with A and B (and m); and the copy of lm_head.
        Assert.Equal(2 * 7 * (dora ? 3 : 2) + 1, model.Decoder.TrainableTensors.Count());

        Train(model);
        Assert.NotEqual(0, RecordedModel.Difference(before, Logits(model)));
        model.Decoder.Adapter!.Enabled = false;
        Assert.Equal(0, RecordedModel.Difference(before, Logits(model)));
    }

    [Fact]
    public void SaveAdapter_Trained_LoadsAgainAndMerges()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        using var other = TinyModels.Create();
        model.AddAdapter(new() { Rank = 2, TargetModules = ["q_proj", "mlp.down_proj"], UseDora = true }, seed: 1);
        Train(model);
        var trained = Logits(model);

        model.SaveAdapter(_folder.File("adapter"));
        other.LoadAdapter(_folder.File("adapter"));
        using var clone = other.Clone();
        Assert.Equal(0, RecordedModel.Difference(trained, Logits(other)));
        Assert.Equal(0, RecordedModel.Difference(trained, Logits(clone)));

        other.MergeAdapter();
        other.Save(_folder.File("merged"));
        using var merged = CausalLM.Load(_folder.File("merged"));
        Assert.InRange(RecordedModel.Difference(trained, Logits(merged)), 0, 1e-5);

        model.RemoveAdapter();
        using var untouched = TinyModels.Create();
        Assert.Equal(0, RecordedModel.Difference(Logits(untouched), Logits(model)));
        Assert.All(model.Decoder.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Fact]
    public void TrainingForward_Checkpointed_GivesTheAdaptersGradients()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        model.AddAdapter(new() { Rank = 2 }, seed: 1);
        Train(model);
        Tensor[] Gradients(bool checkpoint)
        {
            foreach (var slice in model.Decoder.TrainableTensors) slice.Parameter.grad?.zero_();
            var pass = model.Decoder.TrainingForward(new PackedSequences([new(new[] { 3, 4, 5 })], CPU), checkpoint);
            model.Decoder.Logits(pass.Hidden).square().mean().backward();
            pass.Backward();
            return [.. model.Decoder.TrainableTensors.Select(slice => slice.Parameter.grad!.clone())];
        }

        foreach (var (plain, checkpointed) in Gradients(false).Zip(Gradients(true)))
            Assert.InRange(RecordedModel.Difference(plain, checkpointed), 0, 1e-7);
    }

    [Fact]
    public void Merge_CopyOfATiedModule_IsRefusedAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Create();
        model.AddAdapter(new() { ModulesToSave = ["lm_head"] }, seed: 1);
        var before = Logits(model);

        Assert.Contains("untying", Assert.Throws<InvalidOperationException>(() => model.MergeAdapter()).Message);
        Assert.Equal(0, RecordedModel.Difference(before, Logits(model)));
    }

    [Fact]
    public void SaveAndAdd_WithAnAdapter_AreRefused()
    {
        using var model = TinyModels.Create();
        Assert.Throws<InvalidOperationException>(() => model.SaveAdapter(_folder.Path));
        model.AddAdapter(new(), seed: 1);

        Assert.Contains("MergeAdapter", Assert.Throws<InvalidOperationException>(() => model.Save(_folder.File("model"))).Message);
        Assert.Throws<InvalidOperationException>(() => model.AddAdapter(new(), seed: 1));
    }

    [Fact]
    public void AddAdapter_BadOptions_NamesAllOfThem()
    {
        using var model = TinyModels.Create();

        var error = Assert.Throws<ArgumentException>(() => model.AddAdapter(new() { Rank = 0, Alpha = -1, ModulesToSave = ["norm"] }, seed: 1));
        Assert.Contains("Rank is 0", error.Message);
        Assert.Contains("Alpha is -1", error.Message);
        Assert.Contains("ModulesToSave names \"norm\"", error.Message);
        Assert.Contains("w_proj", Assert.Throws<ArgumentException>(() => model.AddAdapter(new() { TargetModules = ["w_proj"] }, seed: 1)).Message);
    }

    [Theory]
    [InlineData("\"use_qalora\": true", "\"use_qalora\": true is a field")]
    [InlineData("\"peft_type\": \"IA3\"", "\"peft_type\" is \"IA3\"; allowed is LORA")]
    [InlineData("\"bias\": \"all\"", "\"bias\" is \"all\"; allowed is none")]
    [InlineData("\"init_lora_weights\": \"pissa\"", "change the base model's weights")]
    [InlineData("\"r\": 0", "\"r\" is 0")]
    [InlineData("\"layer_replication\": [[0, 1]]", "\"layer_replication\"")]
    public void ParseConfiguration_BadField_NamesIt(string field, string message)
    {
        var good = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>("""{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}""")!;
        foreach (var change in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>($"{{{field}}}")!) good[change.Key] = change.Value;

        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => LoraConfiguration.Parse(JsonSerializer.Serialize(good), "adapter_config.json")).Message);
    }

    [Fact]
    public void ParseConfiguration_Patterns_DecidePerModule()
    {
        var config = LoraConfiguration.Parse("""
            {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ".*\\.(q|v)_proj", "exclude_modules": ["layers.1.self_attn.v_proj"],
             "layers_to_transform": [0, 1], "rank_pattern": {"layers.1.self_attn.q_proj": 2}, "alpha_pattern": {"v_proj": 2}}
            """, "adapter_config.json");

        Assert.True(config.Targets("model.layers.0.self_attn.v_proj"));
        Assert.False(config.Targets("model.layers.1.self_attn.v_proj"));    // excluded
        Assert.False(config.Targets("model.layers.2.self_attn.q_proj"));    // another layer
        Assert.False(config.Targets("model.layers.0.self_attn.k_proj"));
        Assert.Equal(2, config.ScaleOf("model.layers.0.self_attn.q_proj"));     // 8 / 4
        Assert.Equal(4, config.ScaleOf("model.layers.1.self_attn.q_proj"));     // 8 / 2
        Assert.Equal(0.5, config.ScaleOf("model.layers.0.self_attn.v_proj"));   // 2 / 4
    }

    private static void Train(CausalLM model)
    {
        using var scope = NewDisposeScope();
        Logits(model).square().mean().backward();
        foreach (var step in new[] { 0, 1 })   // A moves only once B has
        {
            using var _ = no_grad();
            foreach (var slice in model.Decoder.TrainableTensors) slice.Parameter.sub_(slice.Parameter.grad! * 0.5);
            using var __ = enable_grad();
            if (step == 0) Logits(model).square().mean().backward();
        }
    }

    private static Tensor Logits(CausalLM model, RecordedModel recorded)
    {
        var mask = AttentionMask.Causal(recorded["attention_mask"]);
        return model.Decoder.Logits(model.Decoder.forward(recorded["input_ids"], mask.Positions, mask));
    }

    private static Tensor Logits(CausalLM model)
    {
        var mask = AttentionMask.Causal(ones(1, 3));
        return model.Decoder.Logits(model.Decoder.forward(tensor(new long[,] { { 3, 4, 5 } }), mask.Positions, mask));
    }
}
