using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>One optimizer step of DPO: TRL's plan and ours, on the same pairs.</summary>
internal sealed class StepBenchmark : IBenchmark
{
    private static readonly string[] s_columns = ["", "a step", "tokens/s", "share of MKL's peak", "of oneDNN's", "times faster"];

    public string Mode => "step";

    /// <summary>The shape of short conversations.</summary>
    public static TrainingShape Short { get; } = TrainingShape.Even(4, 64, 64);

    /// <summary>The paper's lengths: too long for TRL's plan without checkpointing.</summary>
    public static TrainingShape Drift { get; } = TrainingShape.Even(4, 1024, 448);

    /// <summary>Steps that are measured in a process of its own: minutes pass in one of TRL's on the long shape.</summary>
    public static int OwnSteps(TrainingShape shape, PlanKind plan) => shape.Longest * shape.Batch > 5000 && !plan.IsOurs() ? 1 : 3;

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        var source = BenchmarkModel.Source(options);
        using (var model = source.Load())
        {
            foreach (var shape in options.Shape is { } one ? [one] : new[] { TrainingShape.Even(4, 192, 64), Short, TrainingShape.Dsat }) Compare(source.Name, model, shape, options, page);
            if (options.Shape is null) TokenCounts($"{source.Name}, ours", model, [PlanKind.Ours], options, page);
        }
        if (options.Shape is null) Long(source, options, page);
        if (options.Model is not null) return;
        using var small = BenchmarkModel.SmallSource().Load();
        Compare("5M parameters", small, options.Shape ?? TrainingShape.Even(4, 64, 32), options, page);
        if (options.Shape is not null) return;
        TokenCounts("5M parameters", small, [PlanKind.Trl, PlanKind.Ours], options, page);
        Vocabularies(options, page);
    }

    private static void Compare(string name, CausalLM model, TrainingShape shape, BenchmarkOptions options, ResultPage page)
    {
        var title = $"step: {name}, {shape}";
        if (!options.Wants(title)) return;
        var machine = Machine.Measure(options.Rounds);
        var operations = shape.Operations(model.Decoder.Specification);
        var times = Measure(model, shape, [PlanKind.Trl, PlanKind.Ours], options.Rounds);
        page.Write(title,
            $"{machine}. The step needs {operations / 1e9:F0} GFLOP; the reference pass, once per stage, is not in ours.{RecordedTrl.Compare(shape, model, times[1], machine)}", "",
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
            $"{machine}. The step needs {operations / 1e9:F0} GFLOP. Each plan in a process of its own, one after the other: one step of TRL's plan, {OwnSteps(Drift, PlanKind.Ours) - 1} of ours after a first.{RecordedTrl.Compare(Drift, model, times[1], machine)}", "",
            ResultPage.Table([.. s_columns, "peak, GB"], times.Zip(results, (time, result) => (string[])[.. Row(time, times[0], Drift.Tokens, operations, machine), $"{result.Peak / 1e9:F1}"])));
    }

    /// <summary>How a step's time grows with its tokens: with more pairs, and with longer ones.</summary>
    private static void TokenCounts(string name, CausalLM model, PlanKind[] plans, BenchmarkOptions options, ResultPage page)
    {
        foreach (var (what, shapes) in new[]
        {
            ("more pairs", new[] { 2, 4, 8, 16, 32 }.Select(batch => TrainingShape.Even(batch, 128, 64))),
            ("longer pairs", new[] { 1, 2, 4, 8, 16 }.Select(times => TrainingShape.Even(4, 64 * times, 32 * times))),
        })
        {
            var title = $"step: {name}, 512 to 8,192 tokens in {what}";
            if (!options.Wants(title)) continue;
            var rows = new List<string[]>();
            double? first = null;
            foreach (var shape in shapes)
            {
                var times = Measure(model, shape, plans, options.FewRounds);
                var perToken = times[^1].Median / shape.Tokens;
                first ??= perToken;
                rows.Add([
                    shape.Name, $"{shape.Tokens}", $"{shape.Operations(model.Decoder.Specification) / shape.Tokens / 1e9:G3}", .. times.Select(time => time.ToString()), $"{perToken * 1e3:G3} ms", $"{perToken / first:F2}",
                    .. plans.Length > 1 ? [$"{times[1].TimesFasterThan(times[0]):F1}"] : Array.Empty<string>()]);
            }
            page.Write(title, "A token's time is ours; its operations grow with the length by attention.", "",
                ResultPage.Table(["shape", "tokens", "GFLOP a token", .. plans.Select(plan => plan.Name()), "a token", "against 512", .. plans.Length > 1 ? ["times faster"] : Array.Empty<string>()], rows));
        }
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
    private static List<Timing> Measure(CausalLM model, TrainingShape shape, PlanKind[] kinds, int rounds)
    {
        var pairs = shape.MakePairs(model.Configuration.VocabularySize);
        var plans = kinds.Select(kind => TrainingPlans.Create(kind, model, pairs, shape.Batch)).ToList();
        var outcomes = kinds.Select(_ => new List<StepOutcome>()).ToList();
        try
        {
            var times = Interleaved.Measure(rounds, [.. kinds.Select((kind, i) => (kind.Name(), (Action)(() =>
            {
                for (var step = 0; step < shape.Steps; step++) outcomes[i].Add(plans[i].Step());
            })))]);
            foreach (var other in outcomes.Skip(1)) TrainingPlans.MustAgree(outcomes[0], other);
            return [.. times.Select(time => time with { Seconds = [.. time.Seconds.Select(seconds => seconds / shape.Steps)] })];
        }
        finally
        {
            plans.ForEach(plan => plan.Dispose());
        }
    }

    private static string[] Row(Timing time, Timing first, long tokens, double operations, Machine machine) => [
        time.Name, time.ToString(), $"{tokens / time.Median:F0}", $"{operations / time.Median / machine.Gemm:P0}", $"{operations / time.Median / machine.Convolution:P0}", $"{time.TimesFasterThan(first):F1}"];
}
