using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Evaluation.Statistics;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>The columns that responses are read from. All but <see cref="Response"/> may be missing; what needs them is then not measured.</summary>
public sealed record ResponseColumns
{
    /// <summary>Text: the model's response.</summary>
    public string Response { get; init; } = ChatColumnNames.Response;

    /// <summary>Text: names the row; two sets of responses are paired by it.</summary>
    public string RowId { get; init; } = ChatColumnNames.RowId;

    /// <summary>Chat or text: what was asked.</summary>
    public string Prompt { get; init; } = ChatColumnNames.Prompt;

    /// <summary>Text or chat: the answer the user complained about.</summary>
    public string Rejected { get; init; } = ChatColumnNames.Rejected;

    /// <summary>Text: the complaint.</summary>
    public string Feedback { get; init; } = ChatColumnNames.Feedback;

    /// <summary>Text: <c>stop</c> where the model ended the response itself, <c>length</c> where it was cut.</summary>
    public string FinishReason { get; init; } = "FinishReason";
}

/// <summary>How responses are measured.</summary>
public sealed record ResponseEvaluationOptions
{
    /// <summary>Where to read.</summary>
    public ResponseColumns Columns { get; init; } = new();

    /// <summary>Counts lengths in tokens; null (the default): characters and words only.</summary>
    public PretrainedTokenizer? Tokenizer { get; init; }

    /// <summary>
    /// The model whose hidden states are the space in which coverage is measured: for a comparison of before and after, the model before, for both. It needs a tokenizer, and stays the caller's. Null (the default): coverage is not measured.
    /// </summary>
    public CausalLM? EmbeddingModel { get; init; }

    /// <summary>How coverage is measured.</summary>
    public CoverageOptions Coverage { get; init; } = new();

    /// <summary>How intervals are found.</summary>
    public Resampling Resampling { get; init; } = new();

    /// <summary>Told of what takes long, on the calling thread: of each response that is embedded, and in a comparison of each figure and each drawing of rows. Default none.</summary>
    public IProgress<ResponseProgress>? Progress { get; init; }

    /// <summary>Stops with an <see cref="OperationCanceledException"/>, where <see cref="Progress"/> is told. Default none.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Goes on, or stops.</summary>
    internal void Advance(ResponseActivity activity, int done, int total)
    {
        CancellationToken.ThrowIfCancellationRequested();
        Progress?.Report(new(activity, done, total));
    }
}

/// <summary>What takes long in an evaluation of responses.</summary>
public enum ResponseActivity
{
    /// <summary>Responses go through the embedding model.</summary>
    Embedding,

    /// <summary>Differences get their intervals; the unit is a figure of rows, or one drawing of rows for a figure of the whole set.</summary>
    Comparing,
}

/// <summary>How far an evaluation of responses is.</summary>
/// <param name="Activity">What it does.</param>
/// <param name="Done">How much of that is done.</param>
/// <param name="Total">How much there is.</param>
public readonly record struct ResponseProgress(ResponseActivity Activity, int Done, int Total);

/// <summary>How coverage is measured.</summary>
public sealed record CoverageOptions
{
    /// <summary>Number of clusters; with fewer responses, as many as there are. 2 to 1000; default 16.</summary>
    public int Clusters { get; init; } = 16;

    /// <summary>Principal components that are clustered; at most as many as the model is wide. 2 to 256; default 8. The first two are the plot's.</summary>
    public int Components { get; init; } = 8;

    /// <summary>Decides projection and clusters; default 42.</summary>
    public int Seed { get; init; } = 42;

    /// <exception cref="ArgumentException">The settings have problems; the message lists all of them.</exception>
    internal void Validate()
    {
        var problems = new List<string>();
        if (Clusters is < 2 or > 1000) problems.Add($"Clusters is {Clusters}; it must lie between 2 and 1000.");
        if (Components is < 2 or > 256) problems.Add($"Components is {Components}; it must lie between 2 and 256.");
        if (problems.Count > 0) throw new ArgumentException($"{nameof(CoverageOptions)}: {string.Join(" ", problems)}");
    }
}
