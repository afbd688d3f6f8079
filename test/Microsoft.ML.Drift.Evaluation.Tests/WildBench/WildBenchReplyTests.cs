using System.Text;
using Microsoft.ML.Drift.Evaluation.WildBench;

namespace Microsoft.ML.Drift.Evaluation.Tests.WildBench;

public sealed class WildBenchReplyTests
{
    [Theory]
    [InlineData("""{"strengths": "a", "weaknesses": "b", "score": "7"}""", 7.0, 7.0)]
    [InlineData("""{"score": 7}""", 7.0, 7.0)]
    [InlineData("""{"score": " 7.5 "}""", 7.5, 7.5)]
    [InlineData("""{"score": "3", "score": "4"}""", 4.0, 4.0)]                    // the last one, as in Python
    [InlineData("""{"weaknesses": "no \"score\": \"2\"", "score": "4"}""", 4.0, 4.0)]
    [InlineData("""```json {"score": "7"} ```""", null, 7.0)]
    [InlineData("""{"score": "7",}""", null, 7.0)]
    [InlineData("""{"score": "7" """, null, 7.0)]
    [InlineData("""{"score": 7,}""", null, null)]                                   // the pattern wants quotes
    [InlineData("""{"points": "7"}""", null, null)]
    [InlineData("""{"score": "11"}""", null, null)]
    [InlineData("""{"score": "0"}""", null, null)]
    [InlineData("""{"score": "NaN"}""", null, null)]
    [InlineData("""{"score": "8/10"}""", null, null)]
    [InlineData("""{"score": ["7"]}""", null, null)]
    [InlineData("""{"score": "\ud800"}""", null, null)]
    [InlineData("""["score", "7"]""", null, null)]
    [InlineData("7", null, null)]
    [InlineData("", null, null)]
    [InlineData(null, null, null)]
    public void TryParseScore_Reply_StrictAndLenient(string? reply, double? strict, double? lenient)
    {
        Check(ReplyParsing.Strict, strict);
        Check(ReplyParsing.Lenient, lenient);

        void Check(ReplyParsing parsing, double? expected)
        {
            var found = WildBenchReply.TryParseScore(reply, parsing, out var score, out var problem);
            Assert.Equal(expected, found ? score : null);
            Assert.Equal(found, problem.Length == 0);
        }
    }

    [Theory]
    [InlineData("A++", WildBenchOutcome.MuchBetter)]
    [InlineData("A+", WildBenchOutcome.SlightlyBetter)]
    [InlineData("A=B", WildBenchOutcome.Tie)]
    [InlineData("B+", WildBenchOutcome.SlightlyWorse)]
    [InlineData("B++", WildBenchOutcome.MuchWorse)]
    [InlineData("B=A", null)]
    [InlineData("a+", null)]
    [InlineData("A+++", null)]
    public void TryParseChoice_Choice_IsTheVerdictForA(string choice, WildBenchOutcome? expected)
    {
        var found = WildBenchReply.TryParseChoice($$"""{"choice": "{{choice}}"}""", ReplyParsing.Strict, out var outcome, out var problem);

        Assert.Equal(expected, found ? outcome : null);
        Assert.Equal(!found, problem.Contains(choice, StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_FuzzedReplies_NeverThrowsAndStrictImpliesLenient()
    {
        string[] seeds =
        [
            """{"strengths": "a\nb", "weaknesses": "b \"x\"", "score": "7"}""", """{"analysis of A": "a", "choice": "B++",}""", "```json\n{\"score\": \"1\"}\n```", "{\"score\": \"\\ud83d\\ude00\"}", "{\"score\": 1e400}",
        ];
        var random = new Random(7);
        var parsed = 0;
        for (var round = 0; round < 60_000; round++)
        {
            var reply = Mutated(seeds[random.Next(seeds.Length)], random);
            var strict = WildBenchReply.TryParseScore(reply, ReplyParsing.Strict, out var score, out _);
            var lenient = WildBenchReply.TryParseScore(reply, ReplyParsing.Lenient, out var again, out _);
            if (strict) Assert.True(lenient && score == again && score is >= 1 and <= 10, reply);
            if (WildBenchReply.TryParseChoice(reply, ReplyParsing.Strict, out var outcome, out _)) Assert.True(Enum.IsDefined(outcome), reply);
            WildBenchReply.TryParseChoice(reply, ReplyParsing.Lenient, out _, out _);
            if (strict) parsed++;
        }
        Assert.InRange(parsed, 1_000, 59_000);
    }

    [Fact]
    public void Parse_VeryDeepOrLong_EndsQuickly()
    {
        Assert.False(WildBenchReply.TryParseScore(new string('[', 1_000_000), ReplyParsing.Lenient, out _, out _));
        Assert.False(WildBenchReply.TryParseScore(string.Concat(Enumerable.Repeat("\"score\" : ", 200_000)), ReplyParsing.Lenient, out _, out _));
    }

    private const string Symbols = "{}[]\",:\\u\ud83d0+A=B";

    private static string Mutated(string seed, Random random)
    {
        var text = new StringBuilder(seed);
        for (var edits = random.Next(4); edits > 0 && text.Length > 0; edits--)
        {
            var at = random.Next(text.Length);
            switch (random.Next(5))
            {
                case 0: text.Remove(at, 1); break;
                case 1: text.Insert(at, (char)random.Next(0x20, 0x7f)); break;
                case 2: text[at] = Symbols[random.Next(Symbols.Length)]; break;
                case 3: text.Length = at; break;
                default: text.Insert(at, text.ToString(at, Math.Min(8, text.Length - at))); break;
            }
        }
        return text.ToString();
    }
}
