using System.Text;
using Microsoft.ML.Drift.Data;
using static Microsoft.ML.Drift.Tests.Data.Tokenization.SmallTokenizer;

namespace Microsoft.ML.Drift.Tests.Data.Tokenization;

public class TokenizerConfigurationTests
{
    [Fact]
    public void SpecialTokens_StringAndObjectForm_AreRead()
    {
        var tokenizer = PretrainedTokenizer.FromFiles(Files("a <s> </s>", configuration:
            """{"bos_token":"<s>","eos_token":{"__type":"AddedToken","content":"</s>","lstrip":false,"normalized":true,"rstrip":false,"single_word":false},"pad_token":null}"""));
        Assert.Equal((1, 2, null), (tokenizer.BosTokenId, tokenizer.EosTokenId, tokenizer.PadTokenId));
        Assert.Equal(["bos_token", "eos_token"], tokenizer.SpecialTokens.Keys.Order());
        // Named as special, they are recognised in text although tokenizer.json does not list them as added.
        Assert.Equal([1, 0, 2], tokenizer.Encode("<s>a</s>"));
    }

    [Fact]
    public void SpecialTokensMap_IsReadOnlyWhereTheConfigurationListsNoAddedTokens()
    {
        const string map = """{"eos_token":"</s>"}""";
        Assert.Equal(1, PretrainedTokenizer.FromFiles(Files("a </s> <e>", specialTokensMap: map)).EosTokenId);
        Assert.Equal(1, PretrainedTokenizer.FromFiles(Files("a </s> <e>", configuration: """{"eos_token":"<e>"}""", specialTokensMap: map)).EosTokenId);
        Assert.Equal(2, PretrainedTokenizer.FromFiles(Files("a </s> <e>", configuration: """{"eos_token":"<e>","added_tokens_decoder":{}}""", specialTokensMap: map)).EosTokenId);
    }

    [Theory]
    [InlineData("LlamaTokenizerFast", "", new[] { 1, 0 })] // the class adds BOS unless told not to
    [InlineData("LlamaTokenizer", ""","add_bos_token":true,"add_eos_token":true""", new[] { 1, 0, 2 })]
    [InlineData("LlamaTokenizer", ""","add_bos_token":false""", new[] { 0 })]
    [InlineData("PreTrainedTokenizerFast", ""","add_bos_token":true""", new[] { 0 })] // not a matter of this class
    public void Encode_AddBosToken_FollowsTheTokenizerClass(string className, string settings, int[] expected)
    {
        var tokenizer = PretrainedTokenizer.FromFiles(Files("a <s> </s> <unk>", configuration: $$"""{"tokenizer_class":"{{className}}"{{settings}}}"""));
        Assert.Equal(expected, tokenizer.Encode("a", addSpecialTokens: true));
        Assert.Equal([0], tokenizer.Encode("a"));
    }

