using System.Text;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>tokenizer.json: read, and tried on a text.</summary>
internal sealed class TokenizerReader : Reader
{
    private static readonly string[] Seeds =
    [
        TinyModel.TokenizerJson("a b c ab Ġ Ġa abc <s>", """["a b","Ġ a","ab c"]""", preTokenizer: """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""", decoder: """{"type":"ByteLevel"}""",
            addedTokens: """[{"id":7,"content":"<s>","special":true,"normalized":false,"lstrip":true,"rstrip":true,"single_word":true},{"id":8,"content":"it's","special":false,"normalized":true}]""",
            postProcessor: """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[7],"tokens":["<s>"]}}}"""),
        TinyModel.TokenizerJson("<unk> ▁ a b ▁a ab <0x41> <0xE2>", """[["▁","a"],["a","b"]]""", "\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"byte_fallback\":true,\"dropout\":null,",
            """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"},{"type":"NFKC"}]}""",
            decoder: """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"""),
        TinyModel.TokenizerJson("a b 1 2 ## ##b", model: "\"unk_token\":\"a\",\"continuing_subword_prefix\":\"##\",\"end_of_word_suffix\":\"\",",
            normalizer: """{"type":"Sequence","normalizers":[{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":true},{"type":"StripAccents"}]}""",
            preTokenizer: """{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)"},"behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"Isolated"}]}""",
            decoder: """{"type":"BPEDecoder","suffix":"</w>"}""", postProcessor: """{"type":"RobertaProcessing","sep":["b",1],"cls":["a",0],"trim_offsets":true,"add_prefix_space":true}"""),
        TinyModel.TokenizerJson("▁ a b", preTokenizer: """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}""", decoder: """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"""),
        TinyModel.TokenizerJson("a b", preTokenizer: """{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":true}""", normalizer: """{"type":"Replace","pattern":{"Regex":"\\s{2,}|[[:alpha:]&&[^b]]"},"content":" "}"""),
    ];

    private static readonly string[] Words =
    [
        "\"(a*)*$\"", "\"(a|a|b)*c\"", "\"(\"", "\"[\"", "\"[[[[a]]]]\"", "\"\\\\p{L\"", "\"\\\\x{110000}\"", "\"\\\\u{1\"", "\"(?<=a*)b\"", "\"a{2,1}\"", "\"a{99999999999}\"", "\"(?i)ss\"", "\"\"", "\"(?=)\"", "\"(?:a?){30}a{30}\"", "\"(.*)*(.*)*x\"", "16777215", "\"\\\\G*+\"", "\"(?-)\"",
        "\"NFC\"", "\"NFD\"", "\"Sequence\"", "\"Split\"", "\"Removed\"", "\"Contiguous\"", "\"MergedWithNext\"", "\"ByteFallback\"", "\"Metaspace\"", "\"Whitespace\"", "\"Bert\"", "\"WordPiece\"", "\"Unigram\"",
    ];

    private JsonMutator _inputs = null!;

    public override string Name => "tokenizer";

    public override double Share => 0.2;

    public override void Prepare(string folder) =>
        _inputs = new(Seeds.Append(Encoding.UTF8.GetString(TinyModel.Tokenizer().Files["tokenizer.json"])).Concat(Recordings.Texts("tokenizers/synthetic", "tokenizer.json", 24 << 10)), Words);

    public override byte[] Next(FuzzRandom random) => random.Chance(5) ? Pattern(random) : _inputs.Next(random);

    public override void Read(byte[] input) => TokenizerTrial.Run(PretrainedTokenizer.FromFiles(new Dictionary<string, byte[]> { ["tokenizer.json"] = input }));

    public override bool IsPromised(Exception error) => error.GetType() == typeof(InvalidDataException) && error.Message.Contains("tokenizer.json", StringComparison.Ordinal);

    // Patterns are a language of their own: put together from its pieces.
    private static byte[] Pattern(FuzzRandom random)
    {
        string[] pieces = ["(", ")", "(?:", "(?i:", "(?=", "(?!", "(?<=", "(?>", "[", "]", "[^", "&&", "|", "*", "+", "?", "{1,3}", "{0,}", "*+", "??", ".", "^", "$", "\\s", "\\S", "\\p{L}", "\\p{^N}", "\\w", "\\b", "\\h", "\\R", "\\x{1F600}", "a", "b", "-", "z", "😀", " ", "\\", "(a*)*", "(a|ab)*"];
        var pattern = string.Concat(Enumerable.Range(0, 1 + random.Below(random.Chance(5) ? 3000 : 14)).Select(_ => random.Pick(pieces)));
        if (random.Chance(3)) pattern = string.Concat(Enumerable.Repeat(random.Pick(["(", "[", "(?:a", "[a[", "(?i)"]), 20_000));
        var text = System.Text.Json.JsonSerializer.Serialize(pattern);
        return TinyModel.Utf8(TinyModel.TokenizerJson("a b c", preTokenizer: $$"""{"type":"Split","pattern":{"Regex":{{text}}},"behavior":"Isolated","invert":false}"""));
    }
}

/// <summary>tokenizer_config.json, special_tokens_map.json and added tokens beside a sound tokenizer.json.</summary>
internal sealed class TokenizerConfigReader : Reader
{
    private const string Config = """
        {"tokenizer_class":"LlamaTokenizerFast","bos_token":"<s>","eos_token":{"content":"<|end|>","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":true},"unk_token":null,"add_bos_token":true,"add_eos_token":false,
         "add_prefix_space":false,"clean_up_tokenization_spaces":true,"additional_special_tokens":["<x>",{"content":"<y>"}],"extra_special_tokens":{"image_token":"<i>"},"chat_template":[{"name":"default","template":"{{ messages }}"}],
         "added_tokens_decoder":{"256":{"content":"<|end|>","special":true},"300":{"content":"zz","lstrip":true,"normalized":true,"special":false}},"model_max_length":1000000000000000019884624838656}
        """;

    private const string Map = """{"bos_token":"<s>","eos_token":{"content":"<|end|>","lstrip":false},"additional_special_tokens":["<x>","<x>"],"pad_token":"<p>"}""";

    private readonly byte[] _tokenizer = TinyModel.Tokenizer().Files["tokenizer.json"];
    private JsonMutator _configs = null!, _maps = null!;

    public override string Name => "tokenizer-config";

    public override double Share => 0.3;

    public override void Prepare(string folder)
    {
        _configs = new([Config, .. Recordings.Texts("hf", "tokenizer_config.json"), .. Recordings.Texts("tokenizers", "tokenizer_config.json", 16 << 10)], "\"GemmaTokenizer\"", "\"GPTNeoXTokenizer\"", "\"CohereTokenizerFast\"", "\"<s>\"", "\"it's\"");
        _maps = new([Map], "\"<s>\"", "\"zz\"");
    }

    public override byte[] Next(FuzzRandom random) => random.Chance(70) ? [0, .. _configs.Next(random)] : [1, .. _maps.Next(random)];

    public override void Read(byte[] input)
    {
        var name = input[0] == 0 ? "tokenizer_config.json" : "special_tokens_map.json";
        TokenizerTrial.Run(PretrainedTokenizer.FromFiles(new Dictionary<string, byte[]> { ["tokenizer.json"] = _tokenizer, [name] = input[1..] }));
    }

    public override bool IsPromised(Exception error) =>
        error.GetType() == typeof(InvalidDataException) && (error.Message.Contains("tokenizer_config.json", StringComparison.Ordinal) || error.Message.Contains("special_tokens_map.json", StringComparison.Ordinal)
            || error.Message.Contains("tokenizer.json", StringComparison.Ordinal));
}
