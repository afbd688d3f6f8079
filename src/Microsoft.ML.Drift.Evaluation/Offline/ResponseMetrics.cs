using MathNet.Numerics.Statistics;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>How long texts are.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="StandardDeviation">Of the sample; NaN for one text.</param>
/// <param name="Minimum">The shortest.</param>
/// <param name="Percentile25">A quarter is not longer.</param>
/// <param name="Median">Half are not longer.</param>
/// <param name="Percentile75">Three quarters are not longer.</param>
/// <param name="Percentile95">Nineteen of twenty are not longer.</param>
/// <param name="Maximum">The longest.</param>
public sealed record LengthDistribution(double Mean, double StandardDeviation, int Minimum, double Percentile25, double Median, double Percentile75, double Percentile95, int Maximum)
{
    internal static LengthDistribution Of(IEnumerable<double> lengths)
    {
        var sorted = lengths.Order().ToArray();
        return new(sorted.Average(), sorted.StandardDeviation(), (int)sorted[0], Quantile(0.25), Quantile(0.5), Quantile(0.75), Quantile(0.95), (int)sorted[^1]);

        double Quantile(double tau) => SortedArrayStatistics.QuantileCustom(sorted, tau, QuantileDefinition.R7);
    }
}

/// <summary>What responses are like, without a judge.</summary>
/// <param name="Rows">Number of responses.</param>
/// <param name="Characters">Lengths in Unicode code points.</param>
/// <param name="Words">Lengths in words: runs of letters and digits, and single other characters that are not white space.</param>
/// <param name="Tokens">Lengths in tokens; null without a tokenizer.</param>
/// <param name="EmptyRate">Share of responses of nothing but white space.</param>
/// <param name="Repetition">Mean share of a response's 4-grams that occurred before in it (seq-rep-4, Welleck et al. 2020).</param>
/// <param name="CopyOfPrompt">Mean share of a response's 4-grams that stand in the prompt; null without prompts.</param>
/// <param name="CopyOfFeedback">The same for the complaint; null without one.</param>
/// <param name="CopyOfRejected">The same for the answer the user complained about; null without one.</param>
/// <param name="SameAsRejected">Share of responses with the words of the answer the user complained about; null without one.</param>
/// <param name="EosRate">Share of responses the model ended itself; null without finish reasons.</param>
/// <param name="Distinct">distinct-1 to distinct-4 (Li et al. 2016): different n-grams of all responses over all their n-grams. It falls with the number of responses: compare sets of one size.</param>
/// <param name="SelfBleu">Self-BLEU (Zhu et al. 2018), 0 to 1: mean BLEU-4 of a response against all others, smoothing method 1. Higher is less diverse; NaN for one response.</param>
/// <param name="Coverage">Where the responses lie in the embedding model's space; null without such a model.</param>
public sealed record ResponseMetrics(
    int Rows, LengthDistribution Characters, LengthDistribution Words, LengthDistribution? Tokens, double EmptyRate, double Repetition,
    double? CopyOfPrompt, double? CopyOfFeedback, double? CopyOfRejected, double? SameAsRejected, double? EosRate,
    IReadOnlyList<double> Distinct, double SelfBleu, CoverageMetrics? Coverage);

/// <summary>Where responses lie in a model's hidden-state space: clusters of the principal components of mean hidden states.</summary>
/// <param name="Clusters">Number of clusters, found in all responses that were looked at together.</param>
/// <param name="Occupied">Share of clusters with at least one response.</param>
/// <param name="Effective">e^entropy of the responses' spread over clusters, over the number of clusters: 1 if all clusters hold as many, 1 / clusters if one holds all.</param>
/// <param name="Counts">Responses in each cluster.</param>
/// <param name="Points">For each response its cluster and its first two principal components, for a plot.</param>
public sealed record CoverageMetrics(int Clusters, double Occupied, double Effective, IReadOnlyList<int> Counts, IReadOnlyList<CoveragePoint> Points);

/// <summary>A response in the plane.</summary>
/// <param name="Cluster">Its cluster, from 0.</param>
/// <param name="X">First principal component.</param>
/// <param name="Y">Second principal component.</param>
public readonly record struct CoveragePoint(int Cluster, float X, float Y);
