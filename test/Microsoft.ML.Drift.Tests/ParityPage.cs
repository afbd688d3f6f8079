using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

[assembly: AssemblyFixture(typeof(Microsoft.ML.Drift.Tests.ParityPage))]

namespace Microsoft.ML.Drift.Tests;

/// <summary>
/// Collects what the comparisons with recordings measure, and writes <c>docs/parity.md</c> of it where the environment variable
/// <c>DRIFT_PARITY_PAGE</c> names that file. The comparisons are the tests themselves: nothing is measured twice.
/// </summary>
public sealed class ParityPage : IDisposable
{
    private const string Variable = "DRIFT_PARITY_PAGE";

    private static readonly ConcurrentDictionary<(string Group, string Item), ConcurrentDictionary<string, Measurement>> s_rows = new();

    internal sealed record Measurement(double Value, double Bound, bool AtLeast);

    /// <summary>The page's tables, in order: the heading, and what a row is.</summary>
    internal static readonly (string Group, string Item, string Note)[] Groups =
    [
        ("Decoders", "model", "Largest absolute difference of logits (rows padded on the right and on the left), of the next tokens' log-probs and of a completion's; gradients of every parameter, relative to the tensor's largest; greedy tokens that differ, alone and batched."),
        ("Adapters", "PEFT adapter", "The same with a LoRA adapter; merged: its weights and its logits."),
        ("Optimizers", "optimizer", "Weights after one step with recorded gradients (of RMSprop, where the gradient exceeds 1e-4), and loss and gradient norm over five steps, relative."),
        ("GGUF models", "file", "Largest absolute difference of a logit."),
        ("GGUF types", "type", "Values whose bits differ from gguf-py's."),
        ("Sampling rules", "case", "Largest difference of a probability after all processors."),
        ("Sampler", "model", "Largest difference of a probability, and the smallest p-value of chi-square tests of the sampler's draws against the recorded distributions."),
        ("Tokenizers", "tokenizer", "Recorded texts whose ids or decodings differ; an unsupported model type is refused by name."),
        ("Chat templates", "template", "Recorded cases whose text or error differs. Language snippets with `{% block %}`, `{% autoescape %}`, `\\N{…}` and `str.encode` are refused by name and not counted."),
        ("Losses", "loss", "Largest difference of a per-pair value, relative where the recorded one exceeds 1: losses, rewards, gradients."),
        ("Preference training", "TRL run", "Largest difference, relative where the recorded value exceeds 1: log values of step 1 and of later steps, evaluations, values of every pair and micro-batch; absolute: entries of step 1's gradient; final weights relative to their movement."),
        ("Supervised training", "TRL run", "Log values of step 1 and of later steps, micro-batch losses; final weights relative to their movement."),
        ("SmolLM2-135M-Instruct", "what", "A real model: logits absolute; training values relative to at least 0.1; norms of the weights' updates relative."),
    ];

    /// <summary>What was measured, and the bound the test holds it to.</summary>
    internal static void Add(string group, string item, string measure, double value, double bound) => Keep(group, item, measure, value, bound, atLeast: false);

    /// <summary>A p-value, which must not fall below its bound.</summary>
    internal static void AddAtLeast(string group, string item, string measure, double value, double bound) => Keep(group, item, measure, value, bound, atLeast: true);

    /// <summary>So many values were compared, and the test found all of them equal.</summary>
    internal static void AddEqual(string group, string item, string measure, int compared) => Keep(group, item, measure, compared, double.NaN, atLeast: false);

    private static void Keep(string group, string item, string measure, double value, double bound, bool atLeast)
    {
        if (!Groups.Any(known => known.Group == group)) throw new ArgumentException($"Unknown group '{group}'.", nameof(group));
        var row = s_rows.GetOrAdd((group, item), _ => new());
        row.AddOrUpdate(measure, _ => new(value, bound, atLeast), (_, old) => old with { Value = Worse(old, value, atLeast) });
    }

    // The same measure of several parts: the worst counts, and counts add up.
    private static double Worse(Measurement old, double value, bool atLeast) =>
        double.IsNaN(old.Bound) ? old.Value + value : atLeast ? Math.Min(old.Value, value) : Math.Max(old.Value, value);

