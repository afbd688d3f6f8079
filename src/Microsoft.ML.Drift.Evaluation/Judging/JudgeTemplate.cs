using System.Text;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>A judge's prompt with places for texts, written <c>{$name}</c>.</summary>
/// <param name="Version">Name and version; it is part of what a reply is kept under, so change it with the text.</param>
/// <param name="System">The system message; null: none.</param>
/// <param name="User">The user message.</param>
public sealed record JudgeTemplate(string Version, string? System, string User)
{
    /// <summary>The messages with the texts in their places. Text that looks like a place stays as it is.</summary>
    /// <param name="values">The texts by name.</param>
    /// <exception cref="ArgumentException">The template has a place for which there is no text, or no place for one of the texts.</exception>
    public IReadOnlyList<ChatMessage> Render(IReadOnlyDictionary<string, string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var used = new HashSet<string>();
        var user = new ChatMessage(ChatRole.User, Fill(User, values, used));
        IReadOnlyList<ChatMessage> messages = System is null ? [user] : [new ChatMessage(ChatRole.System, Fill(System, values, used)), user];
        var unused = values.Keys.Except(used).ToList();
        return unused.Count == 0 ? messages : throw new ArgumentException($"The template \"{Version}\" has no place {string.Join(", ", unused.Select(name => $"{{${name}}}"))}; a judge would not see {(unused.Count == 1 ? "it" : "them")}.");
    }

    private string Fill(string text, IReadOnlyDictionary<string, string> values, HashSet<string> used)
    {
        var result = new StringBuilder();
        var position = 0;
        while (text.IndexOf("{$", position, StringComparison.Ordinal) is >= 0 and var start && text.IndexOf('}', start) is >= 0 and var end)
        {
            var name = text[(start + 2)..end];
            if (!values.TryGetValue(name, out var value)) throw new ArgumentException($"The template \"{Version}\" has a place {{${name}}}; there are texts for: {string.Join(", ", values.Keys.Select(known => $"{{${known}}}"))}.");
            result.Append(text, position, start - position).Append(value);
            used.Add(name);
            position = end + 1;
        }
        return result.Append(text, position, text.Length - position).ToString();
    }
}

/// <summary>In which order a judge sees two answers.</summary>
public enum JudgeOrder
{
    /// <summary>One order, decided by the question alone, so that it is the same in every run: the benchmarks' way.</summary>
    ByQuestion,

    /// <summary>Both orders, and the judgements averaged: twice the price, and no preference for a place is left.</summary>
    Both,
}
