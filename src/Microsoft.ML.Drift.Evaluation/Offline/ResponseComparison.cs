using Microsoft.ML.Drift.Evaluation.Statistics;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>How a figure differs between two sets of responses to the same prompts.</summary>
/// <param name="Name">The figure.</param>
/// <param name="Baseline">Its value for the baseline.</param>
/// <param name="Candidate">Its value for the candidate.</param>
/// <param name="Difference">Candidate minus baseline, with its bootstrap interval over rows.</param>
/// <param name="Tests">Tests of the rows; null for a figure of the whole set, such as distinct-n.</param>
public sealed record MetricDifference(string Name, double Baseline, double Candidate, Estimate Difference, PairedTestResults? Tests);

/// <summary>Tests of whether paired rows differ, all two-sided.</summary>
/// <param name="Higher">Rows in which the candidate's value is higher.</param>
/// <param name="Lower">Rows in which it is lower.</param>
/// <param name="Equal">Rows in which it is the same.</param>
/// <param name="BootstrapPValue">Of the mean difference; see <see cref="Bootstrap.Difference"/>.</param>
/// <param name="SignPValue">Of the counts; for yes-or-no figures McNemar's exact test. See <see cref="PairedTests.Sign"/>.</param>
/// <param name="WilcoxonPValue">Of the signed ranks; see <see cref="PairedTests.Wilcoxon"/>.</param>
public sealed record PairedTestResults(int Higher, int Lower, int Equal, double BootstrapPValue, double SignPValue, double WilcoxonPValue);

/// <summary>Two models' responses to the same prompts, side by side.</summary>
/// <param name="Rows">Number of pairs.</param>
/// <param name="Baseline">The baseline's figures.</param>
/// <param name="Candidate">The candidate's figures.</param>
/// <param name="Differences">
/// For every figure that both have: <c>characters</c>, <c>words</c>, <c>tokens</c>, <c>empty</c>, <c>repetition</c>, <c>copy/prompt</c>, <c>copy/feedback</c>, <c>copy/rejected</c>, <c>same/rejected</c>, <c>eos</c>,
/// <c>distinct_1</c> to <c>distinct_4</c>, <c>self_bleu</c>, <c>coverage/occupied</c>, <c>coverage/effective</c>.
/// </param>
public sealed record ResponseComparison(int Rows, ResponseMetrics Baseline, ResponseMetrics Candidate, IReadOnlyList<MetricDifference> Differences)
{
    /// <summary>The difference of one figure.</summary>
    /// <param name="name">The figure's name.</param>
    /// <exception cref="ArgumentException">There is no such figure; the message names those there are.</exception>
    public MetricDifference this[string name] => Differences.FirstOrDefault(difference => difference.Name == name)
        ?? throw new ArgumentException($"There is no figure \"{name}\"; there are: {string.Join(", ", Differences.Select(difference => difference.Name))}.", nameof(name));
}

/// <summary>Evaluates and compares responses.</summary>
internal static class ResponseEvaluation
{
    public static ResponseMetrics Evaluate(IDataView data, ResponseEvaluationOptions options)
    {
        options.Resampling.Validate();
        var measured = MeasuredResponses.Of(data, options);
        return measured.Metrics(CoverageOf([measured], options)?[0]);
    }

    /// <exception cref="ArgumentException">The rows of the two do not belong together.</exception>
    public static ResponseComparison Compare(IDataView baseline, IDataView candidate, ResponseEvaluationOptions options)
    {
        options.Resampling.Validate();
        var before = MeasuredResponses.Of(baseline, options);
        var after = Paired(before, MeasuredResponses.Of(candidate, options), options);
        var coverage = CoverageOf([before, after], options);
        return new ResponseComparison(before.Rows.Count, before.Metrics(coverage?[0]), after.Metrics(coverage?[1]), [.. Differences(before, after, coverage, options)]);
    }

