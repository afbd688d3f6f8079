using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Persistence;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Supervised fine-tuning: makes given answers more likely. The usual stage before preference training. The policy it is given stays as it is and a copy is trained, unless <see cref="TrainingOptions.TrainInPlace"/> is set.
/// </summary>
/// <remarks>
/// <para>
/// The input has a chat column <c>Messages</c> with whole conversations, or a prompt column (chat, or text) and the answers in <c>Completion</c>. If it has the text
/// column RowId, messages name rows by it. Every answer is trained with its end token.
/// </para>
/// <para>The loss of a step is the mean of −log p over all labels of its rows, however they are divided into micro-batches.</para>
/// </remarks>
public sealed class SftTrainer : IEstimator<CausalLMTransformer>
{
    private readonly MLContext _context;
    private readonly CausalLM _policy;
    private readonly Options _options;

    internal static class Defaults
    {
        public const double LearningRate = 2e-5;
        public const double NumberOfEpochs = 1;
        public const int BatchSize = 8;
    }

    /// <exception cref="ArgumentException">Options have bad values, all of which the message names, or the model cannot be trained.</exception>
    internal SftTrainer(MLContext context, CausalLM policy, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(policy);
        (_context, _policy, _options) = (context, policy, options ?? new());
        string[] problems = [.. _options.Problems(), .. _options.RunFolderProblems(), .. ComputePrecision.Problems(policy)];
        if (problems.Length > 0) throw new ArgumentException($"{nameof(SftTrainer)}: {string.Join(" ", problems)}", nameof(options));
    }

    /// <summary>
    /// Everything <see cref="SftTrainer"/> can be told. Three defaults differ from those of <see cref="TrainingOptions"/>: <see cref="TrainingOptions.LearningRate"/> is 2e-5
    /// and <see cref="TrainingOptions.Optimizer"/> AdamW, as in TRL's SFT, and <see cref="TrainingOptions.BatchSize"/> is 8.
    /// </summary>
    public sealed record Options : TrainingOptions
    {
        /// <summary>The defaults.</summary>
        public Options() => (LearningRate, Optimizer, BatchSize) = (SftTrainer.Defaults.LearningRate, OptimizerType.AdamW, SftTrainer.Defaults.BatchSize);

        /// <summary>
        /// Which tokens are trained. Default <see cref="SftLabels.Answers"/>. TRL: <c>completion_only_loss</c>, <c>assistant_only_loss</c>.
        /// </summary>
        public SftLabels Labels { get; init; } = SftLabels.Answers;

        /// <summary>
        /// Most tokens of a row, at least 2; null: no limit. Of a prompt with its completion the prompt's start gives way first; of a conversation, its end. Default
        /// 2048. TRL (which always cuts the end): <c>max_length</c>.
        /// </summary>
        public int? MaxLength { get; init; } = 2048;

        /// <summary>Train a fresh LoRA adapter instead of all weights; null (the default): all weights, or the adapter that the policy has. TRL: <c>peft_config</c>.</summary>
        public LoraOptions? Lora { get; init; }

        /// <summary>The chat column of whole conversations, read where the input has it. Default <c>Messages</c>.</summary>
        public string MessagesColumnName { get; init; } = ChatColumnNames.Messages;

        /// <summary>The chat or text column that holds the prompts, also of the trained transformer. Default <c>Prompt</c>.</summary>
        public string PromptColumnName { get; init; } = ChatColumnNames.Prompt;

        /// <summary>The column of answers: text, or chat where answers have several turns. Default <c>Completion</c>.</summary>
        public string CompletionColumnName { get; init; } = ChatColumnNames.Completion;

        internal TokenizationRules TokenizationRules => TrlCompatibility is null ? TokenizationRules.Sound : TokenizationRules.Trl;

        internal SftColumns Columns => new() { Messages = MessagesColumnName, Prompt = PromptColumnName, Completion = CompletionColumnName };

