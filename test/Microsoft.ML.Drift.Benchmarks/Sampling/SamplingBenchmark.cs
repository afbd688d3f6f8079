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
        var rows = new List<string[]>();
        foreach (var batch in options.Batch is { } one ? [one] : new[] { 1, 8, 16, 32 })
        {
            var requests = Prompts.Even(batch, prompt, model.Configuration.VocabularySize);
            var torchAnswer = Math.Min(completion, 16);
            var times = Interleaved.Measure(options.Rounds,
                ("prompts", () => Generate(model, requests, batch, 1)), ("all", () => Generate(model, requests, batch, completion)),
                ("torch prompts", () => Generate(model, requests, batch, 1, alwaysTorch: true)), ("torch", () => Generate(model, requests, batch, torchAnswer, alwaysTorch: true)));
            var decode = batch * (completion - 1) / (times[1].Median - times[0].Median);
            var torchDecode = batch * (torchAnswer - 1) / (times[3].Median - times[2].Median);
            rows.Add([
                $"{batch}", $"{decode:F0}", LlamaCpp.Decode(batch, machine) is { } other ? $"{decode / other:F1} ({other:F0})" : "", $"{torchDecode:F0}",
                $"{batch * prompt / times[0].Median:F0}", $"{batch * prompt / times[0].Median / LlamaCpp.Prefill(machine):F1} ({LlamaCpp.Prefill(machine):F0})", $"{batch * prompt / times[2].Median:F0}", $"{times[1].Spread:P0}"]);
        }
        page.Write(title,
            $"{machine}. Temperature 0.7, top-p 0.9. Tokens per second; llama.cpp's are those of F32 weights on two cores ({LlamaCpp.Source}), scaled by this machine's streaming (batch 1) or GEMM rate.", "",
            ResultPage.Table(["batch", "answers", "× llama.cpp", "torch path", "prompts", "× llama.cpp", "torch path", "±"], rows));
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

    private static void ManyRows(CausalLM model, BenchmarkOptions options, ResultPage page)
    {
        const int completion = 16, batch = 32;
        const string title = "sampling: 5M parameters, from 100 to 10,000 rows";
        if (!options.Wants(title)) return;
        Generate(model, Prompts.Ragged(2 * batch, model.Configuration.VocabularySize), batch, completion);
        var rows = new[] { 100, 1000, 10_000 }.Select(count =>
        {
            var requests = Prompts.Ragged(count, model.Configuration.VocabularySize);
            return (string[])[$"{count}", $"{count * completion / Seconds(() => Generate(model, requests, batch, completion)):F0}"];
        }).ToList();
        page.Write(title, $"Ragged prompts, answers of {completion} tokens, batch {batch}; answer tokens per second, prompts included.", "", ResultPage.Table(["rows", "tokens/s"], rows));
    }

    private static double Seconds(Action work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalSeconds;
    }

    private static void Generate(CausalLM model, GenerationRequest[] requests, int batch, int completion, bool alwaysTorch = false) =>
        new GenerationEngine(model, Options with { MaxNewTokens = completion }, new() { BatchSize = batch }) { AlwaysTorch = alwaysTorch }.Generate(requests);
}
