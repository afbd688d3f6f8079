using Microsoft.ML.Drift.Benchmarks;
using Microsoft.ML.Drift.Benchmarks.Files;
using Microsoft.ML.Drift.Benchmarks.Sampling;
using Microsoft.ML.Drift.Benchmarks.Training;
using Microsoft.ML.Drift.Models;

// A benchmark is a file of its own; adding one means adding it here.
IBenchmark[] benchmarks = [new StepBenchmark(), new LogProbsBenchmark(), new MemoryBenchmark(), new StageBenchmark(), new SamplingBenchmark(), new TextBenchmark(), new LoadingBenchmark()];

if (args is [OwnProcess.Argument, var threads, var work]) return OwnProcess.Answer(threads, work);

if (!BenchmarkOptions.TryParse(args, [.. benchmarks.Select(benchmark => benchmark.Mode)], out var options, out var problem))
{
    Console.Error.WriteLine(problem);
    Console.Error.WriteLine(BenchmarkOptions.Usage([.. benchmarks.Select(benchmark => benchmark.Mode)]));
    return 1;
}

TorchRuntime.EnsureLoaded();
TorchSharp.torch.set_num_threads(options.Threads);
var page = new ResultPage(options.OutputFolder, Machine.Name);
foreach (var benchmark in benchmarks.Where(benchmark => options.Mode == "all" || benchmark.Mode == options.Mode)) benchmark.Run(options, page);
return 0;