    [Fact]
    public void FromFiles_AddBosTokenWithoutBos_SaysWhatToDo()
    {
        var error = Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(Files("a", configuration: """{"tokenizer_class":"LlamaTokenizer","bos_token":null}""")));
        Assert.Contains("add_bos_token is true, but there is no bos_token", error.Message);
    }

    [Fact]
    public void Encode_AddedTokensDecoder_AddsWhatTokenizerJsonLacks()
    {
        var tokenizer = PretrainedTokenizer.FromFiles(Files("a", configuration: """{"added_tokens_decoder":{"1":{"content":"<new>","special":true,"normalized":false}}}"""));
        Assert.Equal([0, 1, 0], tokenizer.Encode("a<new>a"));
        Assert.Equal(2, tokenizer.VocabularySize);
        Assert.Equal("", tokenizer.Decode([1], skipSpecialTokens: true));
    }

    [Fact]
    public void Encode_AddPrefixSpace_OfTheConfigurationOverrulesAnOutermostByteLevel()
    {
        const string byteLevel = """{"type":"ByteLevel","add_prefix_space":true,"use_regex":false}""";
        Assert.Equal([1, 0], PretrainedTokenizer.FromFiles(Files("a Ġ", preTokenizer: byteLevel)).Encode("a"));
        Assert.Equal([0], PretrainedTokenizer.FromFiles(Files("a Ġ", preTokenizer: byteLevel, configuration: "{}")).Encode("a"));
        Assert.Equal([1, 0], PretrainedTokenizer.FromFiles(Files("a Ġ", preTokenizer: byteLevel, configuration: """{"add_prefix_space":true}""")).Encode("a"));
    }

    [Fact]
    public void ChatTemplateSource_FileWinsOverTextWinsOverDefaultOfAList()
    {
        var files = Files("a", configuration: """{"chat_template":[{"name":"tool_use","template":"T"},{"name":"default","template":"D"}]}""");
        Assert.Equal("D", PretrainedTokenizer.FromFiles(files).ChatTemplateSource);
        Assert.Equal("S", PretrainedTokenizer.FromFiles(Files("a", configuration: """{"chat_template":"S"}""")).ChatTemplateSource);
        files["chat_template.jinja"] = Encoding.UTF8.GetBytes("F");
        Assert.Equal("F", PretrainedTokenizer.FromFiles(files).ChatTemplateSource);
        Assert.Null(PretrainedTokenizer.FromFiles(Files("a")).ChatTemplateSource);
    }

    [Fact]
    public void DecodeClean_CleanUpTokenizationSpaces_RemovesSpacesBeforePunctuation()
    {
        const string vocabulary = "I do n't , no ! ' s";
        int[] ids = [0, 1, 2, 3, 4, 5];
        Assert.Equal("I don't, no!", PretrainedTokenizer.FromFiles(Files(vocabulary, configuration: """{"clean_up_tokenization_spaces":true}""")).DecodeClean(ids));
        Assert.Equal("I do n't , no !", PretrainedTokenizer.FromFiles(Files(vocabulary)).DecodeClean(ids));
    }

    [Theory]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":""}""", "normalizer is the normalizer \"Precompiled\"")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"UnicodeScripts"}]}""", "pre_tokenizer.pretokenizers[0] is the pre-tokenizer \"UnicodeScripts\"")]
    [InlineData("decoder", """{"type":"CTC"}""", "decoder is the decoder \"CTC\"")]
    [InlineData("post_processor", """{"type":"Other"}""", "post_processor is the post-processor \"Other\"")]
    [InlineData("model", """{"type":"WordLevel","vocab":{}}""", "model is the model type \"WordLevel\"")]
    [InlineData("model", """{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}""", "model.dropout is 0.1")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":-1},"merges":[]}""", "the id -1")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":2000000000},"merges":[]}""", "the id 2000000000")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":["a"]}""", "model.merges[0] is \"a\"")]
    [InlineData("added_tokens", """[{"id":0}]""", "added_tokens[0] lacks \"content\"")]
    [InlineData("version", "\"2.0\"", "version is \"2.0\"")]
    public void FromFiles_UnsupportedOrDamagedPart_IsNamed(string part, string value, string named)
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse(PretrainedTokenizer.CreateByteLevel([]).Files["tokenizer.json"])!;
        json[part] = System.Text.Json.Nodes.JsonNode.Parse(value);
        var files = new Dictionary<string, byte[]> { ["tokenizer.json"] = Encoding.UTF8.GetBytes(json.ToJsonString()) };
        var error = Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(files));
        Assert.Contains("tokenizer.json: " , error.Message);
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void FromFiles_NoOrBrokenTokenizerJson_SaysSo()
    {
        Assert.Contains("no tokenizer.json", Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(new Dictionary<string, byte[]>())).Message);
        var broken = new Dictionary<string, byte[]> { ["tokenizer.json"] = "{\"version\":"u8.ToArray() };
        Assert.Contains("tokenizer.json: this is not valid JSON", Assert.Throws<InvalidDataException>(() => PretrainedTokenizer.FromFiles(broken)).Message);
        Assert.Throws<DirectoryNotFoundException>(() => PretrainedTokenizer.Load(Path.Combine(Path.GetTempPath(), "no-such-folder-here")));
    }

    [Fact]
    public void Save_LoadedTokenizer_WritesItsFilesByteForByte()
    {
        var files = Files("a  b", configuration: "{ \"eos_token\" :   \"a\"}", specialTokensMap: "{}\n");
        files["chat_template.jinja"] = "{{ x }}\r\n"u8.ToArray();
        files["model.safetensors"] = [1, 2, 3];
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            PretrainedTokenizer.FromFiles(files).Save(folder.FullName);
            files.Remove("model.safetensors");
            Assert.Equal(files.Keys.Order(), Directory.GetFiles(folder.FullName).Select(path => Path.GetFileName(path)!).Order());
            Assert.All(files, file => Assert.Equal(file.Value, File.ReadAllBytes(Path.Combine(folder.FullName, file.Key))));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
