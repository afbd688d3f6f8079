using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

public sealed class TextCommandTests(ModelFixture models) : CommandTest(models)
{
    [Fact]
    public async Task Tokenize_Text_GivesIdsAndDetokenizeGivesTheTextBack()
    {
        // Ids: 0 <s>, 1 </s>, 2 space, 3 newline, then the letters: a = 4, b = 5.
        await Succeed("tokenize", "--model", Models.Model, "--input", Write("in.jsonl", """{"text":"ab a</s>"}"""), "--output", At("ids.jsonl"));

        Assert.Equal([4, 5, 2, 4, 1], Ids(Read("ids.jsonl")[0]["ids"]!));

        await Succeed("detokenize", "--model", Models.Model, "--input", At("ids.jsonl"), "--output", At("text.jsonl"));
        Assert.Equal("ab a</s>", (string)Read("text.jsonl")[0]["text"]!);

        await Succeed("detokenize", "--model", Models.Model, "--input", At("ids.jsonl"), "--output", At("text.jsonl"), "--skip-special-tokens");
        Assert.Equal("ab a", (string)Read("text.jsonl")[0]["text"]!);
    }

    /// <summary>An adapter in a zip without its base model: the base is found where it lay, or where --base-model says.</summary>
    [Fact]
    public async Task Generate_ZipWithAnAdapter_AnswersAsTheModelWithItsAdapter()
    {
        using (var policy = CausalLM.Load(Models.Model))
        {
            var ml = new MLContext();
            var pairs = ml.Data.LoadFromEnumerable([new { Prompt = "ab", Chosen = "yes please", Rejected = "no" }]);
            using var trained = ml.Drift().Trainers.Dpo(policy, new DpoTrainer.Options { LearningRate = 0.05, NumberOfEpochs = 10, WarmupRatio = 0, Lora = new() { Rank = 2 } }).Fit(pairs).Model;
            trained.SaveAdapter(At("adapter"));
        }
        var input = Write("in.jsonl", """{"prompt":"ab"}""", """{"prompt":"hello"}""");
        await Succeed("convert", "--model", Models.Model, "--adapter", At("adapter"), "--output", At("adapted.zip"), "--format", "zip");
        string[] generate = ["--input", input, "--temperature", "0", "--max-new-tokens", "8", "--output"];

        await Succeed(["generate", "--model", Models.Model, "--adapter", At("adapter"), .. generate, At("beside.jsonl")]);
        await Succeed(["generate", "--model", At("adapted.zip"), .. generate, At("zip.jsonl")]);
        await Succeed(["generate", "--model", At("adapted.zip"), "--base-model", Models.Model, .. generate, At("named.jsonl")]);
        await Succeed(["generate", "--model", Models.Model, .. generate, At("bare.jsonl")]);

        Assert.Equal(Answers("beside.jsonl"), Answers("zip.jsonl"));
        Assert.Equal(Answers("beside.jsonl"), Answers("named.jsonl"));
        Assert.NotEqual(Answers("beside.jsonl"), Answers("bare.jsonl"));
        Assert.Contains("there is nothing", await Refused(["generate", "--model", At("adapted.zip"), "--base-model", At("nowhere"), .. generate, At("no.jsonl")]));

        string[] Answers(string file) => [.. Read(file).Select(row => (string)row["text"]!)];
    }

    [Fact]
    public async Task Tokenize_AddSpecialTokens_RunsThePostProcessor()
    {
        await Succeed("tokenize", "--model", Models.Model, "--input", Write("in.jsonl", """{"text":"a"}"""), "--output", At("out.jsonl"), "--add-special-tokens");

        Assert.Equal([0, 4], Ids(Read("out.jsonl")[0]["ids"]!));
    }

    [Fact]
    public async Task Tokenize_RowWithoutText_NamesFileLineAndField()
    {
        var input = Write("in.jsonl", """{"text":"a"}""", "", """{"txt":"a"}""");

        Assert.Contains($"{input}, line 3: the field \"text\" is missing.", await Refused("tokenize", "--model", Models.Model, "--input", input, "--output", At("out.jsonl")));
        Assert.False(File.Exists(At("out.jsonl")), "a failed command leaves no output");
    }

