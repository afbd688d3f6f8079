using System.Text;
using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Models.Formats;

namespace Microsoft.ML.Drift.Tests.Data;

/// <summary>The field <c>tools</c> of a row reaches the chat template, in training and in sampling.</summary>
public sealed class ToolsTests : IDisposable
{
    private const string Template = "{% if tools %}<s>tools\n{{ tools | map(attribute='name') | join(',') }}<e>\n{% endif %}" + TinyText.ChatMl;

    private static readonly ChatEncoder Encoder = new(TinyText.Tokenizer, ChatTemplate.Parse(Template, TinyText.Tokenizer.SpecialTokens));
    private static readonly MLContext Ml = new(seed: 1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private IDataView Load(params string[] lines)
    {
        File.WriteAllLines(_folder.File("rows.jsonl"), lines);
        return Ml.Data.LoadFromChatJsonLines(_folder.File("rows.jsonl"));
    }

    [Fact]
    public void Tokenize_PairWithTools_TellsTheTemplate()
    {
        var data = Load(
            """{"prompt": [{"role": "user", "content": "hi"}], "chosen": "a", "rejected": "b", "tools": [{"name": "clock"}, {"name": "map"}]}""",
            """{"prompt": [{"role": "user", "content": "hi"}], "chosen": "a", "rejected": "b", "tools": null}""");

        Assert.Equal("""[{"name": "clock"}, {"name": "map"}]""", data.GetColumn<string>("Tools").First());
        Assert.Equal(
            ["<s>tools\nclock,map<e>\n<s>user\nhi<e>\n<s>assistant\n", "<s>user\nhi<e>\n<s>assistant\n"],
            Prompts(data, TokenizationRules.Sound));
        // TRL 0.19.1's DPOTrainer does not look at the row's tools.
        Assert.Equal("<s>user\nhi<e>\n<s>assistant\n", Prompts(data, TokenizationRules.Trl)[0]);

        static string[] Prompts(IDataView rows, TokenizationRules rules) =>
            [.. new PreferenceColumns().Read(rows).Select(row => TinyText.Text(new PreferenceTokenization(Encoder, new(), rules).Tokenize(row, out _)!.PromptIds))];
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a"}], "tools": [{"name": "clock"}]}""")]
    [InlineData("""{"prompt": [{"role": "user", "content": "hi"}], "completion": "a", "tools": "[{\"name\": \"clock\"}]"}""")]
    public void Tokenize_SftRowWithTools_TellsTheTemplate(string line)
    {
        foreach (var rules in new[] { TokenizationRules.Sound, TokenizationRules.Trl })
        {
            var row = new SftColumns().Read(Load(line)).Single();
            var sequence = new SftTokenization(Encoder, null, SftLabels.All, rules).Tokenize(row, out _)!.Value;

            Assert.StartsWith("<s>tools\nclock<e>\n<s>user\nhi<e>\n", TinyText.Text(sequence.Ids));
        }
    }

    [Fact]
    public void Load_ToolsInALaterRowOnly_IsRefused()
    {
        var data = Load(
            """{"prompt": "a", "chosen": "a", "rejected": "b"}""",
            """{"prompt": "a", "chosen": "a", "rejected": "b", "tools": [{"name": "clock"}]}""");

        Assert.Contains("line 2: field \"tools\"", Assert.Throws<InvalidDataException>(() => data.GetColumn<string>("Chosen").ToList()).Message);
    }

    [Fact]
    public void Tokenize_ToolsThatAreNotJson_NamesTheRow()
    {
        var row = new PreferenceRow("row-7", new([new ChatMessage(ChatRole.User, "hi")]), new("a"), new("b")) { Tools = "clock" };

        Assert.Contains("\"row-7\"", Assert.Throws<InvalidDataException>(() => new PreferenceTokenization(Encoder, new(), TokenizationRules.Sound).Tokenize(row, out _)).Message);
    }

    [Fact]
    public void Sample_RowWithTools_SamplesWithThemAndKeepsThem()
    {
        using var plain = Generation.TinyPolicy.Create();
        var files = new Dictionary<string, byte[]>(TinyText.Tokenizer.Files) { ["chat_template.jinja"] = Encoding.UTF8.GetBytes(Template) };
        using var policy = CausalLM.Create(plain.Configuration, PretrainedTokenizer.FromFiles(files), seed: 5);
        var row = """{"id": "1", "prompt": [{"role": "user", "content": "hi"}], "rejected": "b", "user_preference": "no" """;
        var with = Sample(Load(row + """, "tools": [{"name": "clock"}]}"""));
        var without = Sample(Load(row + "}"));

        Assert.NotEqual(without.GetColumn<string>("Chosen"), with.GetColumn<string>("Chosen"));
        Assert.Equal("""[{"name": "clock"}]""", with.GetColumn<string>("Tools").Single());
        Assert.Null(without.Schema.GetColumnOrNull("Tools"));
        // The pairs, saved and loaded, train with the same tools.
        Ml.Data.SaveAsChatJsonLines(with, _folder.File("pairs.jsonl"));
        Assert.Equal("""[{"name": "clock"}]""", new PreferenceColumns().Read(Ml.Data.LoadFromChatJsonLines(_folder.File("pairs.jsonl"))).Single().Tools);

        IDataView Sample(IDataView rows) => Ml.Drift().DsatPairSampler(policy, Generation.TinyPolicy.Options).Fit(rows).Transform(rows);
    }

    [Fact]
    public void Load_WholeTexts_TrainsEveryToken()
    {
        var data = Load("""{"text": "ab"}""", """{"text": "c<e>"}""");

        Assert.Equal(["ab", "c<e>"], data.GetColumn<string>("Text"));
        foreach (var rules in new[] { TokenizationRules.Sound, TokenizationRules.Trl })
        {
            var rows = new SftColumns().Read(data).Select(row => new SftTokenization(Encoder, null, SftLabels.Answers, rules).Tokenize(row, out _)!.Value).ToList();

            Assert.Equal(["ab<e>", "c<e>"], rows.Select(row => TinyText.Text(row.Ids)));
            Assert.All(rows, row => Assert.All(row.IsLabel, Assert.True));
        }
    }

    [Fact]
    public void Load_WholeTextThatIsNone_NamesTheField() =>
        Assert.Contains("text", Assert.Throws<InvalidDataException>(() => Load("""{"text": ["a"]}""")).Message);

    [Fact]
    public void Fit_WholeTexts_MakesThemMoreLikely()
    {
        using var policy = Generation.TinyPolicy.Create();
        var trainer = Ml.Drift().Trainers.Sft(policy, learningRate: 1e-3, numberOfEpochs: 10);

        using var trained = trainer.Fit(Load("""{"text": "abcabcabc"}""", """{"text": "abcabc"}""")).Model;

        Assert.True(trainer.History!.Steps.Last().Metrics["loss"] < trainer.History.Steps.First().Metrics["loss"] - 1);
    }
}
