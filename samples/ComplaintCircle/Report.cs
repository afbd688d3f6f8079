using Microsoft.ML.Drift.Evaluation.Statistics;

namespace ComplaintCircle;

/// <summary>Before and after, on the questions that somebody complained about and on those that were held out.</summary>
internal static class Report
{
    /// <param name="writer">Where to write.</param>
    /// <param name="before">The answers before.</param>
    /// <param name="after">The answers after, in the same order.</param>
    public static void Write(TextWriter writer, IReadOnlyList<Answer> before, IReadOnlyList<Answer> after)
    {
        var pairs = before.Zip(after, (first, second) => (Before: first, After: second)).ToList();
        writer.WriteLine($"{"",-22}{"questions",10}{"satisfied",12}{"right",9}{"short",9}{"tokens",9}");
        foreach (var heldOut in new[] { false, true })
        {
            var group = pairs.Where(pair => pair.Before.Question.IsHeldOut == heldOut).ToList();
            var name = heldOut ? "held out" : "complained about";
            WriteLine(writer, $"{name}, before", [.. group.Select(pair => pair.Before)]);
            WriteLine(writer, $"{name}, after", [.. group.Select(pair => pair.After)]);
        }
        var unseen = pairs.Where(pair => pair.Before.Question.IsHeldOut).ToList();
        var (gained, lost) = (unseen.Count(pair => !pair.Before.Satisfies && pair.After.Satisfies), unseen.Count(pair => pair.Before.Satisfies && !pair.After.Satisfies));
        var difference = Bootstrap.Mean([.. unseen.Select(pair => (pair.After.Satisfies ? 1.0 : 0) - (pair.Before.Satisfies ? 1 : 0))]);
        writer.WriteLine($"""

            satisfied   right and short: holds one of the right words, in at most 15 words, ended by the model itself

            Of {unseen.Count} held-out questions {gained} are answered satisfactorily that were not before, {lost} no more:
            {difference.Value:+0.0 %;−0.0 %} ({difference.Low:+0.0 %;−0.0 %} to {difference.High:+0.0 %;−0.0 %}), McNemar's exact test p = {PairedTests.Sign(gained, lost):G2}.

            """);
        foreach (var (first, second) in unseen.Where(pair => pair.Before.Text != pair.After.Text).Take(8))
            writer.WriteLine($"{first.Question.Text}\n  before  {OneLine(first)}\n  after   {OneLine(second)}");
    }

    private static void WriteLine(TextWriter writer, string name, IReadOnlyList<Answer> answers)
    {
        writer.WriteLine(
            $"{name,-24}{answers.Count,8}{Share(answer => answer.Satisfies),12:0.0 %}{Share(answer => answer.IsRight),9:0.0 %}{Share(answer => answer.IsShort),9:0.0 %}{answers.Average(answer => answer.Tokens),9:0.0}");

        double Share(Func<Answer, bool> isSo) => answers.Count(isSo) / (double)answers.Count;
    }

    private static string OneLine(Answer answer) => answer.Text.ReplaceLineEndings(" ") is var text && text.Length > 160 ? $"{text[..160]} …" : text;
}
