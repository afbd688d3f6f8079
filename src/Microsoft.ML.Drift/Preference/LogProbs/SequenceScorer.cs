using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>What a model thinks of a given sequence of tokens.</summary>
/// <param name="TokenLogProbs">log p(token | all before it), natural logarithm, for each token from the completion's start on; 0 for a sequence's very first token, which nothing predicts.</param>
/// <param name="NextTokenLogits">The logits of the token that would follow the sequence, one for each of the V ids; null if not asked for.</param>
public sealed record ScoredSequence(IReadOnlyList<float> TokenLogProbs, IReadOnlyList<float>? NextTokenLogits)
{
    /// <summary>The log-probability of the whole completion: the sum of its tokens', in double precision.</summary>
    public double Sum => TokenLogProbs.Sum(logProb => (double)logProb);
}

/// <summary>Log-probabilities and next-token logits of given token ids under a model.</summary>
/// <param name="model">The model; it is only read.</param>
public sealed class SequenceScorer(CausalLM model)
{
    /// <summary>Scores one sequence.</summary>
    /// <param name="inputIds">Prompt and completion, at least one id, each below the model's vocabulary size.</param>
    /// <param name="completionStart">Position of the completion's first token, 0 to the number of ids (then nothing is scored).</param>
    /// <param name="nextTokenLogits">Whether to return the logits after the last position.</param>
    /// <exception cref="ArgumentException">There is no id, or one the model does not have.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The completion starts outside the sequence.</exception>
    public ScoredSequence Score(IReadOnlyList<int> inputIds, int completionStart, bool nextTokenLogits = false)
    {
        Check(inputIds, completionStart);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var ids = tensor(inputIds.Select(id => (long)id).ToArray(), device: model.Device).unsqueeze(0);
        var mask = AttentionMask.Causal(ones_like(ids));
        var hidden = model.Decoder.forward(ids, mask.Positions, mask).squeeze(0);

        // The hidden state at t predicts the token at t + 1; token 0 has no prediction.
        var first = Math.Max(1, completionStart);
        var logProbs = new float[inputIds.Count - completionStart];
        if (first < inputIds.Count)
        {
            var scored = TokenLogProbs.Compute(
                model.Decoder.Head(), hidden[(first - 1)..(inputIds.Count - 1)], ids[0, first..], new TokenLogProbOptions());
            scored.Scores.LogProbs.cpu().data<float>().CopyTo(logProbs.AsSpan(first - completionStart));
        }
        var logits = nextTokenLogits ? model.Decoder.Logits(hidden[^1..]).squeeze(0).cpu().data<float>().ToArray() : null;
        return new ScoredSequence(logProbs, logits);
    }

    /// <summary>
    /// Scores the rows of a data view: preference pairs (columns Prompt, Chosen, Rejected) or prompts with an answer (Prompt, Completion). Text becomes ids by the
    /// rules that training uses, without a limit of length.
    /// </summary>
    /// <param name="rows">The rows; each is scored when it is asked for.</param>
    /// <param name="nextTokenLogits">Whether to return the logits after the last position of each answer.</param>
    /// <exception cref="ArgumentException">A column is missing or has another type, or the model has no tokenizer.</exception>
    /// <exception cref="InvalidDataException">A row has an answer without any token.</exception>
    public IEnumerable<ScoredRow> ScoreRows(IDataView rows, bool nextTokenLogits = false)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var tokenizer = model.Tokenizer ?? throw new ArgumentException("The model has no tokenizer files, so that text cannot be scored. Score ids instead.", nameof(rows));
        var encoder = new ChatEncoder(tokenizer, model.ChatTemplate, model.EndOfSequenceIds);
        if (rows.Schema.GetColumnOrNull(ChatColumnNames.Chosen) is not null)
        {
            new PreferenceColumns().Check(rows.Schema);
            return Pairs(rows, encoder, nextTokenLogits);
        }
        new SftColumns { Messages = "" }.Check(rows.Schema);
        return Completions(rows, encoder, nextTokenLogits);
    }

    private IEnumerable<ScoredRow> Pairs(IDataView rows, ChatEncoder encoder, bool nextTokenLogits)
    {
        var tokenization = new PreferenceTokenization(encoder, new SequenceLimits(), TokenizationRules.Sound);
        foreach (var row in new PreferenceColumns().Read(rows))
        {
            var tokens = tokenization.Tokenize(row, out var problem) ?? throw new InvalidDataException($"Row {row.RowId}: {problem}.");
            yield return new ScoredRow(
                row.RowId, null,
                Score(tokens.Chosen.Ids, tokens.Chosen.CompletionStart, nextTokenLogits),
                Score(tokens.Rejected.Ids, tokens.Rejected.CompletionStart, nextTokenLogits));
        }
    }

    private IEnumerable<ScoredRow> Completions(IDataView rows, ChatEncoder encoder, bool nextTokenLogits)
    {
        var tokenization = new SftTokenization(encoder, maxLength: null, SftLabels.Answers, TokenizationRules.Sound);
        foreach (var row in new SftColumns { Messages = "" }.Read(rows))
        {
            var tokens = tokenization.Tokenize(row, out var problem) ?? throw new InvalidDataException($"Row {row.RowId}: {problem}.");
            yield return new ScoredRow(row.RowId, Score(tokens.Ids, Array.IndexOf(tokens.IsLabel, true), nextTokenLogits), null, null);
        }
    }

    private void Check(IReadOnlyList<int> inputIds, int completionStart)
    {
        ArgumentNullException.ThrowIfNull(inputIds);
        if (inputIds.Count == 0) throw new ArgumentException("There is no id to score; at least one is needed.", nameof(inputIds));
        var size = model.Configuration.VocabularySize;
        foreach (var id in inputIds)
            if (id < 0 || id >= size) throw new ArgumentException($"The ids hold {id}; the model's ids are 0 to {size - 1}.", nameof(inputIds));
        if (completionStart < 0 || completionStart > inputIds.Count)
            throw new ArgumentOutOfRangeException(nameof(completionStart), completionStart, $"The completion must start between 0 and {inputIds.Count}, the number of ids.");
    }
}
