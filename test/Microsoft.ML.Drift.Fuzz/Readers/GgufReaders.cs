using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>The seeds and values of GGUF files.</summary>
internal static class GgufSeeds
{
    public static readonly object[] Values =
    [
        0u, 1u, 2u, 3u, 32u, 4096u, 0x7FFFFFFFu, 0x80000000u, uint.MaxValue, -1, 0, 1, int.MinValue, int.MaxValue, 0UL, 1UL, ulong.MaxValue, 1UL << 63, -1L, long.MinValue, long.MaxValue, (byte)0, (byte)255, (ushort)65535,
        0f, 1e-5f, -1f, float.NaN, float.PositiveInfinity, 1e38f, 0.0, double.NaN, double.MaxValue, true, false, "", "llama", "qwen2", "qwen3", "gpt2", "x", "\u2581", "\0", "linear", "yarn", "none",
        Array.Empty<object>(), new object[] { 1u }, new object[] { 1u, 2u }, new object[] { "a", "b" }, new object[] { "a", "a" }, new object[] { 1f, float.NaN }, new object[] { new object[] { 1u } }, new object[] { 3, 3, 3 }, new object[] { -5, 9 },
    ];

    /// <summary>A Llama of one layer with heads of 4, in F32.</summary>
    public static GgufInput Model(string architecture) => new()
    {
        Metadata =
        [
            ("general.architecture", architecture), ($"{architecture}.context_length", 64u), ($"{architecture}.embedding_length", 8u), ($"{architecture}.block_count", 1u), ($"{architecture}.feed_forward_length", 12u),
            ($"{architecture}.attention.head_count", 2u), ($"{architecture}.attention.head_count_kv", 1u), ($"{architecture}.attention.layer_norm_rms_epsilon", 1e-5f), ($"{architecture}.rope.freq_base", 10000f),
            ($"{architecture}.rope.dimension_count", 4u), ("general.name", "tiny"), ("general.file_type", 0u), .. Tokenizer("gpt2"),
        ],
        Tensors =
        [
            ("token_embd.weight", 0, [8, 6], 192), ("output_norm.weight", 0, [8], 32), ("blk.0.attn_norm.weight", 0, [8], 32), ("blk.0.attn_q.weight", 0, [8, 8], 256), ("blk.0.attn_k.weight", 0, [8, 4], 128),
            ("blk.0.attn_v.weight", 0, [8, 4], 128), ("blk.0.attn_output.weight", 0, [8, 8], 256), ("blk.0.ffn_norm.weight", 0, [8], 32), ("blk.0.ffn_gate.weight", 0, [8, 12], 384), ("blk.0.ffn_up.weight", 0, [8, 12], 384),
            ("blk.0.ffn_down.weight", 0, [12, 8], 384),
        ],
    };

    public static (string, object)[] Tokenizer(string model) => model == "gpt2"
        ?
        [
            ("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "qwen2"), ("tokenizer.ggml.tokens", new object[] { "a", "b", "ab", "Ġ", "<|end|>", "c" }), ("tokenizer.ggml.token_type", new object[] { 1, 1, 1, 1, 3, 1 }),
            ("tokenizer.ggml.merges", new object[] { "a b" }), ("tokenizer.ggml.eos_token_id", 4u), ("tokenizer.ggml.bos_token_id", 4u), ("tokenizer.ggml.add_bos_token", false), ("tokenizer.chat_template", "{{ messages[0].content }}"),
        ]
        :
        [
            ("tokenizer.ggml.model", "llama"), ("tokenizer.ggml.tokens", new object[] { "<unk>", "<s>", "</s>", "▁", "a", "▁a", "<0x41>" }), ("tokenizer.ggml.scores", new object[] { 0f, 0f, 0f, -1f, -2f, -0.5f, 0f }),
            ("tokenizer.ggml.token_type", new object[] { 2, 3, 3, 1, 1, 1, 6 }), ("tokenizer.ggml.bos_token_id", 1u), ("tokenizer.ggml.eos_token_id", 2u), ("tokenizer.ggml.add_space_prefix", true), ("tokenizer.ggml.add_eos_token", false),
        ];

    public static byte[] Next(FuzzRandom random, IReadOnlyList<GgufInput> models, IReadOnlyList<byte[]> files)
    {
        if (files.Count > 0 && random.Chance(10)) return ByteMutator.Mutate(random, random.Pick(files), files, []);
        var model = random.Pick(models);
        if (random.Chance(60)) model = model.Changed(random, Values);
        var (bytes, fields) = model.Write();
        return random.Chance(50) ? bytes : ByteMutator.Mutate(random, bytes, files.Count > 0 ? files : [bytes], fields);
    }
}

/// <summary>A GGUF file: header, every tensor, and the model and tokenizer it describes.</summary>
internal sealed class GgufHeaderReader : Reader
{
    private readonly GgufInput[] _models = [GgufSeeds.Model("llama"), GgufSeeds.Model("qwen2"), GgufSeeds.Model("qwen3")];
    private string _path = "";
    private IReadOnlyList<byte[]> _files = [];

