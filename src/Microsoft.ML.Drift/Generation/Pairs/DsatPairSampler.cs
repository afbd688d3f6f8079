using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>
/// Turns complaints into preference pairs (DRIFT, arXiv 2510.02341): for every DSAT row the policy samples a better answer, which becomes
/// <c>Chosen</c> beside the <c>Rejected</c> answer the user complained about.
/// </summary>
/// <remarks>
/// <para>Input columns: <c>Prompt</c> (chat, or text), <c>Rejected</c> (text), <c>Feedback</c> (text; not for <see cref="DsatSamplingMode.Unguided"/>), and
/// <c>RowId</c> (text) if there is one. Output columns: <c>RowId</c>, <c>Prompt</c> (chat, without the complaint), <c>Chosen</c>, <c>Rejected</c>,
/// <c>ChosenFinishReason</c> (<c>stop</c> or <c>length</c>), in the order of the input, dropped rows left out.</para>
/// <para><see cref="Fit"/> samples nothing: it checks the schema and keeps a reference to the policy, whose weights are used as they are when
/// <see cref="DsatPairTransformer.Transform"/> runs.</para>
/// </remarks>
public sealed class DsatPairSampler : IEstimator<DsatPairTransformer>
{
    /// <summary>The instruction that follows the complaint in <see cref="DsatSamplingMode.Guided"/>, unless <see cref="Options.Instruction"/> says otherwise.</summary>
    public const string DefaultInstruction = "The user was not satisfied with the last answer. Write an improved answer that addresses the feedback.";

    private readonly MLContext _context;
    private readonly CausalLM _policy;
    private readonly Options _options;

    internal DsatPairSampler(MLContext context, CausalLM policy, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(policy);
        (_context, _policy, _options) = (context, policy, options ?? new());
        var problems = _options.Problems().Concat(ModelProblems()).ToList();
        if (problems.Count > 0) throw new ArgumentException($"{nameof(DsatPairSampler)}: {string.Join(" ", problems)}", nameof(options));
    }

    /// <summary>How <see cref="DsatPairSampler"/> works.</summary>
    public sealed record Options
    {
        /// <summary>What the policy sees. Default <see cref="DsatSamplingMode.Guided"/>.</summary>
        public DsatSamplingMode Mode { get; init; }

        /// <summary>
        /// How answers are sampled; by default as in the paper. In guided and unguided mode exactly this applies, and the model's own generation defaults do
        /// not. In paper mode settings that are null here are taken from the model's generation_config.json, as transformers does, and top-k 50 where that
        /// says nothing.
        /// </summary>
        public GenerationOptions Generation { get; init; } = new();

        /// <summary>How much is computed at once.</summary>
        public GenerationBatching Batching { get; init; } = new();

        /// <summary>
        /// Stands after the complaint in guided mode, and only there, parted from it by an empty line. Null (the default) is <see cref="DefaultInstruction"/>; an empty text
        /// leaves the complaint alone, for a model that is used to plain complaints.
        /// </summary>
        public string? Instruction { get; init; }

        /// <summary>
        /// The longest prompt, in tokens. Longer ones lose their oldest exchanges and then text from the middle of messages, never the complaint and the
        /// generation cue; in paper mode they are cut on the right. At least 1; default 2048, as in the paper.
        /// </summary>
        public int MaxPromptLength { get; init; } = 2048;

        /// <summary>What an answer must be to be used. Null (the default): <see cref="ChosenFilters"/>' defaults; in paper mode nothing, and nothing can be set.</summary>
        public ChosenFilters? Filters { get; init; }

        /// <summary>How often a row whose answer was filtered out is sampled again. 0 or greater; default 0. Not in paper mode, nor at temperature 0.</summary>
        public int MaxRetries { get; init; }

        /// <summary>The iteration of the training loop, part of the random numbers' key. 0 or greater; default 0.</summary>
        public int Iteration { get; init; }

        /// <summary>
        /// A file in which every decided row is kept at once, so that no row is sampled twice and a run that was stopped goes on where it was. Null (the
        /// default) keeps rows in memory only.
        /// </summary>
        public string? JournalPath { get; init; }

