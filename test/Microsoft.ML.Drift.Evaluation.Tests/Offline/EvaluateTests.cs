using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Offline;
using Microsoft.ML.Drift.Evaluation.WildBench;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Evaluation.Tests.Offline;

public sealed class EvaluateTests
{
    private readonly MLContext _ml = new();

    [Fact]
    public void Evaluate_Responses_ByHand()
    {
        var metrics = _ml.Drift().Evaluate(View(
            new() { Prompt = "name two colours please", Response = "name two colours please", Rejected = "go away", Feedback = "please be polite", FinishReason = "stop" },
            new() { Prompt = "say it", Response = "Go away", Rejected = "go  away", Feedback = "be nice", FinishReason = "length" },
            new() { Prompt = "x", Response = " ", Rejected = "y", Feedback = "z", FinishReason = "stop" }));

        Assert.Equal((3, 4, 2.0), (metrics.Rows, metrics.Words.Maximum, metrics.Words.Median));
        Assert.Equal((23 + 7 + 1) / 3.0, metrics.Characters.Mean);
        Assert.Equal((1 / 3.0, 0.0), (metrics.EmptyRate, metrics.Repetition));
        Assert.Equal((1 / 3.0, 0.0, 1 / 3.0, 1 / 3.0, 2 / 3.0), (metrics.CopyOfPrompt, metrics.CopyOfFeedback, metrics.CopyOfRejected, metrics.SameAsRejected, metrics.EosRate));
        Assert.Equal([1, 1, 1, 1], metrics.Distinct);
        Assert.Equal(0, metrics.SelfBleu);
        Assert.Null(metrics.Tokens);
        Assert.Null(metrics.Coverage);
    }

    [Fact]
    public void Evaluate_ResponsesAlone_MeasuresWhatItCan()
    {
        var metrics = _ml.Drift().Evaluate(_ml.Data.LoadFromEnumerable(new[] { new ResponseOnly { Response = "a b" } }));

        Assert.Equal((null, null, null, null, null), (metrics.CopyOfPrompt, metrics.CopyOfFeedback, metrics.CopyOfRejected, metrics.SameAsRejected, metrics.EosRate));
        Assert.True(double.IsNaN(metrics.SelfBleu));
    }

    [Fact]
    public void Evaluate_ChatPromptsAndMessageText_AreTheirContents()
    {
        var chat = _ml.Data.LoadFromEnumerable(new[] { new ChatRow { Prompt = [new(ChatRole.User, "alpha beta"), new(ChatRole.Assistant, "gamma delta")], Response = "gamma delta" } });
        var text = _ml.Data.LoadFromEnumerable(new[] { new Responses { Prompt = """[{"role":"user","content":"alpha"},{"role":"assistant","content":"role user"}]""", Response = "role user" } });

        Assert.Equal(1, _ml.Drift().Evaluate(chat).CopyOfPrompt);
        Assert.Equal(1, _ml.Drift().Evaluate(text).CopyOfPrompt);
        Assert.Equal(0, _ml.Drift().Evaluate(_ml.Data.LoadFromEnumerable(new[] { new Responses { Prompt = """[{"role":"user","content":"alpha"}]""", Response = "role user" } })).CopyOfPrompt);
    }

    [Fact]
    public void Compare_ByRowId_PairsRowsInAnyOrder()
    {
        var before = Enumerable.Range(0, 30).Select(i => new Responses { RowId = $"r{i}", Prompt = "p", Response = $"word{i} again and again and again and again", Rejected = "no", Feedback = "f", FinishReason = i % 2 == 0 ? "stop" : "length" }).ToArray();
        var after = before.Select((row, i) => new Responses { RowId = row.RowId, Prompt = "p", Response = $"different answer number {i} with word{i} twice{i}", Rejected = "no", Feedback = "f", FinishReason = "stop" }).Reverse().ToArray();

        var comparison = _ml.Drift().Compare(View(before), View(after));

        Assert.Equal(30, comparison.Rows);
        var eos = comparison["eos"];
        Assert.Equal((0.5, 1.0, 0.5), (eos.Baseline, eos.Candidate, eos.Difference.Value));
        Assert.Equal((15, 0, 15), (eos.Tests!.Higher, eos.Tests.Lower, eos.Tests.Equal));
        Assert.Equal(2 / Math.Pow(2, 15), eos.Tests.SignPValue, 1e-12);
        Assert.True(eos.Difference.Low > 0.25 && eos.Difference.High < 0.75);
        Assert.True(comparison["repetition"].Difference.High < 0);
        Assert.True(comparison["distinct_2"].Difference.Low > 0);
        Assert.Null(comparison["self_bleu"].Tests);
        Assert.Equal(0, comparison["copy/prompt"].Difference.Value);
        Assert.Contains("there are: characters, words, ", Assert.Throws<ArgumentException>(() => comparison["fun"]).Message);
    }

