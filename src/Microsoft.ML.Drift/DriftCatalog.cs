using Microsoft.ML.Drift;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML;

/// <summary>Preference tuning on <see cref="MLContext"/>: loaders, savers, transforms and trainers of Microsoft.ML.Drift.</summary>
public static class DriftCatalog
{
    /// <summary>Answers prompts with a model: what training gives back, for a model that is there already.</summary>
    /// <remarks>With <c>ml.Model.Save</c> this also turns any model into an ML.NET model file.</remarks>
    /// <param name="catalog">The transforms catalog, <see cref="MLContext.Transforms"/>.</param>
    /// <param name="model">The model. The transformer holds it itself, not a copy, and does not own it.</param>
    /// <param name="outputColumnName">The text column of the answers. Default Response.</param>
    /// <param name="inputColumnName">A chat or a text column; text is one user turn unless it is a JSON array of messages. Default Prompt.</param>
    /// <param name="generation">How answers are sampled; null for the defaults of <see cref="GenerationOptions"/>.</param>
    /// <param name="batching">How many rows are answered together; null for the defaults of <see cref="GenerationBatching"/>.</param>
    /// <exception cref="ArgumentException">A column name is empty, or the settings are bad; the message lists every problem.</exception>
    public static CausalLMEstimator AnswerPrompts(
        this TransformsCatalog catalog,
        CausalLM model,
        string outputColumnName = CausalLMTransformer.Defaults.OutputColumnName,
        string inputColumnName = CausalLMTransformer.Defaults.InputColumnName,
        GenerationOptions? generation = null,
        GenerationBatching? batching = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new(model, generation ?? new(), outputColumnName, inputColumnName, batching);
    }

    /// <summary>Direct preference optimization with the settings people change; everything else is the DRIFT paper's.</summary>
    /// <param name="catalog">The trainers, <c>ml.Drift().Trainers</c>.</param>
    /// <param name="policy">The model; a copy of it is trained.</param>
    /// <param name="learningRate">The learning rate at the top of the schedule.</param>
    /// <param name="numberOfEpochs">How often the pairs are seen.</param>
    /// <param name="beta">β, the pull towards the reference.</param>
    /// <exception cref="ArgumentException">A value is bad, or the model cannot be trained; the message names every problem.</exception>
    public static DpoTrainer Dpo(
        this DriftOperationsCatalog.TrainerCatalog catalog, CausalLM policy,
        double learningRate = TrainingOptions.Defaults.LearningRate, double numberOfEpochs = TrainingOptions.Defaults.NumberOfEpochs, double beta = DpoTrainer.Defaults.Beta) =>
        Dpo(catalog, policy, new DpoTrainer.Options { LearningRate = learningRate, NumberOfEpochs = numberOfEpochs, Beta = beta });

    /// <summary>Direct preference optimization with every setting.</summary>
    /// <param name="catalog">The trainers, <c>ml.Drift().Trainers</c>.</param>
    /// <param name="policy">The model; a copy of it is trained.</param>
    /// <param name="options">The settings.</param>
    /// <param name="reference">Another model as the reference, which stays as it is; null: the policy itself.</param>
    /// <exception cref="ArgumentException">A value is bad, or the models cannot be trained; the message names every problem.</exception>
    public static DpoTrainer Dpo(
        this DriftOperationsCatalog.TrainerCatalog catalog, CausalLM policy, DpoTrainer.Options options, CausalLM? reference = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new DpoTrainer(catalog.Context, policy, options, reference);
    }

    /// <summary>The estimators of Microsoft.ML.Drift: <c>ml.Drift().Trainers.Dpo(policy)</c>.</summary>
    /// <param name="context">The context.</param>
    public static DriftOperationsCatalog Drift(this MLContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new(context);
    }

    /// <summary>DRIFT, the whole loop: samples better answers for complaints, trains on the pairs, repeats with the new model.</summary>
    /// <param name="catalog">The trainers, <c>ml.Drift().Trainers</c>.</param>
    /// <param name="policy">The model to start from; a copy of it is trained.</param>
    /// <param name="numberOfIterations">K, how often sampling and training are repeated.</param>
    /// <param name="learningRate">The learning rate of each iteration's training.</param>
    /// <exception cref="ArgumentException">A value is bad, or the model cannot be trained; the message names every problem.</exception>
    public static DriftIterationEstimator Drift(
        this DriftOperationsCatalog.TrainerCatalog catalog, CausalLM policy,
        int numberOfIterations = DriftIterationEstimator.Defaults.NumberOfIterations, double learningRate = TrainingOptions.Defaults.LearningRate) =>
        Drift(catalog, policy, new DriftIterationEstimator.Options { NumberOfIterations = numberOfIterations, Training = new() { LearningRate = learningRate } });

