using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>One optimizer step of DPO: TRL's plan and ours, on the same pairs.</summary>
internal sealed class StepBenchmark : IBenchmark
{
    // 512 to 8,192 tokens.
    private static readonly (string How, TrainingShape[] Shapes) s_more = ("more pairs", [.. new[] { 2, 4, 8, 16, 32 }.Select(batch => TrainingShape.Even(batch, 128, 64))]);
    private static readonly (string How, TrainingShape[] Shapes) s_longer = ("longer pairs", [.. new[] { 1, 2, 4, 8, 16 }.Select(times => TrainingShape.Even(4, 64 * times, 32 * times))]);

    private static readonly string[] s_columns = ["", "a step", "tokens/s", "share of MKL's peak", "of oneDNN's", "times faster"];

    public string Mode => "step";

    /// <summary>The shape of short conversations.</summary>
    public static TrainingShape Short { get; } = TrainingShape.Even(4, 64, 64);

    /// <summary>The paper's lengths: too long for TRL's plan without checkpointing.</summary>
    public static TrainingShape Drift { get; } = TrainingShape.Even(4, 1024, 448);

    /// <summary>Steps in a process of its own: a first and a measured one; of TRL's on a long shape, which takes minutes, the first.</summary>
    public static int OwnSteps(TrainingShape shape, PlanKind plan) => (shape.IsLong, plan) switch
    {
        (false, _) or (true, PlanKind.OursCheckpointed) => 2,
        (true, PlanKind.Ours) => 3,
        _ => 1,
    };

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        var source = BenchmarkModel.Source(options);
        using (var model = source.Load())
        {
            foreach (var shape in options.Shape is { } one ? [one] : new[] { TrainingShape.Even(4, 192, 64), Short, TrainingShape.Dsat }) Compare(source.Name, model, shape, options, page);
            if (options.Shape is null) TokenCounts($"{source.Name}, ours", model, [PlanKind.Ours], s_longer, options, page);
        }
        if (options.Shape is null) Long(source, options, page);
        if (options.Model is not null) return;
        using var small = BenchmarkModel.SmallSource().Load();
        // A step here takes a tenth of a second, a good part of which is what the other plan's step left in caches and heap: in a training it comes after one of its own.
        Compare("5M parameters", small, options.Shape ?? TrainingShape.Even(4, 64, 32), options, page, stepsAtOnce: 10);
        if (options.Shape is not null) return;
        foreach (var growth in new[] { s_more, s_longer }) TokenCounts("5M parameters", small, [PlanKind.Trl, PlanKind.Ours], growth, options, page);
        Vocabularies(options, page);
    }

    private static void Compare(string name, CausalLM model, TrainingShape shape, BenchmarkOptions options, ResultPage page, int stepsAtOnce = 1)
    {
        var title = $"step: {name}, {shape}";
        if (!options.Wants(title)) return;
        var machine = Machine.Measure(options.Rounds);
        var operations = shape.Operations(model.Decoder.Specification);
        var times = Measure(model, shape, [PlanKind.Trl, PlanKind.Ours], shape.Steps > 1 ? options.FewRounds : options.Rounds, stepsAtOnce);
        page.Write(title,
            $"{machine}.{(stepsAtOnce > 1 ? $" {stepsAtOnce} steps of a plan, then as many of the other's." : "")} The step needs {operations / 1e9:F0} GFLOP; the reference pass, once per stage, is not in ours.{RecordedTrl.Compare(shape, model, times[1], machine)}", "",
            ResultPage.Table(s_columns, times.Select(time => Row(time, times[0], shape.Tokens, operations, machine))));
    }

    /// <summary>TRL's plan needs most of this machine's memory here, and minutes for a step: it gets a process of its own and takes one.</summary>
    private static void Long(ModelSource source, BenchmarkOptions options, ResultPage page)
    {
        var title = $"step: {source.Name}, {Drift}";
        if (!options.Wants(title)) return;
        var machine = Machine.Measure(options.Rounds);
        using var model = source.Load();
        var operations = Drift.Operations(model.Decoder.Specification);
        PlanKind[] plans = [PlanKind.TrlCheckpointed, PlanKind.Ours, PlanKind.OursCheckpointed];
        var results = plans.Select(plan => OwnProcess.Measure(new(source, Drift, plan, OwnSteps(Drift, plan)), options.Threads)).ToList();
        var times = plans.Zip(results, (plan, result) => result.Timing(plan.Name())).ToList();
        page.Write(title,
            $"{machine}. The step needs {operations / 1e9:F0} GFLOP. Each plan in a process of its own, one after the other: one step of TRL's plan; ours after a first step.{RecordedTrl.Compare(Drift, model, times[1], machine)}", "",
            ResultPage.Table([.. s_columns, "peak, GB"], times.Zip(results, (time, result) => (string[])[.. Row(time, times[0], Drift.Tokens, operations, machine), $"{result.Peak / 1e9:F1}"])));
    }

    /// <summary>How a step's time grows with its tokens.</summary>
    private static void TokenCounts(string name, CausalLM model, PlanKind[] plans, (string How, TrainingShape[] Shapes) growth, BenchmarkOptions options, ResultPage page)
    {
        var title = $"step: {name}, {growth.Shapes[0].Tokens:N0} to {growth.Shapes[^1].Tokens:N0} tokens in {growth.How}";
        if (!options.Wants(title)) return;
        var rows = growth.Shapes.Select(shape => (Shape: shape, Times: Measure(model, shape, plans, options.FewRounds))).ToList();
        var first = PerToken(rows[0].Shape, rows[0].Times);
        page.Write(title, "A token's time is ours. Its operations grow with the pairs' length by attention.", "",
            ResultPage.Table(["shape", "tokens", "GFLOP a token", .. plans.Select(plan => plan.Name()), "a token", $"against {growth.Shapes[0].Tokens}", "times faster"], rows.Select(row => (string[])[
                row.Shape.Name, $"{row.Shape.Tokens}", $"{row.Shape.Operations(model.Decoder.Specification) / row.Shape.Tokens / 1e9:G3}", .. row.Times.Select(time => time.ToString()),
                $"{PerToken(row.Shape, row.Times) * 1e3:G3} ms", $"{PerToken(row.Shape, row.Times) / first:F2}", plans.Length > 1 ? $"{row.Times[^1].TimesFasterThan(row.Times[0]):F1}" : ""])));

        static double PerToken(TrainingShape shape, List<Timing> times) => times[^1].Median / shape.Tokens;
    }

    /// <summary>How a step's time grows with the vocabulary.</summary>
    private static void Vocabularies(BenchmarkOptions options, ResultPage page)
    {
        var shape = TrainingShape.Even(4, 192, 64);
        var title = $"step: a body of 4M weights, {shape}, vocabularies of 1,000 to 150,000";
        if (!options.Wants(title)) return;
        var rows = new List<string[]>();
        foreach (var vocabulary in BenchmarkModel.Vocabularies)
        {
            using var model = BenchmarkModel.SmallSource(vocabulary).Load();
            var times = Measure(model, shape, [PlanKind.Trl, PlanKind.Ours], options.FewRounds);
            rows.Add([$"{vocabulary:N0}", $"{shape.Operations(model.Decoder.Specification) / 1e9:F0}", .. times.Select(time => time.ToString()), $"{times[1].TimesFasterThan(times[0]):F1}"]);
        }
        page.Write(title, "", ResultPage.Table(["tokens", "GFLOP", "TRL's plan", "ours", "times faster"], rows));
    }

    /// <summary>Times of a step, in turns, after a check that all plans take the same one.</summary>
    private static List<Timing> Measure(CausalLM model, TrainingShape shape, PlanKind[] kinds, int rounds, int stepsAtOnce = 1)
    {
        var pairs = shape.MakePairs(model.Configuration.VocabularySize);
        var plans = kinds.Select(kind => TrainingPlans.Create(kind, model, pairs, shape.Batch)).ToList();
        var outcomes = kinds.Select(_ => new List<StepOutcome>()).ToList();
        try
        {
            var times = Interleaved.Measure(rounds, [.. kinds.Select((kind, i) => (kind.Name(), (Action)(() =>
            {
                for (var step = 0; step < shape.Steps * stepsAtOnce; step++) outcomes[i].Add(plans[i].Step());
            })))]);
            foreach (var other in outcomes.Skip(1)) TrainingPlans.MustAgree(outcomes[0], other);
            return [.. times.Select(time => time with { Seconds = [.. time.Seconds.Select(seconds => seconds / shape.Steps / stepsAtOnce)] })];
        }
        finally
        {
            plans.ForEach(plan => plan.Dispose());
        }
    }

    private static string[] Row(Timing time, Timing first, long tokens, double operations, Machine machine) => [
        time.Name, time.ToString(), $"{tokens / time.Median:F0}", $"{operations / time.Median / machine.Gemm:P0}", $"{operations / time.Median / machine.Convolution:P0}", $"{time.TimesFasterThan(first):F1}"];
}