    public override string Name => "gguf";

    public override double Share => 0.5;

    protected override string Where => "input.gguf";

    public override void Prepare(string folder)
    {
        _path = Path.Combine(folder, Where);
        _files = [.. Recordings.Files("hf", "*.gguf", 40 << 10).Select(File.ReadAllBytes)];
    }

    public override byte[] Next(FuzzRandom random) => GgufSeeds.Next(random, _models, _files);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using var file = GgufFile.Open(_path);
        var end = 0L;
        foreach (var entry in file.Tensors.Values.Where(entry => entry.ByteCount > 0).OrderBy(entry => entry.Offset))
        {
            Expect(entry.Offset >= end && entry.ByteCount <= input.Length - entry.Offset, "Tensors lie in the file, one behind the other.");
            end = entry.Offset + entry.ByteCount;
        }
        using var tensors = GgufModel.AsHuggingFaceTensors(file);
        var configuration = ModelConfiguration.Parse(GgufModel.ToConfigJson(file).ToJsonString(), _path);
        DecoderWeights.Check(configuration.Specification, tensors);
        foreach (var name in tensors.Names) tensors.Read(name).Dispose();
    }
}

/// <summary>Tensors of every type, whole blocks or not.</summary>
internal sealed class GgufTensorReader : Reader
{
    private readonly GgufInput[] _models = [.. Enumerable.Range(0, 41).Where(type => GgufLayout.Find((uint)type) is not null).Select(OfType)];
    private string _path = "";

    public override string Name => "gguf-tensors";

    protected override string Where => "input.gguf";

    public override void Prepare(string folder) => _path = Path.Combine(folder, Where);

    public override byte[] Next(FuzzRandom random) => GgufSeeds.Next(random, _models, []);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using var file = GgufFile.Open(_path);
        foreach (var name in file.Names)
        {
            using var tensor = file.Read(name);
            Expect(tensor.shape.AsSpan().SequenceEqual(file.Shape(name).ToArray()), "A tensor has the shape that is listed.");
        }
    }

    private static GgufInput OfType(int type)
    {
        var layout = GgufLayout.Find((uint)type)!;
        return new() { Metadata = [("general.architecture", "llama")], Tensors = [("a", (uint)type, [(ulong)layout.ValuesPerBlock, 2], 2 * layout.BytesPerBlock), ("b", 0, [3], 12)] };
    }
}

/// <summary>The tokenizer that metadata describe, tried on a text.</summary>
internal sealed class GgufTokenizerMetadataReader : Reader
{
    private readonly GgufInput[] _models = [new() { Metadata = [.. GgufSeeds.Tokenizer("gpt2")] }, new() { Metadata = [.. GgufSeeds.Tokenizer("llama")] }];
    private string _path = "";

    public override string Name => "gguf-tokenizer";

    public override double Share => 0.3;

    public override void Prepare(string folder) => _path = Path.Combine(folder, "input.gguf");

    public override byte[] Next(FuzzRandom random) => GgufSeeds.Next(random, _models, []);

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        TokenizerTrial.Run(ModelText.LoadTokenizer(_path));
    }
}

/// <summary>What is done with a tokenizer that was accepted.</summary>
internal static class TokenizerTrial
{
    private const string Text = "ab A b 12 <|end|></s> \u00e9\u4e16 \ud83d\ude00 \ud83d\n  it's";

    public static void Run(PretrainedTokenizer tokenizer)
    {
        var ids = tokenizer.Encode(Text, addSpecialTokens: true);
        tokenizer.Decode(ids);
        tokenizer.DecodeClean(ids);
        var streaming = tokenizer.CreateStreamingDecoder(skipSpecialTokens: true);
        foreach (var id in ids) streaming.Append(id);
        streaming.Flush();
        tokenizer.CountTokens(Text);
    }
}