    /// <summary>DRIFT with every setting.</summary>
    /// <param name="catalog">The trainers, <c>ml.Drift().Trainers</c>.</param>
    /// <param name="policy">The model to start from; a copy of it is trained.</param>
    /// <param name="options">The settings.</param>
    /// <exception cref="ArgumentException">A value is bad, or the model cannot be trained; the message names every problem.</exception>
    public static DriftIterationEstimator Drift(this DriftOperationsCatalog.TrainerCatalog catalog, CausalLM policy, DriftIterationEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new DriftIterationEstimator(catalog.Context, policy, options);
    }

    /// <summary>Samples a better answer for every complaint: DSAT rows become preference pairs. See <see cref="Microsoft.ML.Drift.Generation.DsatPairSampler"/>.</summary>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="policy">The model that samples; it needs a tokenizer and, but for paper mode, a chat template. It stays the caller's.</param>
    /// <param name="mode">What the model sees.</param>
    /// <param name="maxNewTokens">The longest answer, in tokens. At least 1; default 512, as in the paper.</param>
    /// <param name="temperature">Divides the logits; 0 is greedy. Default 0.7, as in the paper.</param>
    /// <exception cref="ArgumentException">A setting is bad, or the model lacks something.</exception>
    public static DsatPairSampler DsatPairSampler(
        this DriftOperationsCatalog catalog, CausalLM policy, DsatSamplingMode mode = DsatSamplingMode.Guided,
        int maxNewTokens = GenerationOptions.Defaults.MaxNewTokens, double temperature = GenerationOptions.Defaults.Temperature) =>
        DsatPairSampler(catalog, policy, new() { Mode = mode, Generation = new() { MaxNewTokens = maxNewTokens, Temperature = temperature } });

    /// <inheritdoc cref="DsatPairSampler(DriftOperationsCatalog, CausalLM, DsatSamplingMode, int, double)"/>
    /// <param name="catalog">The catalog, <c>ml.Drift()</c>.</param>
    /// <param name="policy">The model that samples; it needs a tokenizer and, but for paper mode, a chat template. It stays the caller's.</param>
    /// <param name="options">All settings.</param>
    public static DsatPairSampler DsatPairSampler(this DriftOperationsCatalog catalog, CausalLM policy, DsatPairSampler.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new(catalog.Context, policy, options);
    }

