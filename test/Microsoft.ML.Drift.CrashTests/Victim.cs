using System.Runtime.InteropServices;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using TorchSharp;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>The run that is killed: an ordinary user's program. It says what it is doing, one line each, on standard output.</summary>
internal static class Victim
{
    /// <summary>What a shell expects of a program that was asked to stop.</summary>
    public const int Cancelled = 130;

    public static int Run(Workload workload, string output)
    {
        torch.set_num_threads(1);
        using var cancel = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);

        using var policy = CausalLM.Load(workload.Model);
        var context = new MLContext(1);
        Say("begin");
        var options = new DriftIterationEstimator.Options
        {
            NumberOfIterations = workload.Iterations,
            NumberOfHeldOutRows = workload.HeldOutRows,
            SeedPairs = workload.SeedPairs is null ? null : context.Data.LoadFromChatJsonLines(workload.SeedPairs, new ChatJsonLinesOptions { Format = ChatRowFormat.Pairs }),
            SeedEpochs = workload.SeedPairs is null ? null : workload.Epochs,
            Sampling = new()
            {
                Generation = new() { MaxNewTokens = workload.NewTokens, Temperature = 1, TopP = 0.95 },
                Batching = new() { BatchSize = 4 },
                Filters = ChosenFilters.None,
            },
            Training = new()
            {
                LearningRate = 1e-3, Optimizer = OptimizerType.AdamW, Loss = PreferenceLossType.BcoPair, BatchSize = 2, GradientAccumulationSteps = 2,
                NumberOfEpochs = workload.Epochs, Evaluation = EvaluationStrategy.Steps, EvaluationSteps = 3, Checkpoints = new() { EverySteps = 2 },
            },
            RunFolder = output,
            CancellationToken = cancel.Token,
            Progress = new Listener<DriftProgress>(value => Say($"{value.Stage} {value.Activity} {value.Done}/{value.Total}")),
            Notices = new Listener<string>(notice => Say($"notice {notice}")),
        };
        var dsat = context.Data.LoadFromChatJsonLines(workload.Complaints, new ChatJsonLinesOptions { Format = ChatRowFormat.Dissatisfaction });
        var run = context.Drift().Trainers.Drift(policy, options).Run(dsat);
        using var model = run.Transformer.Model;
        Say("result Saving 0/1");
        model.Save(Path.Combine(output, "model"));
        Say("end");
        return 0;

        void Cancel(PosixSignalContext signal)
        {
            signal.Cancel = true;
            cancel.Cancel();
        }
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }

    private sealed class Listener<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
