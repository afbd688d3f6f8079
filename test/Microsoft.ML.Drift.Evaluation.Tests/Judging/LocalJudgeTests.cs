using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Evaluation.Tests.Judging;

public sealed class LocalJudgeTests
{
    [Fact]
    public async Task Annotate_ByALocalModel_UsesItsLogProbs()
    {
        // An untrained model of bytes prefers no letter: m and M are seldom among its five candidates, but where they are, the preference is a probability.
        using var model = TinyModels.Create();
        var ml = new MLContext();
        var rows = ml.Data.LoadFromEnumerable(new[] { new { Prompt = "" } });
        using var client = ml.Transforms.AnswerPrompts(model, generation: GenerationOptions.Greedy).Fit(rows).AsChatClient();
        var folder = Directory.CreateTempSubdirectory("drift-local-judge-").FullName;
        try
        {
            var options = new JudgeOptions { CachePath = Path.Combine(folder, "c.jsonl"), MaxReasks = 0 };
            var examples = Enumerable.Range(0, 6).Select(i => new AlpacaEvalExample($"say {i}", $"one {i}", $"two {i}")).ToList();
            using (var judge = new Judge(client, options))
            {
                await new AlpacaEvalJudge(judge).AnnotateAsync(examples);
                Assert.Equal((6, 6), (judge.Usage.Replies, judge.Usage.OutputTokens));
                Assert.True(judge.Usage.InputTokens > 600);
            }
            Assert.All(File.ReadAllLines(options.CachePath!), line => Assert.Equal(5, System.Text.Json.Nodes.JsonNode.Parse(line)!["Reply"]!["Candidates"]!.AsArray().Count));

            using var again = new Judge(client, options);
            await new AlpacaEvalJudge(again).AnnotateAsync(examples);
            Assert.Equal((0, 6), (again.Usage.Calls, again.Usage.CachedReplies));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
