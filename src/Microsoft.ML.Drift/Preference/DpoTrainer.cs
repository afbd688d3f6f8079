using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Persistence;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Direct preference optimization (Rafailov et al., arXiv 2305.18290) and its relatives: makes chosen answers more likely than rejected ones, measured against
/// a reference. The policy it is given stays as it is and a copy is trained, unless <see cref="TrainingOptions.TrainInPlace"/> is set.
/// </summary>
/// <remarks>
/// <para>
/// The input has a prompt column (chat, or text that is one user turn), and the answers in <c>Chosen</c> and <c>Rejected</c>. If it has the text columns
/// RowId and ChosenFinishReason, messages name rows by the first, and an answer that ended by <c>length</c> is trained without an end token.
/// </para>
/// <para>
/// The loss of a step is the mean preference loss of its pairs (Eq. 7 for <see cref="PreferenceLossType.Sigmoid"/>) plus α times the mean token NLL of its
/// chosen answers. Reference log-probs are computed once, before the first step.
/// </para>
/// </remarks>
public sealed partial class DpoTrainer : IEstimator<CausalLMTransformer>
{
    private readonly MLContext _context;
    private readonly CausalLM _policy;
    private readonly CausalLM? _reference;
    private readonly Options _options;

    /// <exception cref="ArgumentException">Options have bad values, all of which the message names, or the models do not fit.</exception>
    internal DpoTrainer(MLContext context, CausalLM policy, Options? options = null, CausalLM? reference = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(policy);
        (_context, _policy, _options, _reference) = (context, policy, options ?? new(), reference);
        string[] problems = [.. _options.Problems(), .. _options.RunFolderProblems(), .. PreferenceTraining.Problems(policy, reference, _options)];
        if (problems.Length > 0) throw new ArgumentException($"{nameof(DpoTrainer)}: {string.Join(" ", problems)}", nameof(options));
    }

    /// <summary>What the last <see cref="Fit(IDataView)"/> logged; null before it.</summary>
    public TrainingHistory? History { get; private set; }

    /// <summary>What the last <see cref="Fit(IDataView)"/> cut and dropped of its training rows; null before it.</summary>
    public TokenizationSummary? TrainingRows { get; private set; }

    /// <summary>What training would cut and drop of these rows; nothing is trained.</summary>
    /// <param name="input">Preference pairs.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type, or no row is left to train on.</exception>
    public TokenizationSummary Preview(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _options.Columns.Check(input.Schema);
        return new PairTokenizer(_policy, _options).Read(input, "the data").Summary;
    }

    /// <summary>Trains the policy, or a copy of it, on all rows.</summary>
    /// <param name="input">Preference pairs.</param>
    /// <returns>The trained model as a transformer that answers prompts. Dispose of its <see cref="CausalLMTransformer.Model"/> to free the weights.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or no row is left to train on.</exception>
    /// <exception cref="IOException">The run folder cannot be written, or another process uses it.</exception>
    /// <exception cref="InvalidDataException">A file of the run folder is damaged and cannot be done without.</exception>
    /// <exception cref="InvalidOperationException">The run folder holds a training with other settings, data or model; the message names each difference.</exception>
    /// <exception cref="OperationCanceledException">The token of the options was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient became NaN or infinite.</exception>
    public CausalLMTransformer Fit(IDataView input) => Fit(input, null);

    /// <inheritdoc cref="Fit(IDataView)"/>
    /// <param name="input">Preference pairs.</param>
    /// <param name="evaluation">Held-out pairs, measured when <see cref="TrainingOptions.Evaluation"/> says; null for none.</param>
    public CausalLMTransformer Fit(IDataView input, IDataView? evaluation)
    {
        ArgumentNullException.ThrowIfNull(input);
        _options.Columns.Check(input.Schema);
        if (evaluation is not null) _options.Columns.Check(evaluation.Schema);
        var tokenizer = new PairTokenizer(_policy, _options);
        var (training, summary) = tokenizer.Read(input, "the training data");
        var heldOut = evaluation is null ? [] : tokenizer.Read(evaluation, "the evaluation data").Pairs;
        TrainingRows = summary;
        var watched = new ActivityLog(_context, nameof(DpoTrainer)).Watch(_options);
        using var folder = TrainingFolder.Open(watched, () => TrainingIdentity.Of(_options, _policy, _reference, training, heldOut));
        var trained = _options.TrainInPlace ? _policy : _policy.Clone();
        try
        {
            if (_options.Lora is { } lora) trained.AddAdapter(lora, _options.Seed);
            using var stage = new PreferenceTraining(trained, _reference, training, heldOut, folder is null ? watched : watched with { Progress = folder.Watched });
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