    /// <summary>Keeps the rows whose prompt has between <paramref name="minimum"/> and <paramref name="maximum"/> tokens.</summary>
    /// <remarks>
    /// A prompt is counted as the model would get it, through its chat template with the generation cue. Nothing is cut. The transformer is
    /// saved with the model's tokenizer and template, not with its weights; a prediction engine passes every row.
    /// </remarks>
    /// <param name="catalog">The transforms catalog, <see cref="MLContext.Transforms"/>.</param>
    /// <param name="inputColumnName">A chat or a text column; text is one user turn unless it is a JSON array of messages.</param>
    /// <param name="policy">The model whose tokenizer and chat template count.</param>
    /// <param name="minimum">The fewest tokens a row may have, at least 0. Default 0.</param>
    /// <param name="maximum">The most tokens a row may have, at least <paramref name="minimum"/>. Default: no limit.</param>
    /// <exception cref="ArgumentException">The model has no tokenizer, or neither limit is set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The minimum is negative, or the maximum below it.</exception>
    public static TokenCountFilterEstimator FilterByTokenCount(
        this TransformsCatalog catalog, string inputColumnName, CausalLM policy, int minimum = 0, int maximum = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.Tokenizer is not { } tokenizer)
            throw new ArgumentException("The model has no tokenizer (its folder has no tokenizer.json), so that tokens cannot be counted.", nameof(policy));
        return new(inputColumnName, tokenizer, policy.ChatTemplate, minimum, maximum);
    }

    /// <summary>Loads DSAT rows, preference pairs, prompt–completion rows or raw logs from a JSON Lines file (UTF-8).</summary>
    /// <remarks>
    /// Columns: RowId and, by the rows' format (<see cref="ChatRowFormat"/>), Prompt, Chosen, Rejected, Feedback, Completion, Messages;
    /// then the extra fields asked for. The file is not loaded: every pass reads it again, one line in memory at a time. A byte order mark,
    /// CR LF and blank lines are accepted; a field that stands twice in an object, bytes that are not UTF-8 and halves of surrogate pairs make a row bad.
    /// </remarks>
    /// <param name="catalog">The data catalog, <see cref="MLContext.Data"/>.</param>
    /// <param name="path">Path of the file.</param>
    /// <param name="options">How to read; null for the defaults.</param>
    /// <exception cref="ArgumentException">The options are bad, or do not fit the file.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The first row is bad; later rows throw the same while they are read.</exception>
    public static IDataView LoadFromChatJsonLines(this DataOperationsCatalog catalog, string path, ChatJsonLinesOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return LoadFromChatJsonLines(catalog, [path], options);
    }

    /// <summary>Loads several files one after the other; the first row of all decides the columns.</summary>
    /// <inheritdoc cref="LoadFromChatJsonLines(DataOperationsCatalog, string, ChatJsonLinesOptions?)"/>
    /// <param name="catalog">The data catalog, <see cref="MLContext.Data"/>.</param>
    /// <param name="paths">Paths of the files, at least one.</param>
    /// <param name="options">How to read; null for the defaults.</param>
    public static IDataView LoadFromChatJsonLines(
        this DataOperationsCatalog catalog, IReadOnlyList<string> paths, ChatJsonLinesOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(paths);
        return new ChatJsonLinesView(paths, options ?? new());
    }

    /// <summary>Writes rows as a JSON Lines file that <c>LoadFromChatJsonLines</c> reads.</summary>
    /// <remarks>
    /// RowId is written as <c>id</c>, Feedback as <c>user_preference</c>, other columns of <see cref="ChatColumnNames"/> as the field of their
    /// name in lower case; beside a chat prompt, answers are lists of one assistant message. Further columns keep their name. The file
    /// appears whole or not at all.
    /// </remarks>
    /// <param name="catalog">The data catalog, <see cref="MLContext.Data"/>.</param>
    /// <param name="data">The rows; every visible column is written.</param>
    /// <param name="path">Path of the file; an existing one is replaced.</param>
    /// <exception cref="ArgumentException">A column has a type that JSON Lines do not hold.</exception>
    public static void SaveAsChatJsonLines(this DataOperationsCatalog catalog, IDataView data, string path)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(path);
        ChatJsonLinesWriter.Write(data, path);
    }

    /// <summary>Writes rows as JSON Lines to a stream, which stays open.</summary>
    /// <inheritdoc cref="SaveAsChatJsonLines(DataOperationsCatalog, IDataView, string)"/>
    /// <param name="catalog">The data catalog, <see cref="MLContext.Data"/>.</param>
    /// <param name="data">The rows; every visible column is written.</param>
    /// <param name="stream">Where to write.</param>
    public static void SaveAsChatJsonLines(this DataOperationsCatalog catalog, IDataView data, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(stream);
        ChatJsonLinesWriter.Write(data, stream);
    }

    /// <summary>Supervised fine-tuning with the settings people change.</summary>
    /// <param name="catalog">The trainers, <c>ml.Drift().Trainers</c>.</param>
    /// <param name="policy">The model; a copy of it is trained.</param>
    /// <param name="learningRate">The learning rate at the top of the schedule.</param>
    /// <param name="numberOfEpochs">How often the rows are seen.</param>
    /// <exception cref="ArgumentException">A value is bad, or the model cannot be trained; the message names every problem.</exception>
    public static SftTrainer Sft(
        this DriftOperationsCatalog.TrainerCatalog catalog, CausalLM policy,
        double learningRate = SftTrainer.Defaults.LearningRate, double numberOfEpochs = SftTrainer.Defaults.NumberOfEpochs) =>
        Sft(catalog, policy, new SftTrainer.Options { LearningRate = learningRate, NumberOfEpochs = numberOfEpochs });

    /// <summary>Supervised fine-tuning with every setting.</summary>
    /// <param name="catalog">The trainers, <c>ml.Drift().Trainers</c>.</param>
    /// <param name="policy">The model; a copy of it is trained.</param>
    /// <param name="options">The settings.</param>
    /// <exception cref="ArgumentException">A value is bad, or the model cannot be trained; the message names every problem.</exception>
    public static SftTrainer Sft(this DriftOperationsCatalog.TrainerCatalog catalog, CausalLM policy, SftTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new SftTrainer(catalog.Context, policy, options);
    }
}
