using System.Diagnostics;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Sampling;

/// <summary>Tokens per second of prompts and answers: batch sizes, many rows, ragged prompts.</summary>
internal sealed class SamplingBenchmark : IBenchmark
{
    private static readonly GenerationOptions Options = new() { IgnoreEos = true };

    public string Mode => "sampling";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        var (name, model) = BenchmarkModel.Load(options);
        using (model)
        {
            BatchSizes(name, model, options, page);
            Ragged(name, model, options, page);
        }
        using var small = BenchmarkModel.Random(BenchmarkModel.Small());
        ManyRows(small, options, page);
    }

    private static void BatchSizes(string name, CausalLM model, BenchmarkOptions options, ResultPage page)
    {
        var (prompt, completion) = (options.Prompt ?? 128, options.Completion ?? 64);
        var title = $"sampling: {name}, prompts of {prompt} tokens, answers of {completion}";
        if (!options.Wants(title)) return;
        var machine = Machine.Measure(options.Rounds);
        int[] batches = options.Batch is { } one ? [one] : [1, 8, 16, 32];
        var speeds = batches.Select(batch => (Batch: batch, Rates: Rates(model, batch, prompt, completion, options.Rounds))).ToList();
        page.Write(title,
            $"{machine}. Temperature 0.7, top-p 0.9. Tokens per second; llama.cpp's are those of F32 weights on two cores ({LlamaCpp.Source}), scaled by this machine's streaming (batch 1) or GEMM rate.", "",
            ResultPage.Table(["batch", "answers", "× llama.cpp", "torch path", "prompts", "× llama.cpp", "torch path", "±"], [.. speeds.Select(speed => (string[])[
                $"{speed.Batch}", $"{speed.Rates.Answers.Own:F0}", LlamaCpp.Decode(speed.Batch, machine) is { } other ? $"{speed.Rates.Answers.Own / other:F1} ({other:F0})" : "", $"{speed.Rates.Answers.Torch:F0}",
                $"{speed.Rates.Prompts.Own:F0}", $"{speed.Rates.Prompts.Own / LlamaCpp.Prefill(machine):F1} ({LlamaCpp.Prefill(machine):F0})", $"{speed.Rates.Prompts.Torch:F0}", $"{speed.Rates.Spread:P0}"])]), "",
            $"With weights in eight bits (Q8_0), in the same run. The copy is made when sampling starts, in {speeds.Average(speed => speed.Rates.CopySeconds) * 1000:F0} ms, which the prompts' rate leaves out.", "",
            ResultPage.Table(["batch", "answers", "× float32", "prompts", "× float32"], [.. speeds.Select(speed => (string[])[
                $"{speed.Batch}", $"{speed.Rates.Answers.EightBit:F0}", $"{speed.Rates.Answers.EightBit / speed.Rates.Answers.Own:F2}", $"{speed.Rates.Prompts.EightBit:F0}", $"{speed.Rates.Prompts.EightBit / speed.Rates.Prompts.Own:F2}"])]));
    }

    /// <summary>Tokens per second of every way to sample a batch, measured in turns.</summary>
    private static SamplingRates Rates(CausalLM model, int batch, int prompt, int completion, int rounds)
    {
        var requests = Prompts.Even(batch, prompt, model.Configuration.VocabularySize);
        var torchAnswer = Math.Min(completion, 16);
        var times = Interleaved.Measure(rounds,
            ("prompts", () => Generate(model, requests, batch, 1)), ("all", () => Generate(model, requests, batch, completion)),
            ("torch prompts", () => Generate(model, requests, batch, 1, alwaysTorch: true)), ("torch", () => Generate(model, requests, batch, torchAnswer, alwaysTorch: true)),
            ("Q8_0 prompts", () => Generate(model, requests, batch, 1, WeightPrecision.Q8_0)), ("Q8_0", () => Generate(model, requests, batch, completion, WeightPrecision.Q8_0)),
            ("no copy", () => new CpuDecoder(model.Decoder).Dispose()), ("copy", () => new CpuDecoder(model.Decoder, WeightPrecision.Q8_0).Dispose()));
        var copy = times[7].Median - times[6].Median;
        return new(
            new(Rate(completion, times[1].Median - times[0].Median), Rate(torchAnswer, times[3].Median - times[2].Median), Rate(completion, times[5].Median - times[4].Median)),
            new(batch * prompt / times[0].Median, batch * prompt / times[2].Median, batch * prompt / (times[4].Median - copy)), copy, times[1].Spread);

        double Rate(int tokens, double seconds) => batch * (tokens - 1) / seconds;
    }

    /// <summary>A thousand prompts of real, uneven lengths, none alike, against as many of their mean length.</summary>
    private static void Ragged(string name, CausalLM model, BenchmarkOptions options, ResultPage page)
    {
        const int count = 1000, completion = 64, batch = 32;
        var title = $"sampling: {name}, {count} ragged prompts";
        if (!options.Wants(title)) return;
        var vocabulary = model.Configuration.VocabularySize;
        var ragged = Prompts.Ragged(count, vocabulary);
        var even = Prompts.Even(8 * batch, (int)ragged.Average(request => request.PromptIds.Count), vocabulary);
        Generate(model, even[..batch], batch, completion);
        var evenRate = even.Length * completion / Seconds(() => Generate(model, even, batch, completion));
        var raggedRate = count * completion / Seconds(() => Generate(model, ragged, batch, completion));
        page.Write(title,
            $"Prompts of {ragged.Min(request => request.PromptIds.Count)} to {ragged.Max(request => request.PromptIds.Count)} tokens (lengths of real complaint conversations), answers of {completion}, batch {batch}; answer tokens per second, prompts included.", "",
            ResultPage.Table(["", "rows", "tokens/s", "share"], [
                ["prompts of their mean length", $"{even.Length}", $"{evenRate:F0}", "100 %"], ["ragged", $"{count}", $"{raggedRate:F0}", $"{raggedRate / evenRate:P0}"]]));
    }

    /// <summary>Few rows, many, and few again, so that what else happens on the machine meanwhile falls on all alike; small runs are repeated.</summary>
    private static void ManyRows(CausalLM model, BenchmarkOptions options, ResultPage page)
    {
        const int completion = 16, batch = 32;
        const string title = "sampling: 5M parameters, from 100 to 10,000 rows";
        if (!options.Wants(title)) return;
        (int Rows, int Runs)[] turns = [(100, 20), (1000, 2), (10_000, 1), (1000, 2), (100, 20)];
        Generate(model, Prompts.Ragged(2 * batch, model.Configuration.VocabularySize), batch, completion);
        var measured = turns.Select(turn =>
        {
            var requests = Prompts.Ragged(turn.Rows, model.Configuration.VocabularySize);
            return (turn.Rows, Tokens: (double)turn.Runs * turn.Rows * completion, Seconds: Enumerable.Range(0, turn.Runs).Sum(_ => Seconds(() => Generate(model, requests, batch, completion))));
        }).ToList();
        var rows = measured.GroupBy(turn => turn.Rows).Select(size => (string[])[$"{size.Key}", $"{size.Sum(turn => turn.Tokens) / size.Sum(turn => turn.Seconds):F0}", string.Join(", ", size.Select(turn => $"{turn.Tokens / turn.Seconds:F0}"))]);
        page.Write(title, $"Ragged prompts, answers of {completion} tokens, batch {batch}; answer tokens per second, prompts included. Sizes are measured in the order 100, 1,000, 10,000, 1,000, 100.", "",
            ResultPage.Table(["rows", "tokens/s", "by turn"], [.. rows]));
    }

    private static double Seconds(Action work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalSeconds;
    }

    private static void Generate(CausalLM model, GenerationRequest[] requests, int batch, int completion, WeightPrecision weights = WeightPrecision.Float32, bool alwaysTorch = false) =>
        new GenerationEngine(model, Options with { MaxNewTokens = completion, Weights = weights }, new() { BatchSize = batch }) { AlwaysTorch = alwaysTorch }.Generate(requests);

    /// <summary>Tokens per second: our forward pass, torch's, ours with weights in eight bits.</summary>
    private readonly record struct ThreeWays(double Own, double Torch, double EightBit);

    private sealed record SamplingRates(ThreeWays Answers, ThreeWays Prompts, double CopySeconds, double Spread);
}
