using System.Buffers;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Data;

/// <summary>
/// A regular expression of Oniguruma's syntax, matched over code points. .NET's engine sees UTF-16 units, and a surrogate is neither
/// letter nor digit to it; so where a text holds code points beyond U+FFFF, the engine reads a copy in which each of them is one
/// stand-in character of the same class, and the positions are mapped back.
/// </summary>
internal sealed class RegexPattern : TextPattern
{
    /// <summary>For one match. A pattern that goes back over the text again and again would take longer than a life; a sound one takes microseconds.</summary>
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(1);

    private readonly Regex regex;
    private readonly StandIns standIns;
    private readonly string source;

    /// <param name="pattern">The pattern as tokenizer.json writes it.</param>
    /// <exception cref="InvalidDataException">The pattern uses a construct that is not supported.</exception>
    public RegexPattern(string pattern)
    {
        source = pattern;
        (var translated, standIns) = OnigurumaTranslator.Translate(pattern);
        regex = new Regex(translated, RegexOptions.Compiled | RegexOptions.CultureInvariant, LongestMatch);
    }

    /// <exception cref="InvalidDataException">The pattern takes too long.</exception>
    public override void FindMatches(ReadOnlySpan<char> text, List<TextMatch> matches)
    {
        try
        {
            FindAll(text, matches);
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw new InvalidDataException($"tokenizer.json: the pattern \"{source}\" takes more than {LongestMatch.TotalSeconds} s for one match in a text of {text.Length:N0} characters; it goes over the text again and again. Write it so that no part can match the same text in two ways.", exception);
        }
    }

    private void FindAll(ReadOnlySpan<char> text, List<TextMatch> matches)
    {
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            FindMatches(text, [], matches);
            return;
        }
        var substitute = ArrayPool<char>.Shared.Rent(text.Length);
        var positions = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            var length = standIns.Substitute(text, substitute, positions);
            FindMatches(substitute.AsSpan(0, length), positions.AsSpan(0, length + 1), matches);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(substitute);
            ArrayPool<int>.Shared.Return(positions);
        }
    }

    private void FindMatches(ReadOnlySpan<char> text, ReadOnlySpan<int> positions, List<TextMatch> matches)
    {
        var previous = 0;
        var any = false;
        foreach (var match in regex.EnumerateMatches(text))
        {
            int start = match.Index, end = match.Index + match.Length;
            // An empty match right behind another match does not count.
            if (match.Length == 0 && any && start == previous) continue;
            any = true;
            if (previous != start) matches.Add(Map(previous, start, false, positions));
            matches.Add(Map(start, end, true, positions));
            previous = end;
        }
        if (previous != text.Length) matches.Add(Map(previous, text.Length, false, positions));
    }

    private static TextMatch Map(int start, int end, bool isMatch, ReadOnlySpan<int> positions) =>
        positions.IsEmpty ? new TextMatch(start, end, isMatch) : new TextMatch(positions[start], positions[end], isMatch);
}