    [Fact]
    public async Task Tokenize_FailsAfterAnEarlierSuccess_KeepsTheOldOutput()
    {
        var output = Write("out.jsonl", "old");

        await Refused("tokenize", "--model", Models.Model, "--input", Write("in.jsonl", """{"text":"a"}""", "{"), "--output", output);

        Assert.Equal(["old"], File.ReadAllLines(output));
        Assert.DoesNotContain(Directory.GetFiles(Folder), file => file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Detokenize_IdBeyondTheVocabulary_SaysWhatIsAllowed() =>
        Assert.Contains("holds 999", await Refused("detokenize", "--model", Models.Model, "--input", Write("in.jsonl", """{"ids":[4,999]}"""), "--output", At("out.jsonl")));

    [Fact]
    public async Task Render_Messages_GoThroughTheTemplate_AndItsRefusalIsALine()
    {
        var input = Write("in.jsonl",
            """{"messages":[{"role":"user","content":"hi"}],"add_generation_prompt":true}""",
            """{"messages":[{"role":"user","content":"hi"},{"role":"system","content":"late"}]}""");

        await Succeed("render", "--model", Models.Model, "--input", input, "--output", At("out.jsonl"));

        var lines = Read("out.jsonl");
        Assert.Equal("<user>hi</s><assistant>", (string)lines[0]["text"]!);
        Assert.Contains("system must come first", (string)lines[1]["error"]!);
    }

    [Fact]
    public async Task Render_FolderWithTemplateAlone_NeedsNoModel()
    {
        var folder = Directory.CreateDirectory(At("template")).FullName;
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), "{{ strftime_now('%Y-%m-%d') }} {{ messages[0].content }} {{ tools | length }}");

        await Succeed("render", "--model", folder, "--now", "2025-03-04T09:26:53", "--output", At("out.jsonl"),
            "--input", Write("in.jsonl", """{"messages":[{"role":"user","content":"hi"}],"kwargs":{"tools":[1,2]}}"""));

        Assert.Equal("2025-03-04 hi 2", (string)Read("out.jsonl")[0]["text"]!);
    }

