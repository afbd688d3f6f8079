using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Serving.Protocol;

/// <summary>What a request asks for, checked and tokenized.</summary>
internal sealed record AnswerRequest
{
    /// <summary>The prompts' token ids; each is answered <see cref="ChoicesPerPrompt"/> times.</summary>
    public required IReadOnlyList<int[]> Prompts { get; init; }

    public required int ChoicesPerPrompt { get; init; }

    public required GenerationOptions Options { get; init; }

    /// <summary>Whether the request named a seed: then the draws depend on nothing else.</summary>
    public required bool IsSeeded { get; init; }

    /// <summary>How many of the most probable tokens to report at each place; null for no log-probabilities at all.</summary>
    public required int? TopLogProbs { get; init; }

    public required bool Stream { get; init; }

    /// <summary>Whether a stream ends with the counts of tokens.</summary>
    public required bool IncludeUsage { get; init; }

    public int Choices => Prompts.Count * ChoicesPerPrompt;

    public int PromptTokens => Prompts.Sum(prompt => prompt.Length);
}
