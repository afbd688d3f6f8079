using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>One optimizer step of DPO: TRL's plan and ours, on the same pairs.</summary>
internal sealed class StepBenchmark : IBenchmark
{
    public string Mode => "step";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        var (name, model) = BenchmarkModel.Load(options);
        using (model)
        {
            foreach (var shape in Shapes(options)) Compare(name, model, shape, options, page);
        }
        using var small = BenchmarkModel.Random(BenchmarkModel.Small());
        if (options.Model is null) Compare($"{small.ParameterCount / 1e6:F0}M parameters", small, new(4, 64, 32), options, page);
    }

    private static TrainingShape[] Shapes(BenchmarkOptions options) => options is { Batch: null, Prompt: null, Completion: null }
        ? [new(4, 192, 64), new(4, 64, 64)]
        : [new(options.Batch ?? 4, options.Prompt ?? 192, options.Completion ?? 64)];

    private static void Compare(string name, CausalLM model, TrainingShape shape, BenchmarkOptions options, ResultPage page)
    {
        var title = $"step: {name}, {shape}";
        if (!options.Wants(title)) return;
        var machine = Machine.Measure(options.Rounds);
        var pairs = MadeUpPairs.Of(shape, model.Configuration.VocabularySize);
        using var trl = new TrlPlan(model);
        using var trained = model.Clone();
        using var ours = new PreferenceTraining(trained, null, pairs, [], Training(shape));
        var times = Interleaved.Measure(options.Rounds,
            ("TRL's plan", () => trl.Step(pairs)),
            ("ours", () => ours.Loop.Run(until: ours.Loop.Step + 1)));
        var operations = shape.Operations(model.Decoder.Specification);
        page.Write(title,
            $"{machine}. The step needs {operations / 1e9:F0} GFLOP; the reference pass, once per stage, is not in ours.", "",
            ResultPage.Table(["", "a step", "tokens/s", "share of GEMM peak", "times faster"], times.Select(time => (string[])[
                time.Name, time.ToString(), $"{shape.Tokens / time.Median:F0}", $"{operations / time.Median / machine.Gemm:P0}", $"{time.TimesFasterThan(times[0]):F1}"])));
    }

    private static DpoTrainer.Options Training(TrainingShape shape) =>
        new() { BatchSize = shape.Batch, MaximumSteps = int.MaxValue / 2, RpoAlpha = null, Shuffle = false, Schedule = LearningRateScheduleType.Constant };
}