    [Theory]
    [InlineData("tokenize")]
    [InlineData("detokenize")]
    [InlineData("render")]
    [InlineData("logprobs")]
    [InlineData("generate")]
    [InlineData("sample")]
    [InlineData("train")]
    [InlineData("run")]
    [InlineData("evaluate")]
    [InlineData("evaluate", "responses")]
    [InlineData("evaluate", "alpacaeval")]
    [InlineData("evaluate", "wildbench")]
    [InlineData("judge")]
    [InlineData("convert")]
    [InlineData("inspect")]
    public async Task Help_OfEveryCommand_HasAnExampleThatIsItself(params string[] words)
    {
        var help = (await Succeed([.. words, "--help"])).Output;
        var command = string.Join(' ', words);

        Assert.Contains("Example:", help);
        Assert.Contains($"drift {command} --", help.Replace("inspect pairs.jsonl", "inspect", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData("tokenize")]
    [InlineData("tokenize --modle x")]
    [InlineData("run --dsat nowhere.jsonl --model nowhere --output out")]
    [InlineData("logprobs --model nowhere --input nowhere.jsonl")]
    [InlineData("generate --model m --temperature hot")]
    [InlineData("tokenize --model nowhere --dtype int8")]
    public async Task Run_WrongCommandLine_IsExitCode2WithAMessage(string line) => Assert.NotEmpty(await Refused(line.Split(' ')));

    [Fact]
    public async Task Verbose_OnAnError_ShowsWhereItCameFrom() => Assert.Contains("   at ", (await Run("tokenize", "--model", At("nowhere"), "--verbose")).Errors);

    [Fact]
    public async Task Threads_Negative_IsRefused() =>
        Assert.Contains("--threads is -1", await Refused("generate", "--model", Models.Model, "--threads", "-1", "--input", Write("in.jsonl", """{"prompt":"a"}""")));

    [Fact]
    public async Task LogProbs_Ids_SumIsTheSumOfItsTokens_AndLogitsAreThere()
    {
        await Succeed("logprobs", "--model", Models.ModelOfIds, "--top-logits", "3", "--logits",
            "--input", Write("in.jsonl", """{"input_ids":[4,5,6,7],"completion_start":2}"""), "--output", At("out.jsonl"));

        var row = Read("out.jsonl")[0];
        var logProbs = row["token_log_probs"]!.AsArray().Select(value => (double)value!).ToArray();
        var logits = row["logits"]!.AsArray().Select(value => (double)value!).ToArray();
        Assert.Equal(2, logProbs.Length);
        Assert.All(logProbs, value => Assert.True(value < 0));
        Assert.Equal(logProbs.Sum(), (double)row["sum"]!, 5);
        Assert.Equal(TinyModelFolder.VocabularySize, logits.Length);
        Assert.Equal(logits.Max(), (double)row["top_logits"]![0]!, 6);
        Assert.Equal(Array.IndexOf(logits, logits.Max()), (int)row["top_ids"]![0]!);
    }

    [Fact]
    public async Task LogProbs_PairRow_ScoresBothAnswers()
    {
        await Succeed("logprobs", "--model", Models.Model, "--input", Write("in.jsonl", PairRows[0]), "--output", At("out.jsonl"));

        var row = Read("out.jsonl")[0];
        // "yes a" and "no", each with its end token.
        Assert.Equal(6, row["chosen_token_log_probs"]!.AsArray().Count);
        Assert.Equal(3, row["rejected_token_log_probs"]!.AsArray().Count);
        Assert.NotNull(row["chosen_sum"]);
    }

    [Fact]
    public async Task LogProbs_IdTheModelDoesNotHave_NamesTheLine() =>
        Assert.Contains("line 1", await Refused("logprobs", "--model", Models.ModelOfIds, "--input", Write("in.jsonl", """{"input_ids":[4,4000],"completion_start":1}"""), "--output", At("out.jsonl")));

    [Fact]
    public async Task Generate_Greedy_GivesTheTokensThatLogProbsFindMostProbable()
    {
        await Succeed("generate", "--model", Models.Model, "--temperature", "0", "--max-new-tokens", "5", "--ignore-eos",
            "--input", Write("in.jsonl", """{"input_ids":[4,5,6]}"""), "--output", At("out.jsonl"));
        var answer = Read("out.jsonl")[0];
        var ids = Ids(answer["output_ids"]!);
        Assert.Equal(5, ids.Length);
        Assert.Equal("length", (string)answer["finish_reason"]!);

        var whole = string.Join(",", new[] { 4, 5, 6 }.Concat(ids));
        await Succeed("logprobs", "--model", Models.Model, "--input", Write("score.jsonl", $$"""{"input_ids":[{{whole}}],"completion_start":3}"""), "--output", At("scores.jsonl"));

        var scored = Read("scores.jsonl")[0]["token_log_probs"]!.AsArray().Select(value => (double)value!).ToArray();
        var sampled = answer["log_probs"]!.AsArray().Select(value => (double)value!).ToArray();
        for (var i = 0; i < scored.Length; i++) Assert.Equal(scored[i], sampled[i], 4);
    }

    [Fact]
    public async Task Generate_WeightsInEightBits_GivesTheirLogProbsOrSaysThatTheProcessorCannot()
    {
        string[] command = ["generate", "--model", Models.Model, "--temperature", "0", "--max-new-tokens", "1", "--input", Write("in.jsonl", "{\"input_ids\":[4,5,6]}"), "--output"];
        await Succeed([.. command, At("float32.jsonl"), "--weights", "float32"]);
        if (!Avx512F.IsSupported)
        {
            Assert.Contains("this processor has no AVX-512", await Refused([.. command, At("q8_0.jsonl"), "--weights", "q8_0"]));
            return;
        }

        await Succeed([.. command, At("q8_0.jsonl"), "--weights", "q8_0"]);

        var (exact, rounded) = ((double)Read("float32.jsonl")[0]["log_probs"]![0]!, (double)Read("q8_0.jsonl")[0]["log_probs"]![0]!);
        Assert.NotEqual(exact, rounded);
        Assert.Equal(exact, rounded, 0.1);
    }

    [Fact]
    public async Task Generate_NumSamples_GivesThatManyLinesInOrder_WhateverTheBatch()
    {
        var input = Write("in.jsonl", """{"prompt":[{"role":"user","content":"hi"}]}""", """{"prompt":"abc"}""");
        string[] command = ["generate", "--model", Models.Model, "--num-samples", "2", "--max-new-tokens", "6", "--temperature", "1", "--input", input];

        await Succeed([.. command, "--output", At("one.jsonl"), "--batch-size", "1"]);
        await Succeed([.. command, "--output", At("many.jsonl"), "--batch-size", "4"]);
        await Succeed([.. command, "--output", At("seed.jsonl"), "--seed", "7"]);

        Assert.Equal(4, Read("one.jsonl").Length);
        Assert.Equal(Read("one.jsonl").Select(Answer), Read("many.jsonl").Select(Answer));
        Assert.NotEqual(Answer(Read("one.jsonl")[0]), Answer(Read("one.jsonl")[1]));
        Assert.NotEqual(Read("one.jsonl").Select(Answer), Read("seed.jsonl").Select(Answer));

        static string Answer(JsonNode row) => row["output_ids"]!.ToJsonString();
    }

    [Fact]
    public async Task Generate_StopText_EndsTheAnswerBeforeIt()
    {
        var input = Write("in.jsonl", """{"prompt":"abc"}""");
        string[] command = ["generate", "--model", Models.Model, "--temperature", "0", "--max-new-tokens", "12", "--ignore-eos", "--input", input, "--output", At("out.jsonl")];
        await Succeed(command);
        var text = (string)Read("out.jsonl")[0]["text"]!;
        var stop = text[3..4];

        await Succeed([.. command, "--stop", stop]);

        var stopped = Read("out.jsonl")[0];
        Assert.Equal("stop", (string)stopped["finish_reason"]!);
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], (string)stopped["text"]!);
    }

    [Fact]
    public async Task Generate_TextForAModelWithoutTokenizer_SaysToGiveIds() =>
        Assert.Contains("give \"input_ids\"", await Refused("generate", "--model", Models.ModelOfIds, "--input", Write("in.jsonl", """{"prompt":"a"}"""), "--output", At("out.jsonl")));
}
