using System.Globalization;
using System.Text;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>Splits text for the measures that count words.</summary>
internal static class Words
{
    /// <summary>
    /// Runs of letters, digits and marks, in lower case; every other character that is not white space is a word of its own, as is each Chinese or Japanese character, whose words no spaces part.
    /// </summary>
    public static string[] Of(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsInWord(rune) && !IsEastAsian(rune.Value))
            {
                word.Append(Rune.ToLowerInvariant(rune).ToString());
                continue;
            }
            Close();
            if (!Rune.IsWhiteSpace(rune)) words.Add(rune.ToString());
        }
        Close();
        return [.. words];

        void Close()
        {
            if (word.Length > 0) words.Add(word.ToString());
            word.Clear();
        }
    }

    private static bool IsInWord(Rune rune) => Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private static bool IsEastAsian(int value) => value is (>= 0x3040 and <= 0x30FF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x323AF);
}
