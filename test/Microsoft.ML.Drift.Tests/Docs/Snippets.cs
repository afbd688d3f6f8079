// What README.md and docs/*.md show, compiled. DocumentationTests holds each block against its page; SnippetTests runs them.
// snippet: usings
using Microsoft.Data.Analysis;
using Microsoft.Extensions.AI;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Drift;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
// end snippet
using Microsoft.ML.Drift.Evaluation.AlpacaEval;
using Microsoft.ML.Drift.Evaluation.Judging;
using Microsoft.ML.Drift.Evaluation.Offline;

namespace Microsoft.ML.Drift.Tests.Docs;

internal static class Snippets
{
    public static void Readme(CausalLM policy)
    {
        // snippet: five-lines
        var ml    = new MLContext(seed: 42);
        var dsat  = ml.Data.LoadFromChatJsonLines("dsat.jsonl");                        // Prompt, Rejected, Feedback
        var drift = ml.Transforms.FilterByTokenCount("Prompt", policy, maximum: 2048)   // any ML.NET transforms first
                      .Append(ml.Drift().Trainers.Drift(policy, new() { NumberOfIterations = 2 }));
        ITransformer model = drift.Fit(dsat);                                           // sample → DPO → sample → DPO
        ml.Model.Save(model, dsat.Schema, "drift.zip");                                 // an ordinary ML.NET model file
        // end snippet
        ((TransformerChain<CausalLMTransformer>)model).LastTransformer.Model.Dispose();
    }

    public static void GettingStarted()
    {
        // snippet: load
        var ml = new MLContext();
        using var policy = CausalLM.Load("model-folder");
        var dsat = ml.Data.LoadFromChatJsonLines("dsat.jsonl");
        // end snippet

        // snippet: look
        var sampler = ml.Drift().DsatPairSampler(policy, maxNewTokens: 256).Fit(dsat);
        var pairs = sampler.Transform(dsat);
        Console.WriteLine(sampler.Summary);                      // pairs, drops by reason, tokens per second
        ml.Data.SaveAsChatJsonLines(pairs, "pairs.jsonl");       // read some of them
        // end snippet

        // snippet: chain
        var chain = ml.Transforms.FilterByTokenCount("Prompt", policy, maximum: 2048)
            .Append(ml.Drift().Trainers.Drift(policy, numberOfIterations: 2));
        var model = chain.Fit(dsat);
        // end snippet
        model.LastTransformer.Model.Dispose();

        // snippet: run
        var trainer = ml.Drift().Trainers.Drift(policy, new DriftIterationEstimator.Options
        {
            NumberOfIterations = 2,
            Sampling = new() { Generation = new() { MaxNewTokens = 256 } },
            RunFolder = "run",
        });
        var run = trainer.Run(dsat);
        foreach (var stage in run.Stages)
            Console.WriteLine($"{stage.Name}: {stage.TrainingPairs} pairs, {stage.Times.Sampling} sampling, {stage.Times.Training} training");
        // end snippet

        // snippet: held-out
        foreach (var stage in run.Stages)
            if (stage.HeldOut is { } held)
                Console.WriteLine($"{stage.Name}: margin {held.Margin:F4}, accuracy {held.Accuracy:P0}, chosen {held.DeltaLogProbsChosen:+0.00;-0.00} nats");
        // end snippet

        // snippet: side-by-side
        var prompts = ml.Data.TakeRows(dsat, 3);
        var greedy = GenerationOptions.Greedy with { MaxNewTokens = 128 };
        var before = ml.Transforms.AnswerPrompts(policy, generation: greedy).Fit(prompts).Transform(prompts);
        var after = run.Transformer.With(greedy).Transform(prompts);
        foreach (var (old, now) in before.GetColumn<string>("Response").Zip(after.GetColumn<string>("Response")))
            Console.WriteLine($"before: {old}\nafter:  {now}\n");
        // end snippet

        // snippet: save
        ml.Model.Save(run.Transformer, dsat.Schema, "assistant.zip");
        run.Transformer.Model.Save("assistant");                 // the same weights as a Hugging Face folder
        // end snippet
        run.Transformer.Model.Dispose();
    }

