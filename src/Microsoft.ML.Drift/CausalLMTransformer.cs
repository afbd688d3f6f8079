using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Persistence;

namespace Microsoft.ML.Drift;

/// <summary>Answers the prompts of a data view with a causal language model: what training gives back, and what a model file holds.</summary>
/// <remarks>
/// <para>The input column is a chat column, or text: a JSON array of messages is read as that, any other text is one user turn (a model without a chat template continues text as it stands). The output
/// column is text. If the input has a text column RowId, sampling draws each row's random numbers by it, otherwise by the row's position; so the
/// same rows with the same <see cref="Generation"/> settings get the same answers, in batches of any size.</para>
/// <para><see cref="Transform"/> does no work by itself: rows are answered, some batches ahead, while a cursor moves over them, and
/// once more for every further pass. To keep the answers, save them or copy them: <c>ml.Data.CreateEnumerable</c>, <c>SaveAsChatJsonLines</c>.</para>
/// <para>It is saved with <c>ml.Model.Save</c>, alone or in a chain of other transformers, and <c>ml.Model.Load</c> finds it by itself. It goes onto the
/// GPU that <see cref="MLContext.GpuDeviceId"/> names, else onto the CPU. Of a model with an adapter the file holds the adapter and which base model it
/// belongs to (<see cref="WithAdapterMerged"/> makes it whole); loading looks for the base model where <see cref="CausalLMLoadOptions.BaseModel"/> says. The transformer does not own its <see cref="Model"/>: whoever
/// needs the memory back disposes of that.</para>
/// </remarks>
public sealed class CausalLMTransformer : IPredictionTransformer<CausalLM>
{
    private readonly IPromptAnswerer _answerer;

    internal static class Defaults
    {
        public const string OutputColumnName = ChatColumnNames.Response;
        public const string InputColumnName = ChatColumnNames.Prompt;
    }

    /// <exception cref="ArgumentException">A column name is empty, or the settings are bad.</exception>
    internal CausalLMTransformer(
        CausalLM model,
        GenerationOptions generation,
        string outputColumnName = Defaults.OutputColumnName,
        string inputColumnName = Defaults.InputColumnName,
        GenerationBatching? batching = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(generation);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        ArgumentException.ThrowIfNullOrEmpty(inputColumnName);

        (Model, Generation, OutputColumnName, InputColumnName, Batching) = (model, generation, outputColumnName, inputColumnName, batching ?? new());
        _answerer = new ModelAnswerer(model, Generation, Batching);
    }

    /// <summary>A trainer's result: the model with the default settings for sampling, which <see cref="With"/> changes.</summary>
    internal static CausalLMTransformer Create(CausalLM model, string inputColumnName) => new(model, new GenerationOptions(), inputColumnName: inputColumnName);

    /// <summary>The model that answers. It is the trained object itself, not a copy.</summary>
    public CausalLM Model { get; }

    /// <summary>How answers are sampled.</summary>
    public GenerationOptions Generation { get; }

    /// <summary>The text column that <see cref="Transform"/> adds.</summary>
    public string OutputColumnName { get; }

    /// <summary>The chat or text column that holds the prompts.</summary>
    public string InputColumnName { get; }

    /// <summary>How many rows <see cref="Transform"/> answers together. It decides speed and memory, not the answers.</summary>
    public GenerationBatching Batching { get; }

    /// <summary>Whether a model file gets an adapter merged into the weights.</summary>
    internal bool SavesMerged { get; private init; }

    bool ITransformer.IsRowToRowMapper => true;

    /// <summary>The same model with other settings, such as <see cref="GenerationOptions.Greedy"/>; the weights are shared.</summary>
    /// <param name="generation">How answers are sampled.</param>
    /// <param name="batching">How many rows are answered together; null keeps <see cref="Batching"/>.</param>
    /// <exception cref="ArgumentException">The settings are bad, or nothing this model and machine can do; the message lists every problem.</exception>
    public CausalLMTransformer With(GenerationOptions generation, GenerationBatching? batching = null)
    {
        var other = new CausalLMTransformer(Model, generation, OutputColumnName, InputColumnName, batching ?? Batching) { SavesMerged = SavesMerged };
        other.CheckAvailable();
        return other;
    }

    /// <summary>
    /// The same transformer for saving: <c>ml.Model.Save</c> writes the model's adapter merged into the weights, so that the file needs no base model. The
    /// model itself keeps its adapter. A model without an adapter is saved as ever.
    /// </summary>
    public CausalLMTransformer WithAdapterMerged() => new(Model, Generation, OutputColumnName, InputColumnName, Batching) { SavesMerged = true };

    /// <summary>
    /// The model as a chat client of Microsoft.Extensions.AI, with streaming: for chat programs, and for judges. Calls may overlap, and then share one running batch of <see cref="Batching"/>'s size.
    /// </summary>
    /// <remarks>
    /// <para><see cref="Generation"/> holds what a call's options do not say. Options that a local model has no use for (tools, JSON formats, conversation ids, other models) are refused, not ignored.
    /// With <c>logprobs</c> and <c>top_logprobs</c> in a call's additional properties, as in OpenAI's protocol, the response has log-probabilities in that protocol's form.</para>
    /// <para>The same messages with the same settings get the same answer. Nothing else may use the model's weights until the client is disposed of; disposing of it leaves the model.</para>
    /// </remarks>
    /// <exception cref="InvalidOperationException">The model has no tokenizer, or no chat template.</exception>
    public IChatClient AsChatClient() => new ModelChatClient(Model, Generation, Batching);

    /// <summary>The input's columns and the answers.</summary>
    /// <param name="inputSchema">The schema of the rows to answer.</param>
    /// <exception cref="ArgumentException">The prompt column is missing, neither chat nor text, or chat and the model has no chat template.</exception>
    /// <exception cref="InvalidOperationException">The model has no tokenizer.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).Output;

    /// <summary>Adds a column of answers, which are computed when they are read.</summary>
    /// <param name="input">The rows to answer; it must give the same rows in the same order every time it is read.</param>
    /// <exception cref="ArgumentException">The prompt column is missing, neither chat nor text, or chat and the model has no chat template.</exception>
    /// <exception cref="InvalidOperationException">The model has no tokenizer.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new AnsweredDataView(input, Bind(input.Schema), _answerer, Batching.BatchSize);
    }

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => new AnswerMapper(Bind(inputSchema), _answerer);

    void ICanSaveModel.Save(ModelSaveContext ctx) => CausalLMTransformerLoader.Save(ctx, this);

    /// <summary>The output of any estimator whose result answers this column into that one.</summary>
    /// <exception cref="ArgumentException">The prompt column is missing, or neither chat nor text.</exception>
    internal static SchemaShape OutputShapeOf(SchemaShape input, string outputColumnName = Defaults.OutputColumnName, string inputColumnName = Defaults.InputColumnName)
    {
        ArgumentNullException.ThrowIfNull(input);
        ChatColumn.CheckChat(input, inputColumnName);
        return OutputShape.With(input, (outputColumnName, TextDataViewType.Instance));
    }

    /// <exception cref="ArgumentException">The settings ask for what this model or this machine cannot do. A model file with such settings can be opened: <see cref="With"/> changes them.</exception>
    internal void CheckAvailable()
    {
        var problems = Generation.ProblemsWith(Model.Decoder).ToList();
        if (problems.Count > 0) throw new ArgumentException($"Generation: {string.Join(" ", problems)}");
    }

    private AnswerBinding Bind(DataViewSchema input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new AnswerBinding(input, OutputColumnName, InputColumnName, _answerer.TakesMessages);
    }
}