    public void Dispose()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path) File.WriteAllText(Path.Combine(Checkout.Root, path), Render());
    }

    private static string Render()
    {
        var page = new StringBuilder();
        page.Append($"""
            # Parity

            How far this library's numbers lie from those of the reference implementations: transformers 4.53.3, TRL 0.19.1, PEFT, tokenizers and gguf-py, recorded as files. Each row is a recorded model or training that was compared as a
            whole; a cell is the largest deviation found anywhere in it, and the column's head says what the tests allow.

            This page is written by the tests that compare:

            ```sh
            {Variable}=docs/parity.md dotnet test test/Microsoft.ML.Drift.Tests --filter Parity=measured
            ```

            Measured with {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription.Split(' ')[0]} {RuntimeInformation.ProcessArchitecture}, no GPU, float32. Another processor rounds a last digit elsewhere. A clone proves the part of the rows whose recordings it
            carries ([Recordings](../test/Microsoft.ML.Drift.Tests/Recordings/README.md)); the others are skipped there, visibly.


            """.ReplaceLineEndings("\n"));
        foreach (var (group, item, note) in Groups) AppendGroup(page, group, item, note);
        return page.ToString().TrimEnd('\n') + "\n";
    }

    private static void AppendGroup(StringBuilder page, string group, string item, string note)
    {
        var rows = s_rows.Where(row => row.Key.Group == group).OrderBy(row => row.Key.Item, StringComparer.Ordinal).ToArray();
        if (rows.Length == 0) throw new InvalidOperationException($"Nothing was measured for '{group}': the page is written by a run of all tests with the trait Parity=measured, with all recordings.");
        var measures = rows.SelectMany(row => row.Value).GroupBy(cell => cell.Key).OrderBy(cells => cells.Key, StringComparer.Ordinal).ToArray();
        page.Append(CultureInfo.InvariantCulture, $"## {group}\n\n{note}\n\n| {item} |{string.Concat(measures.Select(cells => $" {Head(cells.Key, [.. cells.Select(cell => cell.Value)])} |"))}\n");
        page.Append(CultureInfo.InvariantCulture, $"|---|{string.Concat(measures.Select(_ => "---|"))}\n");
        foreach (var row in rows)
            page.Append(CultureInfo.InvariantCulture, $"| {row.Key.Item} |{string.Concat(measures.Select(cells => $" {(row.Value.TryGetValue(cells.Key, out var cell) ? Cell(cell, SameBound([.. cells.Select(each => each.Value)])) : "")} |"))}\n");
        var worst = measures.Where(cells => !cells.Any(cell => double.IsNaN(cell.Value.Bound)))
            .Select(cells => $"{cells.Key} {Number(cells.First().Value.AtLeast ? cells.Min(cell => cell.Value.Value) : cells.Max(cell => cell.Value.Value))}").ToArray();
        page.Append(worst.Length == 0 ? $"\n{rows.Length} rows.\n\n" : $"\n{rows.Length} rows; worst: {string.Join(", ", worst)}.\n\n");
    }

    private static string Head(string measure, Measurement[] cells) =>
        double.IsNaN(cells[0].Bound) ? measure : SameBound(cells) ? $"{measure} ({(cells[0].AtLeast ? "≥" : "≤")} {Number(cells[0].Bound)})" : $"{measure} (allowed)";

    private static bool SameBound(Measurement[] cells) => cells.All(cell => cell.Bound.Equals(cells[0].Bound));

    private static string Cell(Measurement cell, bool boundInHead) =>
        double.IsNaN(cell.Bound) ? FormattableString.Invariant($"0 of {cell.Value:N0}") : boundInHead ? Number(cell.Value) : $"{Number(cell.Value)} ({Number(cell.Bound)})";

    private static string Number(double value) => value == 0 ? "0" : value.ToString(Math.Abs(value) is >= 0.01 and < 1000 ? "0.###" : "0.0e-0", CultureInfo.InvariantCulture);
}