    [Fact]
    public void Compare_RowsThatDoNotBelongTogether_AreRefused()
    {
        var one = View(new Responses { RowId = "a" }, new() { RowId = "b" });

        Assert.Contains("2 responses and the candidate 1", Refused(one, View(new Responses { RowId = "a" })));
        Assert.Contains("no response to 1 rows of the baseline, the first is \"b\"", Refused(one, View(new Responses { RowId = "a" }, new() { RowId = "c" })));
        Assert.Contains("two responses to row \"a\"", Refused(one, View(new Responses { RowId = "a" }, new() { RowId = "a" })));
        Assert.Contains("no column \"Response\"", Assert.Throws<ArgumentException>(() => _ml.Drift().Evaluate(_ml.Data.LoadFromEnumerable(new[] { new Number { Response2 = 1 } }))).Message);
        Assert.Contains("allowed are stop and length", Assert.Throws<ArgumentException>(() => _ml.Drift().Evaluate(View(new Responses { FinishReason = "eos" }))).Message);
        Assert.Throws<ArgumentException>(() => _ml.Drift().Evaluate(View()));

        string Refused(IDataView baseline, IDataView candidate) => Assert.Throws<ArgumentException>(() => _ml.Drift().Compare(baseline, candidate)).Message;
    }

    [Fact]
    public void Compare_WithAModel_MeasuresTokensAndCoverage()
    {
        using var model = TinyModels.Create();
        var before = View([.. Enumerable.Range(0, 12).Select(i => new Responses { RowId = $"{i}", Response = "aa" })]);
        var after = View([.. Enumerable.Range(0, 12).Select(i => new Responses { RowId = $"{i}", Response = new string((char)('a' + i), i + 1) })]);

        var comparison = _ml.Drift().Compare(before, after, new() { Tokenizer = model.Tokenizer, EmbeddingModel = model, Coverage = new() { Clusters = 5, Components = 3 } });

        Assert.Equal((2.0, 6.5), (comparison["tokens"].Baseline, comparison["tokens"].Candidate));
        Assert.Equal((0.2, 0.2), (comparison.Baseline.Coverage!.Occupied, comparison.Baseline.Coverage.Effective));
        Assert.True(comparison.Candidate.Coverage!.Effective > 0.5);
        Assert.Equal(12, comparison.Candidate.Coverage.Points.Count);
        Assert.True(comparison["coverage/effective"].Difference.Value > 0);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(3)]     // too few for intervals of sets
    public void Compare_Watched_TellsEveryResponseAndEveryDrawing(int rows)
    {
        using var model = TinyModels.Create();
        var responses = View([.. Enumerable.Range(0, rows).Select(i => new Responses { RowId = $"{i}", Response = $"answer {i}" })]);
        var told = new List<ResponseProgress>();

        var comparison = _ml.Drift().Compare(responses, responses, new() { EmbeddingModel = model, Resampling = new() { HalfSamples = 20 }, Progress = new Judging.JudgeTests.Now<ResponseProgress>(told.Add) });

        Assert.Equal(Enumerable.Range(1, 2 * rows), told.Where(each => each.Activity == ResponseActivity.Embedding).Select(each => each.Done));
        var comparing = told.Where(each => each.Activity == ResponseActivity.Comparing).ToList();
        var ofSets = comparison.Differences.Count(difference => difference.Tests is null);
        Assert.All(comparing, each => Assert.Equal(comparison.Differences.Count - ofSets + 20 * ofSets, each.Total));
        Assert.Equal(comparing.Select(each => each.Done).Order().Distinct(), comparing.Select(each => each.Done));
        Assert.Equal(comparing[0].Total, comparing[^1].Done);
    }

    [Fact]
    public void Compare_Cancelled_Stops()
    {
        var responses = View([.. Enumerable.Range(0, 12).Select(i => new Responses { RowId = $"{i}", Response = $"answer {i}" })]);
        using var cancellation = new CancellationTokenSource();
        var told = 0;

        Assert.Throws<OperationCanceledException>(() => _ml.Drift().Compare(responses, responses, new()
        {
            CancellationToken = cancellation.Token,
            Progress = new Judging.JudgeTests.Now<ResponseProgress>(_ =>
            {
                if (++told == 30) cancellation.Cancel();
            }),
        }));

        Assert.Equal(30, told);
    }