    public static void GettingStartedElsewhere()
    {
        // snippet: use
        var ml = new MLContext();
        var model = ml.Model.Load("assistant.zip", out _);
        using var engine = ml.Model.CreatePredictionEngine<Question, Reply>(model);
        Console.WriteLine(engine.Predict(new Question { Prompt = "name two colours" }).Response);
        // end snippet
        ((CausalLMTransformer)model).Model.Dispose();
    }

    public static void Sampler(MLContext ml, CausalLM policy, IDataView dsat)
    {
        // snippet: sampler
        var sampler = ml.Drift().DsatPairSampler(policy, new DsatPairSampler.Options
        {
            Generation = new() { MaxNewTokens = 256, Temperature = 0.7 },
            MaxRetries = 2,
            JournalPath = "samples.jsonl",
        }).Fit(dsat);
        IDataView pairs = sampler.Transform(dsat);
        Console.WriteLine(sampler.Summary);
        // end snippet
        ml.Data.SaveAsChatJsonLines(pairs, "pairs.jsonl");
    }

    public static void Dpo(MLContext ml, CausalLM policy)
    {
        // snippet: dpo
        var pairs = ml.Data.LoadFromChatJsonLines("pairs.jsonl");                      // Prompt, Chosen, Rejected
        var dpo = ml.Drift().Trainers.Dpo(policy, learningRate: 5e-7, numberOfEpochs: 1, beta: 0.1);
        Console.WriteLine(dpo.Preview(pairs));                                         // what would be cut and dropped
        CausalLMTransformer tuned = dpo.Fit(pairs);
        DataFrame log = dpo.History!.ToDataFrame();
        // end snippet
        Assert.Contains("rewards/margins", log.Columns.Select(column => column.Name));
        tuned.Model.Dispose();
    }

    public static void Sft(MLContext ml, CausalLM policy)
    {
        // snippet: sft
        var rows = ml.Data.LoadFromChatJsonLines("sft.jsonl");                        // Prompt and Completion, Messages, or Text
        var trainer = ml.Drift().Trainers.Sft(policy, learningRate: 2e-5, numberOfEpochs: 1);
        CausalLMTransformer model = trainer.Fit(rows);                                // a copy of the policy is trained
        // end snippet
        model.Model.Dispose();
    }

    public static void Iteration(MLContext ml, CausalLM policy, IDataView dsat)
    {
        // snippet: iteration
        var trainer = ml.Drift().Trainers.Drift(policy, new DriftIterationEstimator.Options
        {
            NumberOfIterations = 2,
            Sampling = new() { Generation = new() { MaxNewTokens = 256 } },
            Training = new() { LearningRate = 5e-7, BatchSize = 4 },
            Selection = ModelSelection.BestHeldOutMargin,
        });
        DriftRun run = trainer.Run(dsat);
        CausalLMTransformer best = run.Transformer;
        // end snippet
        best.Model.Dispose();
    }

    public static void Answers(MLContext ml, CausalLM policy, IDataView questions)
    {
        // snippet: answers
        var answers = ml.Transforms
            .AnswerPrompts(policy, generation: GenerationOptions.Greedy with { MaxNewTokens = 128 })
            .Fit(questions)
            .Transform(questions);
        foreach (var row in ml.Data.CreateEnumerable<Reply>(answers, reuseRowObject: false, ignoreMissingColumns: true))
            Console.WriteLine(row.Response);
        // end snippet
    }

    public static void ModelFile(MLContext ml, CausalLMTransformer transformer, IDataView questions)
    {
        // snippet: model-file
        ml.Model.Save(transformer, questions.Schema, "assistant.zip");
        ITransformer loaded = new MLContext().Model.Load("assistant.zip", out _);
        using var engine = ml.Model.CreatePredictionEngine<Question, Reply>(loaded);
        string response = engine.Predict(new Question { Prompt = "name two colours" }).Response;
        // end snippet
        Assert.NotNull(response);
        ((CausalLMTransformer)loaded).Model.Dispose();
    }

