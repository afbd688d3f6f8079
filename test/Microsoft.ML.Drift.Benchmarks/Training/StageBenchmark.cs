using System.Diagnostics;
using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>
/// A stage of fifty steps from text to saved weights, without sampling: ours through the public API (reference pass, run folder with its checkpoint, saved model), and TRL's plan
/// over the same pairs, which scores the reference in every step and saves weights and RMSprop's state at the end, as its trainer does.
/// </summary>
internal sealed class StageBenchmark : IBenchmark
{
    private const int Steps = 50, Batch = 4;

    // Each is one token with its space in byte-level vocabularies of English.
    private static readonly string[] s_words = ["time", "people", "work", "water", "house", "light", "world", "school", "story", "music", "river", "table", "paper", "night", "food", "road"];

    public string Mode => "stage";

    public void Run(BenchmarkOptions options, ResultPage page)
    {
        if (BenchmarkModel.TokenizerFolder(options) is not { } folder)
        {
            Console.Error.WriteLine("stage: no tokenizer was found, and a stage begins with text. Name a folder with --model.");
            return;
        }
        var source = BenchmarkModel.Source(options);
        if (options.Model is null)
        {
            // The small body, with an output for each token of the tokenizer.
            var tokenizer = PretrainedTokenizer.Load(folder);
            using var small = CausalLM.Create(ModelConfiguration.Parse(BenchmarkModel.Small(tokenizer.VocabularySize)), tokenizer, seed: 1);
            Compare($"a body of 4M weights, {tokenizer.VocabularySize:N0} tokens", small, 1, options, page);
        }
        // Fifty steps of TRL's plan on a large model take minutes: for those who ask.
        if (options is { Mode: "all", Only: null }) return;
        using var model = source.Load();
        if (model.Tokenizer is not null) Compare(source.Name, model, 4, options, page);
    }

    /// <param name="name">What the page calls the model.</param>
    /// <param name="model">Its weights at the start.</param>
    /// <param name="shorter">By how much to divide the lengths: fifty steps of TRL's plan on a large model take long.</param>
    /// <param name="options">The command line.</param>
    /// <param name="page">The machine's page.</param>
    private static void Compare(string name, CausalLM model, int shorter, BenchmarkOptions options, ResultPage page)
    {
        var title = $"stage: {name}, {Steps} steps";
        if (!options.Wants(title)) return;
        var machine = Machine.Measure(options.Rounds);
        var folder = Directory.CreateTempSubdirectory("drift-benchmark-").FullName;
        try
        {
            var data = Path.Combine(folder, "pairs.jsonl");
            WritePairs(data, shorter);
            IReadOnlyList<PreferenceTokens> pairs = [];
            StepOutcome[] theirs = [], ours = [];
            var (theirTime, ourTime) = (Time(() => (pairs, theirs) = TrlStage(model, data, Path.Combine(folder, "trl"))), Time(() => ours = OurStage(model, data, folder)));
            TrainingPlans.MustAgree(theirs, ours);
            page.Write(title,
                $"{machine}. From {pairs.Count} pairs of text ({pairs.Average(pair => pair.PromptIds.Length):F0} tokens of prompt and {pairs.Average(pair => pair.ChosenIds.Length):F0} of answer on average, longest {pairs.Max(pair => pair.Chosen.Ids.Length)}; lengths of real complaint conversations{(shorter > 1 ? $" divided by {shorter}" : "")}) to saved weights; batches of {Batch}. Loss and gradient norm of every step agree within 0.1 %.", "",
                ResultPage.Table(["", "time", "times faster"], [["TRL's plan, reference in every step", $"{theirTime:F1} s", "1.0"], ["ours, through `DpoTrainer.Fit`", $"{ourTime:F1} s", $"{theirTime / ourTime:F1}"]]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static DpoTrainer.Options Options { get; } = OurPlan.Options(Batch) with { MaximumSteps = Steps };

    private static StepOutcome[] OurStage(CausalLM model, string data, string folder)
    {
        var ml = new MLContext(1);
        var trainer = ml.Drift().Trainers.Dpo(model, Options with { RunFolder = Path.Combine(folder, "run") });
        using var trained = trainer.Fit(ml.Data.LoadFromChatJsonLines(data)).Model;
        trained.Save(Path.Combine(folder, "model"));
        return [.. trainer.History!.Records.Select(record => new StepOutcome(record.Metrics["loss"], record.Metrics["grad_norm"]))];
    }

    private static (IReadOnlyList<PreferenceTokens> Pairs, StepOutcome[] Outcomes) TrlStage(CausalLM model, string data, string folder)
    {
        var (pairs, _) = new PairTokenizer(model, Options).Read(new MLContext(1).Data.LoadFromChatJsonLines(data), "the pairs");
        using var plan = new TrlPlan(model, pairs, Batch, checkpoint: false);
        StepOutcome[] outcomes = [.. Enumerable.Range(0, Steps).Select(_ => plan.Step())];
        plan.Save(folder);
        return (pairs, outcomes);
    }

    private static void WritePairs(string path, int shorter)
    {
        var random = new Random(1);
        using var file = new StreamWriter(path);
        for (var row = 0; row < Steps * Batch; row++)
        {
            var lengths = TrainingShape.Dsat.Pairs[row % TrainingShape.Dsat.Pairs.Count];
            file.WriteLine(JsonSerializer.Serialize(new { prompt = Text(lengths.Prompt), chosen = Text(lengths.Chosen), rejected = Text(lengths.Rejected) }));
        }

        string Text(int tokens) => string.Join(' ', Enumerable.Range(0, Math.Max(1, tokens / shorter)).Select(_ => s_words[random.Next(s_words.Length)]));
    }

    private static double Time(Action work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalSeconds;
    }
}