    [Fact]
    public void Evaluate_PairsUnderAModel_AreTheScorersSums()
    {
        using var model = TinyModels.Create();
        using var other = TinyModels.Create(seed: 2);
        var pairs = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 12).Select(i => new Pair { RowId = $"{i}", Prompt = $"say {(char)('a' + i)}", Chosen = $"yes {(char)('b' + i)}", Rejected = "no" }));

        var alone = _ml.Drift().Evaluate(pairs, model);
        var against = _ml.Drift().Evaluate(pairs, model, other, new() { Beta = 0.2 });
        var itself = _ml.Drift().Evaluate(pairs, model, model);

        Assert.Equal(alone.Scores.Average(score => score.Chosen - score.Rejected), alone.Margin.Value, 1e-9);
        Assert.Equal(alone.Scores.Count(score => score.Chosen > score.Rejected) / 12.0, alone.Accuracy.Value, 1e-12);
        Assert.Null(alone.ChosenGain);
        var margins = against.Scores.Select(score => 0.2 * (score.Chosen - score.ReferenceChosen!.Value - (score.Rejected - score.ReferenceRejected!.Value))).ToList();
        Assert.Equal(margins.Average(), against.Margin.Value, 1e-9);
        Assert.True(against.Margin.Low < against.Margin.Value && against.Margin.Value < against.Margin.High);
        Assert.Equal(against.Scores.Average(score => score.ChosenGain), against.ChosenGain!.Value.Value, 1e-9);
        Assert.Equal((0.0, 0.0, 1.0, 1.0), (itself.Margin.Value, itself.Accuracy.Value, itself.MarginSignPValue, itself.MarginWilcoxonPValue));
        Assert.Equal(12, itself.Pairs);
        Assert.Contains("Beta is 0", Assert.Throws<ArgumentException>(() => _ml.Drift().Evaluate(pairs, model, options: new() { Beta = 0 })).Message);
    }

    [Fact]
    public void EvaluateBenchmarks_DataViews_GiveTheSameAsLists()
    {
        AlpacaEvalAnnotation[] annotations = [new() { Preference = 1.9, OutputLength = 3, BaselineLength = 4 }, new() { Row = 1, Preference = 1.2, OutputLength = 9, BaselineLength = 4 }];
        WildBenchScoreRow[] scores = [new() { Score = 7, OutputLength = 5, TaskGroups = ["Coding & Debugging", "Creative Tasks"] }];
        WildBenchComparison[] comparisons = [new() { Outcome = 1, OutputLength = 5, TaskGroups = ["Creative Tasks"] }, new() { Outcome = -2 }];

        var alpaca = _ml.Drift().EvaluateAlpacaEval(_ml.Data.LoadFromEnumerable(annotations), new() { Formula = LengthControlFormula.Minimal, RegularizationStrength = 10 });
        var score = _ml.Drift().EvaluateWildBenchScores(_ml.Data.LoadFromEnumerable(scores));
        var reward = _ml.Drift().EvaluateWildBenchRewards(_ml.Data.LoadFromEnumerable(comparisons), lengthMargin: 4);

        Assert.Equal(55, alpaca.WinRate, 1e-9);
        Assert.Equal(new LengthControl { Formula = LengthControlFormula.Minimal, RegularizationStrength = 10 }.Compute(annotations), alpaca.LengthControlled);
        Assert.Equal((7.0, 4.0 * 1.75 / 4.75), (score.Score, score.TaskMacroScore));
        Assert.Equal(-0.5, reward.Reward);
    }

    private IDataView View(params Responses[] rows) => _ml.Data.LoadFromEnumerable(rows);

    private sealed class Responses
    {
        public string RowId { get; set; } = "";
        public string Prompt { get; set; } = "";
        public string Response { get; set; } = "";
        public string Rejected { get; set; } = "";
        public string Feedback { get; set; } = "";
        public string FinishReason { get; set; } = "stop";
    }

    private sealed class ResponseOnly
    {
        public string Response { get; set; } = "";
    }

    private sealed class Number
    {
        public float Response2 { get; set; }
    }

    private sealed class ChatRow
    {
        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];

        public string Response { get; set; } = "";
    }

    private sealed class Pair
    {
        public string RowId { get; set; } = "";
        public string Prompt { get; set; } = "";
        public string Chosen { get; set; } = "";
        public string Rejected { get; set; } = "";
    }
}
