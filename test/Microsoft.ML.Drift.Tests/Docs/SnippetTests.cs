using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Persistence;

namespace Microsoft.ML.Drift.Tests.Docs;

/// <summary>
/// The pages' code runs, on an untrained model that writes letters. The pages name files without a folder, so they are made in the tests' working folder and
/// removed again; these tests are one class, and so run one after the other.
/// </summary>
public sealed class SnippetTests : IDisposable
{
    private const int Rows = 24;

    private static readonly string[] Made =
        ["dsat.jsonl", "sft.jsonl", "own.jsonl", "pairs.jsonl", "samples.jsonl", "drift.zip", "assistant.zip", "judge.jsonl", "assistant", "model-folder", "copy", "run"];

    private readonly MLContext _ml = new();
    private readonly CausalLM _policy = TinyModel.Create();

    public SnippetTests()
    {
        foreach (var name in Made) Assert.False(Path.Exists(name), $"{Path.GetFullPath(name)} is in the way of this test, which makes it; remove it.");
        _ml.Data.SaveAsChatJsonLines(Complaints, "dsat.jsonl");
    }

    public void Dispose()
    {
        _policy.Dispose();
        foreach (var name in Made)
            if (Directory.Exists(name)) Directory.Delete(name, recursive: true);
            else File.Delete(name);
    }

    private static IEnumerable<Snippets.Complaint> ComplaintRows => Enumerable.Range(0, Rows).Select(row => new Snippets.Complaint
    {
        RowId = $"row-{row}", Prompt = [new(ChatRole.User, $"tell me of {(char)('a' + row)}")], Rejected = "nothing at all", Feedback = "please say more",
    });

    private IDataView Complaints => _ml.Data.LoadFromEnumerable(ComplaintRows);

    private IDataView Questions => _ml.Data.LoadFromEnumerable(new Snippets.Question[] { new() { Prompt = "a b" }, new() { Prompt = "c" } });

    [Fact]
    public void Readme_FiveLines_TrainAndSaveAModel()
    {
        Snippets.Readme(_policy);

        using var saved = CausalLM.Load("drift.zip");
        Assert.NotEqual(TinyModel.Weights(_policy)["lm_head.weight"], TinyModel.Weights(saved)["lm_head.weight"]);
    }

    [Fact]
    public void GettingStarted_FromFolderToPredictionEngine_Runs()
    {
        _policy.Save("model-folder");

        Snippets.GettingStarted();
        Snippets.GettingStartedElsewhere();

        Assert.True(File.Exists("run/iter2/model/model.safetensors"));
        Assert.True(File.Exists("assistant/model.safetensors"));
        Assert.NotEmpty(File.ReadLines("pairs.jsonl"));
    }

    [Fact]
    public async Task Evaluation_Examples_Run()
    {
        using var other = TinyModel.Create(seed: 2);
        _ml.Data.SaveAsChatJsonLines(_ml.Data.LoadFromEnumerable(Enumerable.Range(0, 6).Select(row => new Pair { Prompt = $"say {(char)('a' + row)}", Chosen = "yes", Rejected = "no" })), "pairs.jsonl");

        Snippets.Evaluation(_ml, _policy, other);
        // An untrained model names no better answer; equal answers tie without being asked.
        await Snippets.Judging(_ml, _policy, Questions, [.. Enumerable.Repeat(new AlpacaEvalExample("say a", "yes", "yes"), 8), new("say b", "yes", "no")]);
        await Snippets.Chat(_ml.Transforms.AnswerPrompts(_policy, generation: new() { MaxNewTokens = 8 }).Fit(Questions));

        Assert.NotEmpty(File.ReadLines("judge.jsonl"));
    }

    private sealed class Pair
    {
        public string Prompt { get; set; } = "";

        public string Chosen { get; set; } = "";

        public string Rejected { get; set; } = "";
    }

    [Fact]
    public void ComponentPages_Examples_Run()
    {
        File.WriteAllText("sft.jsonl", """{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}""");
        _policy.Save("model-folder");

        Snippets.Sampler(_ml, _policy, Complaints);
        Snippets.Dpo(_ml, _policy);
        Snippets.Sft(_ml, _policy);
        Snippets.Iteration(_ml, _policy, Complaints);
        Snippets.Answers(_ml, _policy, Questions);
        Snippets.ModelFile(_ml, _ml.Transforms.AnswerPrompts(_policy).Fit(Questions), Questions);
        Snippets.Data(_ml, ComplaintRows);
        Snippets.Models();

        Assert.True(File.Exists("copy/config.json"));
    }
}
