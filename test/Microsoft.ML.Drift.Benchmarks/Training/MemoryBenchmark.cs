using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>Peak memory of a training step by plan and by cause, the planner's estimate against what was taken, and memory over a thousand steps.</summary>
internal sealed class MemoryBenchmark : IBenchmark
{
    private static readonly PlanKind[] s_plans = [PlanKind.Trl, PlanKind.TrlCheckpointed, PlanKind.Ours, PlanKind.OursCheckpointed];

    public string Mode => "memory";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        var model = BenchmarkModel.Source(options);
        var shapes = options.Shape is { } one ? [one] : new[] { StepBenchmark.Short, TrainingShape.Even(4, 192, 64), TrainingShape.Dsat, StepBenchmark.Drift };
        Peaks(model, shapes, options, page);
        Causes(model, shapes, options, page);
        foreach (var source in options.Model is null ? [model, BenchmarkModel.SmallSource()] : new[] { model }) Budgets(source, options, page);
        Growth(options, page);
    }

    private static void Peaks(ModelSource model, TrainingShape[] shapes, BenchmarkOptions options, ResultPage page)
    {
        var title = $"memory: peak of a step, {model.Name}";
        if (!options.Wants(title)) return;
        var cases = shapes.Select(shape => (Model: model, Shape: shape)).ToList();
        if (options.Model is null) cases.AddRange([(BenchmarkModel.SmallSource(), TrainingShape.Even(4, 64, 32)), (BenchmarkModel.SmallSource(150_000), TrainingShape.Even(4, 192, 64))]);
        page.Write(title,
            "Most memory resident, in GB, each in a process of its own: runtime, models (ours: the policy, which is trained in place as `drift train` does; a trainer that leaves its policy as it is holds one more; TRL's plan: policy and reference), gradients, RMSprop's state and the step. TRL's plan takes one step on the long shape, and RMSprop's state comes at its end: a second would need that much more. —: TRL was killed at 24 GB.", "",
            ResultPage.Table(["model", "shape", .. s_plans.Select(plan => plan.Name())], cases.Select(row => (string[])[
                row.Model.Name, row.Shape.Name, .. s_plans.Select(plan => Fits(row.Shape, plan) ? Gigabytes(Step(row.Model, row.Shape, plan, options).Peak) : "—")])));
    }

    /// <summary>What the memory of our step is.</summary>
    private static void Causes(ModelSource model, TrainingShape[] shapes, BenchmarkOptions options, ResultPage page)
    {
        var title = $"memory: by cause, {model.Name}";
        if (!options.Wants(title)) return;
        var rows = shapes.SelectMany(shape => new[] { PlanKind.Ours, PlanKind.OursCheckpointed }.Select(plan => (Shape: shape, Plan: plan))).Select(row =>
        {
            var result = Step(model, row.Shape, row.Plan, options);
            if (result.Heap is not { } heap) return [row.Shape.Name, row.Plan.Name(), Gigabytes(result.Peak), "", "", "", "", ""];
            var step = heap.InUse - heap.Before - 2 * result.Weights;
            return (string[])[
                row.Shape.Name, row.Plan.Name(), Gigabytes(result.Peak), Gigabytes(result.Empty), Gigabytes(result.Weights), Gigabytes(2 * result.Weights), Gigabytes(step),
                Gigabytes(result.Peak - result.Empty - 3 * result.Weights - step)];
        });
        page.Write(title,
            "In GB. Activations and logits: the most that the native heap has in use, beside the standing things. Held free: resident at the peak, but in use neither then nor by anything before.", "",
            ResultPage.Table(["shape", "plan", "peak", "runtime", "policy", "gradients and RMSprop", "activations and logits", "held free"], rows));
    }

    /// <summary>Whether a training keeps to the memory it is allowed, and whether the planner's estimate is true.</summary>
    private static void Budgets(ModelSource model, BenchmarkOptions options, ResultPage page)
    {
        var title = $"memory: MaxMemory, {model.Name}";
        if (!options.Wants(title)) return;
        long standing;
        using (var loaded = model.Load()) standing = PassPlanner.StandingBytes(loaded.Decoder, OurPlan.Options(1)) + TrainingMemory.Fixed;
        var rows = new List<string[]>();
        foreach (var shape in options.Shape is { } one ? [one] : new[] { TrainingShape.Dsat, TrainingShape.Even(4, 192, 64) })
        {
            var unlimited = Step(model, shape, PlanKind.Ours, options);
            rows.Add(Row(shape, null, unlimited));
            foreach (var share in new[] { 0.75, 0.5, 0.25, 0.1 })
            {
                var budget = standing + (long)((unlimited.Estimate!.Value - standing) * share);
                rows.Add(Row(shape, budget, Step(model, shape, PlanKind.Ours, options, budget)));
            }
        }
        page.Write(title,
            $"What training takes beside the weights, in MB; {Megabytes(standing)} of it are what it counts for gradients, RMSprop's state and the process itself. Measured: the process's peak less what was resident before. The budgets leave ¾, ½, ¼ and ¹⁄₁₀ of what a pass with all rows would take.", "",
            ResultPage.Table(["shape", "MaxMemory", "estimate", "measured", "measured / estimate", "measured / MaxMemory", "a step"], rows));

        static string[] Row(TrainingShape shape, long? budget, CaseResult result) => [
            shape.Name, budget is { } most ? Megabytes(most) : "default", Megabytes(result.Estimate!.Value), Megabytes(result.Added), $"{(double)result.Added / result.Estimate.Value:F2}",
            budget is { } limit ? $"{(double)result.Added / limit:F2}" : "", $"{result.Timing("").Median:F2} s"];
    }

    private static void Growth(BenchmarkOptions options, ResultPage page)
    {
        const string title = "memory: a thousand steps, 5M parameters";
        if (!options.Wants(title)) return;
        var steps = OwnProcess.Measure(new(BenchmarkModel.SmallSource(), TrainingShape.Even(4, 24, 8), PlanKind.Ours, Steps: 1000), options.Threads).Steps;
        page.Write(title, "B4 P24/C8, in one process.", "",
            ResultPage.Table(["after step", "resident, MB", "live tensors"], new[] { 1, 10, 100, 250, 500, 750, 1000 }.Select(step => (string[])[$"{step}", Megabytes(steps[step - 1].Resident), $"{steps[step - 1].Tensors}"])));
    }

    // Without checkpointing TRL was killed at 24 GB on the long shape.
    private static bool Fits(TrainingShape shape, PlanKind plan) => plan != PlanKind.Trl || !shape.IsLong;

    private static CaseResult Step(ModelSource model, TrainingShape shape, PlanKind plan, BenchmarkOptions options, long? maxMemory = null) =>
        OwnProcess.Measure(new(model, shape, plan, StepBenchmark.OwnSteps(shape, plan), maxMemory), options.Threads);

    private static string Gigabytes(long bytes) => $"{bytes / 1e9:F2}";

    private static string Megabytes(long bytes) => $"{bytes / 1e6:F0}";
}
