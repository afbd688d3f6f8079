namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>Log-probs of answers under the reference, forward only: TRL's plan and ours, over shapes and vocabularies, with time and memory.</summary>
internal sealed class LogProbsBenchmark : IBenchmark
{
    public string Mode => "logprobs";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        var shape = options.Shape ?? TrainingShape.Even(4, 192, 64);
        var model = BenchmarkModel.Source(options);
        Compare($"logprobs: {model.Name}", (options.Shape is null ? new[] { StepBenchmark.Short, shape, StepBenchmark.Drift } : [shape]).Select(each => (model, each)), options, page);
        if (options.Model is null)
            Compare($"logprobs: a body of 4M weights, {shape}, vocabularies of 1,000 to 150,000", BenchmarkModel.Vocabularies.Select(size => (BenchmarkModel.SmallSource(size), shape)), options, page);
    }

    private static void Compare(string title, IEnumerable<(ModelSource Model, TrainingShape Shape)> cases, BenchmarkOptions options, ResultPage page)
    {
        if (!options.Wants(title)) return;
        page.Write(title,
            "The log-probs of both answers of a batch under the reference model. Memory, in MB: the peak of a process of its own less what was resident before, which has the weights.", "",
            ResultPage.Table(["model", "shape", "TRL's plan", "ours", "times faster", "memory of TRL's plan", "of ours"], cases.Select(each => Row(each.Model, each.Shape, options)).ToList()));
    }

    private static string[] Row(ModelSource source, TrainingShape shape, BenchmarkOptions options)
    {
        PlanKind[] kinds = [PlanKind.Trl, PlanKind.Ours];
        var alone = kinds.Select(kind => OwnProcess.Measure(new(source, shape, kind, Steps: 0), options.Threads)).ToList();
        // A long batch is measured once, where its memory is.
        var times = shape.IsLong ? [.. kinds.Zip(alone, (kind, result) => result.Timing(kind.Name()))] : Times(source, shape, kinds, options.FewRounds);
        return [source.Name, shape.Name, .. times.Select(time => time.ToString()), $"{times[1].TimesFasterThan(times[0]):F1}", .. alone.Select(result => $"{result.Added / 1e6:F0}")];
    }

    private static IReadOnlyList<Timing> Times(ModelSource source, TrainingShape shape, PlanKind[] kinds, int rounds)
    {
        using var model = source.Load();
        var pairs = shape.MakePairs(model.Configuration.VocabularySize);
        var plans = kinds.Select(kind => TrainingPlans.Create(kind, model, pairs, shape.Batch)).ToList();
        var scores = new float[kinds.Length][];
        try
        {
            var times = Interleaved.Measure(rounds, [.. kinds.Select((kind, i) => (kind.Name(), (Action)(() => scores[i] = plans[i].Score())))]);
            TrainingPlans.MustAgree(scores[0], scores[1]);
            return times;
        }
        finally
        {
            plans.ForEach(plan => plan.Dispose());
        }
    }
}