        internal override IEnumerable<string> Problems()
        {
            foreach (var problem in base.Problems()) yield return problem;
            if (!Enum.IsDefined(Labels)) yield return $"Labels is {Labels}; allowed are {Names<SftLabels>()}.";
            if (MaxLength is < 2) yield return $"MaxLength is {MaxLength}; it must be at least 2, or null for no limit.";
            foreach (var problem in Lora?.Problems() ?? []) yield return $"Lora: {problem}";
            if (TrlCompatibility is { PaddingFree: true } or { LogitsToKeep: true } or { PrecomputedReference: true })
                yield return "TrlCompatibility's PrecomputedReference, PaddingFree and LogitsToKeep concern preference training alone; leave them false.";
            if (string.IsNullOrEmpty(MessagesColumnName)) yield return "MessagesColumnName is empty; name a column of the input.";
            if (string.IsNullOrEmpty(PromptColumnName)) yield return "PromptColumnName is empty; name a column of the input.";
            if (string.IsNullOrEmpty(CompletionColumnName)) yield return "CompletionColumnName is empty; name a column of the input.";
        }
    }

    /// <summary>What the last <see cref="Fit(IDataView)"/> logged; null before it.</summary>
    /// <remarks>
    /// A step has <c>loss</c>, <c>grad_norm</c>, <c>learning_rate</c>, <c>num_tokens</c> (seen so far, prompts included, padding not),
    /// <c>mean_token_accuracy</c> (share of labels that were the most likely token), <c>tokens</c>, <c>seconds</c>, <c>tokens_per_second</c>, <c>peak_memory_bytes</c>.
    /// </remarks>
    public TrainingHistory? History { get; private set; }

    /// <summary>What the last <see cref="Fit(IDataView)"/> cut and dropped of its training rows; null before it.</summary>
    public TokenizationSummary? TrainingRows { get; private set; }

    /// <summary>What training would cut and drop of these rows; nothing is trained.</summary>
    /// <param name="input">Conversations, or prompts with completions.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type, or no row is left to train on.</exception>
    public TokenizationSummary Preview(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _options.Columns.Check(input.Schema);
        return SftTokens.Read(_policy, _options, input, "the data").Summary;
    }

    /// <summary>Trains the policy, or a copy of it, on all rows.</summary>
    /// <param name="input">Conversations, or prompts with completions.</param>
    /// <returns>The trained model as a transformer that answers prompts. Dispose of its <see cref="CausalLMTransformer.Model"/> to free the weights.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or no row is left to train on.</exception>
    /// <exception cref="IOException">The run folder cannot be written, or another process uses it.</exception>
    /// <exception cref="InvalidDataException">A file of the run folder is damaged and cannot be done without.</exception>
    /// <exception cref="InvalidOperationException">The run folder holds a training with other settings, data or model; the message names each difference. Or TRL's rules look for answers in a chat template without generation blocks.</exception>
    /// <exception cref="OperationCanceledException">The token of the options was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient became NaN or infinite.</exception>
    public CausalLMTransformer Fit(IDataView input) => Fit(input, null);

    /// <inheritdoc cref="Fit(IDataView)"/>
    /// <param name="input">Conversations, or prompts with completions.</param>
    /// <param name="evaluation">Held-out rows, measured when <see cref="TrainingOptions.Evaluation"/> says; null for none.</param>
    public CausalLMTransformer Fit(IDataView input, IDataView? evaluation)
    {
        ArgumentNullException.ThrowIfNull(input);
        _options.Columns.Check(input.Schema);
        if (evaluation is not null) _options.Columns.Check(evaluation.Schema);
        var (training, summary) = SftTokens.Read(_policy, _options, input, "the training data");
        var heldOut = evaluation is null ? [] : SftTokens.Read(_policy, _options, evaluation, "the evaluation data").Rows;
        TrainingRows = summary;
        var watched = new ActivityLog(_context, nameof(SftTrainer)).Watch(_options);
        using var folder = TrainingFolder.Open(watched, () => TrainingIdentity.Of(_options, _policy, training, heldOut));
        var trained = _options.TrainInPlace ? _policy : _policy.Clone();
        try
        {
            if (_options.Lora is { } lora) trained.AddAdapter(lora, _options.Seed);
            using var stage = new SftTraining(trained, training, heldOut, folder is null ? watched : watched with { Progress = folder.Watched });
            History = folder?.Run(stage.Loop, trained.Decoder) ?? stage.Loop.Run(_options.CancellationToken);
            return CausalLMTransformer.Create(trained, _options.PromptColumnName);
        }
        catch when (trained != _policy)
        {
            trained.Dispose();
            throw;
        }
    }

    /// <summary>The input's columns and the answers.</summary>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        _options.Columns.Check(inputSchema);
        return OutputShape.With(inputSchema, (CausalLMTransformer.Defaults.OutputColumnName, TextDataViewType.Instance));
    }
}
