using System.Text;
using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>config.json of every family; an accepted one is compared with a checkpoint, which builds the model without memory.</summary>
internal sealed class ConfigReader : Reader
{
    private JsonMutator _inputs = null!;

    public override string Name => "config";

    public override double Share => 0.5;

    protected override string Where => "config.json";

    public override void Prepare(string folder) => _inputs = new(TinyModel.Configurations.Concat(Recordings.Texts("hf", "config.json")),
        "4095", "4096", "4097", "131072", "\"llama\"", "\"qwen3_moe\"", "\"gemma3_text\"", "\"sliding_attention\"", "\"yarn\"", "\"longrope\"", "\"dynamic\"", "[\"full_attention\"]", "1e-30", "1e30");

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        var configuration = ModelConfiguration.Parse(Encoding.UTF8.GetString(input));
        DecoderWeights.Check(configuration.Specification, new NoTensors());
        Expect(false, "A checkpoint without tensors fits no model.");
    }

    private sealed class NoTensors : ITensorSource
    {
        public string Location => "config.json's checkpoint";
        public IReadOnlyCollection<string> Names => [];
        public bool Contains(string name) => false;
        public IReadOnlyList<long> Shape(string name) => throw new KeyNotFoundException(name);
        public string StoredType(string name) => throw new KeyNotFoundException(name);
        public torch.Tensor Read(string name, torch.ScalarType? dtype = null, torch.Device? device = null) => throw new KeyNotFoundException(name);
        public void ReadInto(string name, torch.Tensor destination) => throw new KeyNotFoundException(name);
        public void Dispose() { }
    }
}

/// <summary>generation_config.json.</summary>
internal sealed class GenerationConfigReader : Reader
{
    private readonly JsonMutator _inputs = new([TinyModel.Generation], "[1,2,3]", "[]", "1e-9", "\"max\"");

    public override string Name => "generation-config";

    protected override string Where => "generation_config.json";

    public override void Prepare(string folder) { }

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input) => GenerationDefaults.Parse(Encoding.UTF8.GetString(input), Where);
}

/// <summary>adapter_config.json beside an adapter's weights, attached to a model.</summary>
internal sealed class AdapterConfigReader : Reader
{
    private CausalLM _model = null!;
    private string _folder = "";
    private JsonMutator _inputs = null!;

    public override string Name => "adapter-config";

    public override double Share => 0.1;

    protected override string Where => LoraConfiguration.FileName;

    public override void Prepare(string folder)
    {
        _folder = Directory.CreateDirectory(Path.Combine(folder, "adapter")).FullName;
        _model = TinyModel.Create();
        _model.AddAdapter(new() { Rank = 2, Alpha = 4, TargetModules = ["q_proj", "down_proj"] }, seed: 1);
        _model.SaveAdapter(_folder);
        _model.RemoveAdapter();
        var config = File.ReadAllText(Path.Combine(_folder, LoraConfiguration.FileName));
        string[] seeds =
        [
            config, TinyModel.With(config, ("target_modules", "\".*(q|down)_proj\"")),
            TinyModel.With(config, ("rank_pattern", """{"q_proj":2}"""), ("alpha_pattern", """{"down.*":4}"""), ("layers_to_transform", "[0]"), ("exclude_modules", "[\"k_proj\"]"), ("modules_to_save", "null")),
        ];
        _inputs = new(seeds.Concat(Recordings.Texts("hf/peft", LoraConfiguration.FileName)),
            "\"(a*)*b\"", "\"(((((.*)*)*)*)*)*x\"", "\"[\"", "\"all-linear\"", "\"q_proj\"", "[\"q_proj\",\"down_proj\"]", "{\"(a|a)*$\":2}", "{\"q_proj\":2147483647}", "{\"[\":1}", "[\"lm_head\",\"embed_tokens\"]");
    }

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(Path.Combine(_folder, LoraConfiguration.FileName), input);
        try
        {
            _model.LoadAdapter(_folder);
            Base();
        }
        finally
        {
            if (_model.HasAdapter) _model.RemoveAdapter();
        }
    }

    // The base model that the file names: looked for on this machine, and never found here.
    private void Base()
    {
        try
        {
            Expect(!LoraAdapter.BaseFolder(_folder, new()).Contains("\0", StringComparison.Ordinal), "A path is a path.");
        }
        catch (DirectoryNotFoundException)
        {
            // Promised.
        }
    }

    // What does not fit the weights is told with the weights' name.
    public override bool IsPromised(Exception error) =>
        base.IsPromised(error) || (error.GetType() == typeof(InvalidDataException) && error.Message.Contains("adapter_model.safetensors", StringComparison.Ordinal));
}

/// <summary>A whole model folder with one of its files changed; an accepted model has the weights of its file, and computes.</summary>
internal sealed class ModelFolderReader : Reader
{
    private static readonly string[] Names = ["config.json", "model.safetensors", "generation_config.json", "tokenizer_config.json", "tokenizer.json"];

    private readonly Dictionary<string, byte[]> _sound = [];
    private string _folder = "";
    private JsonMutator[] _texts = [];
    private SafetensorsInputs _weights = null!;

    public override string Name => "model-folder";

    public override double Share => 0.06;

    public override void Prepare(string folder)
    {
        _folder = Path.Combine(folder, "model");
        using (var model = TinyModel.Create()) model.Save(_folder);
        File.WriteAllText(Path.Combine(_folder, "generation_config.json"), TinyModel.Generation);
        foreach (var name in Names) _sound[name] = File.ReadAllBytes(Path.Combine(_folder, name));
        _texts = [.. Names.Select(name => name == "model.safetensors" ? null! : new JsonMutator([Encoding.UTF8.GetString(_sound[name])]))];
        _weights = new([_sound["model.safetensors"]]);
    }

    // The first byte says which file is meant.
    public override byte[] Next(FuzzRandom random)
    {
        var file = random.Pick([0, 0, 0, 1, 1, 2, 3, 4]);
        return [(byte)file, .. file == 1 ? _weights.Next(random) : _texts[file].Next(random)];
    }

    public override void Read(byte[] input)
    {
        var name = Names[input[0]];
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, input[1..]);
        try
        {
            using var model = CausalLM.Load(_folder);
            using var scope = torch.NewDisposeScope();
            using var _ = torch.no_grad();
            using var file = SafetensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
            foreach (var slice in model.Decoder.Tensors.Values)
                Expect(slice.View().contiguous().bytes.SequenceEqual(file.Read(slice.Name, torch.ScalarType.Float32).bytes), "A weight is what the file holds.");
            var ids = torch.tensor(new long[] { 1, 2, 3 }).unsqueeze(0);
            var mask = AttentionMask.Causal(torch.ones(1, 3, torch.ScalarType.Int64));
            model.Decoder.Logits(model.Decoder.forward(ids, mask.Positions, mask));
        }
        finally
        {
            File.WriteAllBytes(path, _sound[name]);
        }
    }
}