    private static IEnumerable<MetricDifference> Differences(MeasuredResponses before, MeasuredResponses after, CoverageMetrics[]? coverage, ResponseEvaluationOptions options)
    {
        var resampling = options.Resampling;
        var ofRows = before.ByRow.Keys.Where(after.ByRow.ContainsKey).ToList();
        var (done, total) = (0, ofRows.Count + (NGrams.Longest + 1 + (coverage is null ? 0 : 2)) * resampling.HalfSamples);
        var ends = ofRows.Count;
        foreach (var name in ofRows)
        {
            yield return OfRows(name, before.ByRow[name], after.ByRow[name], resampling);
            Advance();
        }
        for (var n = 1; n <= NGrams.Longest; n++)
        {
            var order = n;
            yield return OfSet($"{MeasuredResponses.Names.Distinct}{n}", rows => before.Distinct(rows, order), rows => after.Distinct(rows, order));
        }
        yield return OfSet(MeasuredResponses.Names.SelfBleu, before.SelfBleu, after.SelfBleu);
        if (coverage is null) yield break;
        yield return OfSet(MeasuredResponses.Names.Occupied, rows => Coverage.OccupiedShare(Counts(coverage[0], rows)), rows => Coverage.OccupiedShare(Counts(coverage[1], rows)));
        yield return OfSet(MeasuredResponses.Names.Effective, rows => Coverage.EffectiveShare(Counts(coverage[0], rows)), rows => Coverage.EffectiveShare(Counts(coverage[1], rows)));

        MetricDifference OfSet(string name, Func<IReadOnlyList<int>, double> first, Func<IReadOnlyList<int>, double> second)
        {
            var all = Enumerable.Range(0, before.Rows.Count).ToList();
            var difference = Bootstrap.OfSet(all.Count, rows => second(rows) - first(rows), resampling, Advance);
            ends += resampling.HalfSamples;
            if (done < ends) AdvanceBy(ends - done);  // too few rows to draw from
            return new(name, first(all), second(all), difference, null);
        }

        void Advance() => AdvanceBy(1);

        void AdvanceBy(int count) => options.Advance(ResponseActivity.Comparing, done += count, total);
    }

    internal static MetricDifference OfRows(string name, double[] baseline, double[] candidate, Resampling resampling)
    {
        var differences = candidate.Zip(baseline, (second, first) => second - first).ToArray();
        var (difference, chance) = Bootstrap.Difference(differences, resampling);
        var (higher, lower) = (differences.Count(value => value > 0), differences.Count(value => value < 0));
        var tests = new PairedTestResults(higher, lower, differences.Length - higher - lower, chance, PairedTests.Sign(higher, lower), PairedTests.Wilcoxon(differences));
        return new(name, baseline.Average(), candidate.Average(), difference, tests);
    }

    private static int[] Counts(CoverageMetrics coverage, IReadOnlyList<int> rows) => Coverage.Counts(coverage.Clusters, rows.Select(row => coverage.Points[row]));

    private static CoverageMetrics[]? CoverageOf(MeasuredResponses[] sets, ResponseEvaluationOptions options)
    {
        if (options.EmbeddingModel is not { } model) return null;
        string[] responses = [.. sets.SelectMany(set => set.Rows.Select(row => row.Response))];
        var (clusters, points) = Coverage.Of(responses, model, options.Coverage, done => options.Advance(ResponseActivity.Embedding, done, responses.Length));
        var start = 0;
        return [.. sets.Select(set =>
        {
            var own = points[start..(start + set.Rows.Count)];
            start += set.Rows.Count;
            return Coverage.Metrics(clusters, own);
        })];
    }

    /// <summary>The candidate's rows in the baseline's order: by row id where both have it, else as they stand.</summary>
    private static MeasuredResponses Paired(MeasuredResponses baseline, MeasuredResponses candidate, ResponseEvaluationOptions options)
    {
        if (baseline.Rows.Count != candidate.Rows.Count)
            throw new ArgumentException($"The baseline has {baseline.Rows.Count} responses and the candidate {candidate.Rows.Count}; both must answer the same rows.");
        if (baseline.Rows.Any(row => row.RowId is null) || candidate.Rows.Any(row => row.RowId is null)) return candidate;
        var places = new Dictionary<string, int>();
        for (var i = 0; i < candidate.Rows.Count; i++)
            if (!places.TryAdd(candidate.Rows[i].RowId!, i)) throw new ArgumentException($"The candidate has two responses to row \"{candidate.Rows[i].RowId}\"; a row must occur once.");
        var missing = baseline.Rows.Where(row => !places.ContainsKey(row.RowId!)).Select(row => row.RowId).ToList();
        if (missing.Count > 0) throw new ArgumentException($"The candidate has no response to {missing.Count} rows of the baseline, the first is \"{missing[0]}\"; both must answer the same rows.");
        if (baseline.Rows.GroupBy(row => row.RowId).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new ArgumentException($"The baseline has two responses to row \"{twice.Key}\"; a row must occur once.");
        return candidate.InOrder(baseline.Rows.Select(row => places[row.RowId!]), options);
    }
}