        /// <summary>Whether the caller holds a lock that covers the journal.</summary>
        internal bool OwnsJournal { get; init; }

        internal bool NeedsFeedback => Mode != DsatSamplingMode.Unguided;

        internal IEnumerable<string> Problems()
        {
            foreach (var problem in Generation.Problems().Concat(Batching.Problems()).Concat(Filters?.Problems() ?? [])) yield return problem;
            if (!Enum.IsDefined(Mode)) yield return $"Mode is {Mode}; it must be Guided, Unguided or Paper.";
            if (Instruction is not null && Mode != DsatSamplingMode.Guided) yield return $"Instruction has no effect in mode {Mode}; leave it null.";
            if (Instruction is { Length: > 0 } && string.IsNullOrWhiteSpace(Instruction))
                yield return "Instruction is white space; leave it null for the default, or make it empty for none.";
            if (MaxPromptLength < 1) yield return $"MaxPromptLength is {MaxPromptLength}; it must be at least 1.";
            if (Mode == DsatSamplingMode.Paper && Filters is not null) yield return "Filters have no effect in paper mode, which uses every answer; leave them null.";
            if (MaxRetries < 0) yield return $"MaxRetries is {MaxRetries}; it must be 0 or greater.";
            if (MaxRetries > 0 && Mode == DsatSamplingMode.Paper) yield return "MaxRetries has no effect in paper mode, which uses every answer; set it to 0.";
            if (MaxRetries > 0 && Generation.IsGreedy) yield return "MaxRetries has no effect at Temperature 0, which would give the same answer again; set it to 0.";
            if (Iteration < 0) yield return $"Iteration is {Iteration}; it must be 0 or greater.";
            if (JournalPath is "") yield return "JournalPath is empty; leave it null to keep rows in memory.";
        }
    }

    /// <summary>Checks the input's schema and keeps the policy. Nothing is sampled yet.</summary>
    /// <param name="input">DSAT rows.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public DsatPairTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        DsatRowReader.CheckSchema(input.Schema, _options.NeedsFeedback);
        return new(_context, _policy, _options);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ChatColumn.CheckChat(inputSchema, ChatColumnNames.Prompt);
        ChatColumn.CheckText(inputSchema, ChatColumnNames.Rejected);
        if (_options.NeedsFeedback) ChatColumn.CheckText(inputSchema, ChatColumnNames.Feedback);
        // A custom mapping knows the shape of a class; what it would pass through is left out.
        var shape = _context.Transforms.CustomMapping<Nothing, PairRowWithTools>((_, _) => { }, null).GetOutputSchema(inputSchema);
        var hasTools = inputSchema.Any(column => column.Name == ChatColumnNames.Tools);
        return new(shape.Where(column => PairRow.ColumnNames.Contains(column.Name) || (hasTools && column.Name == ChatColumnNames.Tools)));
    }

    private IEnumerable<string> ModelProblems()
    {
        if (_policy.Tokenizer is null) yield return "the policy has no tokenizer; load it from a folder with tokenizer.json.";
        else if (_policy.Tokenizer.ChatTemplateSource is null && _options.Mode != DsatSamplingMode.Paper)
            yield return $"the policy has no chat template, which mode {_options.Mode} needs; add chat_template.jinja to its folder.";
        foreach (var problem in _options.Generation.ProblemsWith(_policy.Decoder)) yield return problem;
    }

    private sealed class Nothing;

    /// <summary>A pair as a row of the output.</summary>
    internal class PairRow
    {
        public static readonly string[] ColumnNames =
            [ChatColumnNames.RowId, ChatColumnNames.Prompt, ChatColumnNames.Chosen, ChatColumnNames.Rejected, ChatColumnNames.ChosenFinishReason];

        public string RowId { get; set; } = "";

        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];

        public string Chosen { get; set; } = "";

        public string Rejected { get; set; } = "";

        public string ChosenFinishReason { get; set; } = "";
    }

    /// <summary>The same where the input has tools, which training needs too.</summary>
    internal sealed class PairRowWithTools : PairRow
    {
        public string Tools { get; set; } = "";
    }
}