    public static void Data(MLContext ml, IEnumerable<Complaint> complaints)
    {
        // snippet: data
        var dsat = ml.Data.LoadFromChatJsonLines("dsat.jsonl");
        var report = new BadRowReport();
        var clean = ml.Data.LoadFromChatJsonLines("dsat.jsonl", new() { OnBadRow = OnBadRow.Skip, Report = report });
        var own = ml.Data.LoadFromEnumerable(complaints);
        ml.Data.SaveAsChatJsonLines(own, "own.jsonl");
        // end snippet
        Assert.Equal(["RowId", "Prompt", "Rejected", "Feedback"], dsat.Schema.Select(column => column.Name));
        Assert.Equal(clean.GetColumn<string>("Rejected"), ml.Data.LoadFromChatJsonLines("own.jsonl").GetColumn<string>("Rejected"));
    }

    public static void Models()
    {
        // snippet: models
        using var model = CausalLM.Load("model-folder", new CausalLMLoadOptions { Device = "cpu", Dtype = WeightType.Float32 });
        Console.WriteLine($"{model.ParameterCount} weights, {model.Tokenizer?.VocabularySize} tokens");
        model.Save("copy", WeightType.BFloat16);
        // end snippet
    }

    public static void Evaluation(MLContext ml, CausalLM before, CausalLM after)
    {
        // snippet: evaluate-pairs
        var pairs = ml.Data.LoadFromChatJsonLines("pairs.jsonl");                     // Prompt, Chosen, Rejected
        PairMetrics held = ml.Drift().Evaluate(pairs, after, reference: before);
        Console.WriteLine($"margin {held.Margin.Value:F3} ({held.Margin.Low:F3} to {held.Margin.High:F3}), accuracy {held.Accuracy.Value:P0} of {held.Pairs} pairs");
        // end snippet

        // snippet: evaluate-responses
        var greedy = GenerationOptions.Greedy with { MaxNewTokens = 128 };
        var old = ml.Transforms.AnswerPrompts(before, generation: greedy).Fit(pairs).Transform(pairs);
        var now = ml.Transforms.AnswerPrompts(after, generation: greedy).Fit(pairs).Transform(pairs);
        ResponseComparison comparison = ml.Drift().Compare(old, now, new() { Tokenizer = before.Tokenizer, EmbeddingModel = before });
        foreach (var each in comparison.Differences)
            Console.WriteLine($"{each.Name}: {each.Baseline:F3} → {each.Candidate:F3}, difference {each.Difference.Low:F3} to {each.Difference.High:F3}");
        // end snippet
    }

    public static async Task Judging(MLContext ml, CausalLM model, IDataView rows, IReadOnlyList<AlpacaEvalExample> examples)
    {
        // snippet: judge
        using var client = ml.Transforms.AnswerPrompts(model).Fit(rows).AsChatClient();          // or OpenAICompatibleChatClient.FromEnvironment(endpoint, "gpt-4o")
        using var judge = new Judge(client, new JudgeOptions { CachePath = "judge.jsonl", MaxConcurrency = 4 });
        var annotations = await new AlpacaEvalJudge(judge, new() { Order = JudgeOrder.Both }).AnnotateAsync(examples);
        AlpacaEvalMetrics rates = AlpacaEvalMetrics.Compute(annotations, new LengthControl { Formula = LengthControlFormula.Minimal });
        Console.WriteLine($"{rates.WinRate:F1} ± {rates.StandardError:F1} %, at equal length {rates.LengthControlled!.WinRate:F1} %; {judge.Usage.Replies} replies, {judge.Usage.InputTokens} tokens");
        // end snippet
    }

    public static async Task Chat(CausalLMTransformer transformer)
    {
        // snippet: chat-client
        using IChatClient chat = transformer.AsChatClient();
        await foreach (var update in chat.GetStreamingResponseAsync("name two colours"))
            Console.Write(update.Text);
        // end snippet
    }

    // snippet: complaint
    public sealed class Complaint
    {
        public string RowId { get; set; } = "";

        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];

        public string Rejected { get; set; } = "";

        public string Feedback { get; set; } = "";
    }
    // end snippet

    // snippet: question-and-reply
    public sealed class Question
    {
        public string Prompt { get; set; } = "";
    }

    public sealed class Reply
    {
        public string Response { get; set; } = "";
    }
    // end snippet
}
