using Microsoft.ML.Drift.Evaluation.Offline;

namespace Microsoft.ML.Drift.Evaluation.Tests.Offline;

public sealed class TextMeasuresTests
{
    [Theory]
    [InlineData("Don't  STOP, now!", "don ' t stop , now !")]
    [InlineData("naïve café 12", "naïve café 12")]
    [InlineData("你好 world", "你 好 world")]
    [InlineData("हिन्दी", "हिन्दी")]
    [InlineData("a😀b", "a 😀 b")]
    [InlineData(" \n", "")]
    public void Words_Text_AreSplit(string text, string expected) => Assert.Equal(expected, string.Join(' ', Words.Of(text)));

    [Fact]
    public void Repetition_Loop_ByHand()
    {
        // "a b a b a b a": 4-grams abab, baba, abab, baba: 2 of 4 are new.
        Assert.Equal(0.5, TextMeasures.Repetition(new NGrams().Of(Words.Of("a b a b a b a"))));
        Assert.Equal(0, TextMeasures.Repetition(new NGrams().Of(Words.Of("a a a"))));
    }

    [Theory]
    [InlineData("one two three four five", "x one two three four y", 0.5)] // one of two 4-grams
    [InlineData("three four", "one two three four five", 1)]              // short texts as a whole
    [InlineData("four three", "one two three four five", 0)]
    [InlineData("", "one", 0)]
    public void Copied_Source_ByHand(string text, string source, double expected) => Assert.Equal(expected, TextMeasures.Copied(Words.Of(text), Words.Of(source)));

    [Fact]
    public void Distinct_TwoTexts_ByHand()
    {
        var grams = new NGrams();
        var texts = new[] { "a b a", "a b c" }.Select(text => grams.Of(Words.Of(text))).ToList();

        Assert.Equal(3 / 6.0, TextMeasures.Distinct(texts, [0, 1], 1, grams.Kinds(1)));       // a b c of six words
        Assert.Equal(3 / 4.0, TextMeasures.Distinct(texts, [0, 1], 2, grams.Kinds(2)));       // ab ba bc of four
        Assert.Equal(1, TextMeasures.Distinct(texts, [1], 2, grams.Kinds(2)));
        Assert.True(double.IsNaN(TextMeasures.Distinct(texts, [0, 1], 4, grams.Kinds(4))));
    }

    // Values from a plain Python transcription of the published definition, with every text compared with every other one.
    [Theory]
    [InlineData(new[] { 0, 1, 2, 3, 4 }, 0.3582214018144321)]
    [InlineData(new[] { 0, 1, 3 }, 0.5421758573121465)]
    [InlineData(new[] { 2, 4 }, 0.0)]
    [InlineData(new[] { 0, 3 }, 0.5969627845912774)]
    [InlineData(new[] { 1 }, double.NaN)]
    public void SelfBleu_Rows_MatchTheDefinition(int[] rows, double expected)
    {
        string[] texts = ["the cat sat on the mat", "the cat sat on a red mat today", "a dog", "the cat sat on the mat and slept there", "xyz"];
        var grams = new NGrams();
        var bleu = new SelfBleu([.. texts.Select(text => grams.Of(Words.Of(text)))], grams);

        Assert.Equal(expected, bleu.Of(rows), 1e-12);
        Assert.Equal(expected, bleu.Of([.. rows.Reverse()]), 1e-12); // nothing is left over from the first time
    }

    [Fact]
    public void SelfBleu_EqualTexts_IsOne()
    {
        var grams = new NGrams();

        Assert.Equal(1, new SelfBleu([.. Enumerable.Repeat("a b c d e", 3).Select(text => grams.Of(Words.Of(text)))], grams).Of([0, 1, 2]), 1e-12);
    }

    [Fact]
    public void Coverage_ThreeClouds_AreThreeClusters()
    {
        var random = new Random(1);
        var embeddings = Enumerable.Range(0, 90).Select(i => Enumerable.Range(0, 12).Select(d => (d == i % 3 ? 10f : 0) + random.NextSingle()).ToArray()).ToList();

        var (clusters, points) = Coverage.Clustered(embeddings, new() { Clusters = 3, Components = 2 });
        var again = Coverage.Clustered(embeddings, new() { Clusters = 3, Components = 2 }).Points;

        Assert.Equal(3, clusters);
        Assert.All(points.Select((point, i) => (point.Cluster, Cloud: i % 3)).GroupBy(each => each.Cloud), cloud => Assert.Single(cloud.Select(each => each.Cluster).Distinct()));
        Assert.Equal(points, again);
        var metrics = Coverage.Metrics(clusters, points);
        Assert.Equal((1, 1.0), (metrics.Occupied, Math.Round(metrics.Effective, 12)));
        var one = Coverage.Metrics(clusters, [.. points.Where((_, i) => i % 3 == 0)]);
        Assert.Equal((1 / 3.0, 1 / 3.0), (one.Occupied, one.Effective));
    }

    [Fact]
    public void Coverage_EqualResponses_IsOneCluster()
    {
        var (clusters, points) = Coverage.Clustered([.. Enumerable.Repeat(new float[] { 1, 2, 3 }, 5)], new());

        Assert.Equal(1, clusters);
        Assert.Equal(1, Coverage.Metrics(clusters, points).Effective);
    }
}
