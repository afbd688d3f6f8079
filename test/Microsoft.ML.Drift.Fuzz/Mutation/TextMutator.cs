using System.Text;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Changes text as a sequence of the language's words: taken out, doubled, moved, replaced by words of a dictionary or of another text, repeated to great depth.</summary>
/// <param name="seeds">Sound texts.</param>
/// <param name="words">What cuts a text into words; whatever it does not match is a word too.</param>
/// <param name="dictionary">Words that mean something to the reader, hostile ones among them.</param>
internal sealed class TextMutator(IEnumerable<string> seeds, Regex words, IReadOnlyList<string> dictionary)
{
    private const int LongestText = 1 << 18;

    private readonly string[][] _seeds = [.. seeds.Select(seed => Cut(seed, words))];
    private readonly byte[][] _texts = [.. seeds.Select(Encoding.UTF8.GetBytes)];

    public byte[] Next(FuzzRandom random)
    {
        if (random.Chance(8)) return ByteMutator.Mutate(random, random.Pick(_texts), _texts, []);
        var text = random.Pick(_seeds).ToList();
        for (var left = random.Few(6); left > 0; left--) Change(random, text);
        var joined = string.Concat(text);
        return Encoding.UTF8.GetBytes(joined.Length > LongestText ? joined[..LongestText] : joined);
    }

    private void Change(FuzzRandom random, List<string> text)
    {
        if (text.Count == 0) text.Add(random.Pick(dictionary));
        var at = random.Below(text.Count);
        var length = Math.Min(1 + random.Below(12), text.Count - at);
        switch (random.Below(9))
        {
            case 0: text.RemoveRange(at, random.Chance(70) ? 1 : length); break;
            case 1: text.InsertRange(random.Below(text.Count + 1), text.GetRange(at, length)); break;
            case 2: text[at] = random.Pick(dictionary); break;
            case 3: text.Insert(at, random.Pick(dictionary)); break;
            case 4:
                var other = random.Pick(_seeds);
                var start = random.Below(other.Length);
                text.InsertRange(at, other.Skip(start).Take(1 + random.Below(12)));
                break;
            case 5:
                var second = random.Below(text.Count);
                (text[at], text[second]) = (text[second], text[at]);
                break;
            case 6 when random.Chance(40):
                var block = string.Concat(text.GetRange(at, Math.Min(length, 4)));
                text[at] = string.Concat(Enumerable.Repeat(block, Math.Min(random.Pick([3, 20, 200, 5000]), LongestText / Math.Max(1, block.Length))));
                break;
            case 7 when random.Chance(20): text.RemoveRange(at, text.Count - at); break;
            default:
                if (random.Pick(_seeds) is { Length: > 0 } seed) text[at] = random.Pick(seed);
                break;
        }
    }

    private static string[] Cut(string text, Regex words)
    {
        var pieces = new List<string>();
        var end = 0;
        foreach (Match match in words.Matches(text))
        {
            if (match.Index > end) pieces.Add(text[end..match.Index]);
            pieces.Add(match.Value);
            end = match.Index + match.Length;
        }
        if (end < text.Length) pieces.Add(text[end..]);
        return [.. pieces];
    }
}
