using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A regular expression of adapter_config.json for module names. It comes with a downloaded file, so it is matched in linear time where .NET can do that, and within a short time where it cannot
/// (look-around and back-references).
/// </summary>
internal static class ModulePattern
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(0.1);

    /// <summary>Whether a module's name matches.</summary>
    /// <param name="config">Where the pattern stands, for errors.</param>
    /// <param name="field">Its field.</param>
    /// <param name="text">The pattern, in Python's syntax, which is .NET's for what adapters use.</param>
    /// <param name="part">The pattern describes the name's end, from a dot on, as PEFT has it for ranks and alphas; else the whole name.</param>
    /// <exception cref="InvalidDataException">It is no regular expression; the returned function throws it for one that takes too long.</exception>
    public static Func<string, bool> Parse(ConfigurationReader config, string field, string text, bool part)
    {
        var whole = part ? $@"\A(.*\.)?({text})\z" : $@"\A(?:{text})\z";
        try
        {
            var pattern = Build(whole);
            return module =>
            {
                try
                {
                    return pattern.IsMatch(module);
                }
                catch (RegexMatchTimeoutException)
                {
                    throw config.Problem($"\"{field}\" has a pattern that takes more than {Longest.TotalSeconds} s for one module: {text}");
                }
            };
        }
        catch (ArgumentException e)
        {
            throw config.Problem($"\"{field}\" is not a regular expression: {e.Message}");
        }
    }

    private static Regex Build(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Longest);
        }
        catch (NotSupportedException)
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, Longest);
        }
    }
}
