using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Evaluation.WildBench;

/// <summary>How a judge's reply is read.</summary>
public enum ReplyParsing
{
    /// <summary>The reply must be JSON, as in all published figures; any other is no judgement.</summary>
    Strict,

    /// <summary>Where the reply is not JSON, the first member of the wanted name is looked for in its text.</summary>
    Lenient,
}

/// <summary>Reads the JSON replies of WildBench's judges. No reply makes it throw.</summary>
public static partial class WildBenchReply
{
    /// <summary>Reads a score.</summary>
    /// <param name="reply">The judge's reply.</param>
    /// <param name="parsing">How to read it.</param>
    /// <param name="score">The score, 1 to 10.</param>
    /// <param name="problem">Why there is none.</param>
    /// <returns>Whether the reply holds a score.</returns>
    public static bool TryParseScore(string? reply, ReplyParsing parsing, out double score, out string problem)
    {
        score = double.NaN;
        if (!TryRead(reply, "score", parsing, out var text, out problem)) return false;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || number is not (>= 1 and <= 10))
        {
            problem = $"\"score\" is \"{Shortened(text)}\"; it must be a number from 1 to 10.";
            return false;
        }
        score = number;
        return true;
    }

    /// <summary>Reads a choice between outputs A and B: A++, A+, A=B, B+ or B++.</summary>
    /// <param name="reply">The judge's reply.</param>
    /// <param name="parsing">How to read it.</param>
    /// <param name="outcomeOfA">The verdict for output A.</param>
    /// <param name="problem">Why there is none.</param>
    /// <returns>Whether the reply holds a known choice.</returns>
    public static bool TryParseChoice(string? reply, ReplyParsing parsing, out WildBenchOutcome outcomeOfA, out string problem)
    {
        outcomeOfA = WildBenchOutcome.Tie;
        if (!TryRead(reply, "choice", parsing, out var text, out problem)) return false;
        if (OutcomeOfA(text) is not { } outcome)
        {
            problem = $"\"choice\" is \"{Shortened(text)}\"; it must be A++, A+, A=B, B+ or B++.";
            return false;
        }
        outcomeOfA = outcome;
        return true;
    }

    internal static WildBenchOutcome? OutcomeOfA(string choice) => choice switch
    {
        "A++" => WildBenchOutcome.MuchBetter,
        "A+" => WildBenchOutcome.SlightlyBetter,
        "A=B" => WildBenchOutcome.Tie,
        "B+" => WildBenchOutcome.SlightlyWorse,
        "B++" => WildBenchOutcome.MuchWorse,
        _ => null,
    };

    private static bool TryRead(string? reply, string member, ReplyParsing parsing, out string value, out string problem)
    {
        (value, problem) = ("", "");
        if (string.IsNullOrWhiteSpace(reply))
        {
            problem = "The reply is empty.";
            return false;
        }
        try
        {
            using var document = JsonDocument.Parse(reply);
            return TryMember(document.RootElement, member, out value, out problem);
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            problem = $"The reply is not JSON: {error.Message}";
        }
        if (parsing == ReplyParsing.Strict) return false;
        var found = (member == "score" ? ScoreMember() : ChoiceMember()).Match(reply);
        if (!found.Success)
        {
            problem += $" It has no \"{member}\" either.";
            return false;
        }
        (value, problem) = (found.Groups[1].Value, "");
        return true;
    }

    private static bool TryMember(JsonElement root, string member, out string value, out string problem)
    {
        (value, problem) = ("", "");
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(member, out var found))
        {
            problem = $"The reply has no member \"{member}\".";
            return false;
        }
        try
        {
            value = found.ValueKind switch { JsonValueKind.String => found.GetString()!, JsonValueKind.Number => found.GetRawText(), _ => "" };
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
        }
        if (value.Length > 0) return true;
        problem = $"\"{member}\" is neither a text nor a number.";
        return false;
    }

    private static string Shortened(string text) => text.Length <= 30 ? text : text[..30] + "…";

    [GeneratedRegex("\"score\"\\s*:\\s*\"([^\"]*)\"", RegexOptions.CultureInvariant)]
    private static partial Regex ScoreMember();

    [GeneratedRegex("\"choice\"\\s*:\\s*\"([^\"]*)\"", RegexOptions.CultureInvariant)]
    private static partial Regex ChoiceMember();
}
