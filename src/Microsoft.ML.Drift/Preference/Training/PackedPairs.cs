using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Pairs as trees of tokens: <c>[prompt | chosen | rejected]</c>, the prompt computed once, where both answers follow the same prompt; else two sequences. The last
/// token of an answer predicts nothing, so it is not computed at all.
/// </summary>
internal sealed class PackedPairs
{
    private readonly List<(int Prompt, int PromptLength, int Answer)> _places = [];
    private readonly List<TokenTree> _trees = [];
    private readonly List<int> _firstTrees = [];
    private int _next;

    /// <param name="pairs">B pairs.</param>
    /// <param name="needsLast">Whether an answer's last token is wanted nevertheless.</param>
    public PackedPairs(IReadOnlyList<PreferenceTokens> pairs, Func<TokenSequence, bool> needsLast)
    {
        List<(int, int, int)> rejected = [];
        foreach (var pair in pairs)
        {
            _firstTrees.Add(_trees.Count);
            var (one, other) = (Computed(pair.Chosen, needsLast), Computed(pair.Rejected, needsLast));
            if (pair.SharesPrompt && pair.Chosen.CompletionStart > 0)
            {
                var prompt = pair.Chosen.CompletionStart;
                var (chosenAnswer, rejectedAnswer) = (From(one, prompt), From(other, prompt));
                _places.Add((_next, prompt, _next + prompt));
                rejected.Add((_next, prompt, _next + prompt + chosenAnswer.Length));
                Add(new(pair.Chosen.Ids.AsMemory(0, prompt), [chosenAnswer, rejectedAnswer]));
                continue;
            }
            _places.Add((_next, 0, _next));
            Add(new(one));
            rejected.Add((_next, 0, _next));
            Add(new(other));
        }
        _places.AddRange(rejected);
        _firstTrees.Add(_trees.Count);
    }

    public IReadOnlyList<TokenTree> Trees => _trees;

    /// <summary>The first tree of each pair, and their number at the end.</summary>
    public IReadOnlyList<int> FirstTrees => _firstTrees;

    /// <summary>Where a token of a sequence is among the packed ones.</summary>
    /// <param name="row">The sequence: chosen ones first, then the rejected ones.</param>
    /// <param name="t">The token's index in its sequence.</param>
    public long PlaceOf(int row, int t)
    {
        var (prompt, promptLength, answer) = _places[row];
        return t < promptLength ? prompt + t : answer + t - promptLength;
    }

    private void Add(TokenTree tree)
    {
        _trees.Add(tree);
        _next += tree.Length;
    }

    private static ReadOnlyMemory<int> Computed(TokenSequence sequence, Func<TokenSequence, bool> needsLast) =>
        sequence.Ids.AsMemory(0, needsLast(sequence) ? sequence.Ids.Length : Math.Max(Math.Min(1, sequence.Ids.Length), sequence.Ids.Length - 1));

    // An answer without tokens leaves a prompt without its last token, too: it is computed all the same, since the other answer may need it.
    private static ReadOnlyMemory<int> From(ReadOnlyMemory<int> ids, int prompt) => ids.Length <= prompt ? default : ids[prompt..];
}
