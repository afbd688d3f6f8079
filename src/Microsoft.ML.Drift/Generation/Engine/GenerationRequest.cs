namespace Microsoft.ML.Drift.Generation;

/// <summary>One answer to sample: a prompt's token ids, and what the random numbers are keyed by.</summary>
public sealed class GenerationRequest
{
    /// <summary>A request for the first sample of a row.</summary>
    /// <param name="rowId">The row's identity. Two requests of one run that share row, iteration and sample number draw the same random numbers.</param>
    /// <param name="promptIds">The prompt's token ids; at least one.</param>
    /// <exception cref="ArgumentException">The prompt has no token.</exception>
    public GenerationRequest(string rowId, IReadOnlyList<int> promptIds)
    {
        ArgumentNullException.ThrowIfNull(rowId);
        ArgumentNullException.ThrowIfNull(promptIds);
        if (promptIds.Count == 0) throw new ArgumentException($"The prompt of row \"{rowId}\" has no token; a model needs at least one to start from.", nameof(promptIds));
        RowId = rowId;
        Prompt = [.. promptIds];
    }

    /// <summary>The row's identity.</summary>
    public string RowId { get; }

    /// <summary>The prompt's token ids.</summary>
    public IReadOnlyList<int> PromptIds => Prompt;

    /// <summary>The iteration of the training loop that samples; 0 outside of one.</summary>
    public int Iteration { get; init; }

    /// <summary>0 for the first sample of the row, 1 for the next.</summary>
    public int SampleNumber { get; init; }

    internal int[] Prompt { get; }

    /// <exception cref="ArgumentException">The prompt holds an id that the model does not have.</exception>
    internal void Check(int vocabularySize, string parameterName)
    {
        foreach (var id in Prompt)
            if (id < 0 || id >= vocabularySize)
                throw new ArgumentException($"The prompt of row \"{RowId}\" holds the id {id}; the model's ids are 0 to {vocabularySize - 1}.", parameterName);
    }
}
