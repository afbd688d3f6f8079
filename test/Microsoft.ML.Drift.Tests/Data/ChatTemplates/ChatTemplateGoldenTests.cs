using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Tests.Data.ChatTemplates;

/// <summary>Everything recorded from transformers' renderer: real templates with their cases, language snippets, assistant masks.</summary>
[Trait("Parity", "measured")]
public sealed class ChatTemplateGoldenTests
{
    private const string NoRecordings = "(no recordings)";

    /// <summary>Constructs the recordings' README lets a renderer refuse, as long as it names them.</summary>
    private static readonly string[] Refused = ["{% block", "{% autoescape", @"\N{", ".encode("];

    public static TheoryData<string> Templates()
    {
        var folder = Golden.FolderOrNull("chat-templates");
        var templates = folder is null ? [] : Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ToArray();
        return templates.Length > 0 ? [.. templates] : [NoRecordings];
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void Render_RecordedCases_SameTextOrSameError(string name)
    {
        var (template, now) = Load(name);
        var failures = new List<string>();
        foreach (var row in Rows(name, "cases.jsonl"))
        {
            var options = Options(row, now) with { ContinueFinalMessage = row.GetProperty("continue_final_message").GetBoolean() };
            var problem = Compare(row, () => template.Render(row.GetProperty("messages"), options));
            if (problem is not null) failures.Add($"{row.GetProperty("id")} {row.GetProperty("name")}: {problem}");
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
        ParityPage.AddEqual("Chat templates", name, "cases", Rows(name, "cases.jsonl").Count());
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void RenderWithSpans_RecordedMasks_SameTextAndSpans(string name)
    {
        var (template, now) = Load(name);
        if (!template.Source.Contains("generation", StringComparison.Ordinal) || !File.Exists(Golden.Folder("chat-templates", name, "cases.jsonl").Replace("cases", "assistant_masks", StringComparison.Ordinal))) return;
        foreach (var row in Rows(name, "assistant_masks.jsonl"))
        {
            if (!row.TryGetProperty("rendered", out var rendered))
            {
                Assert.Null(Compare(row, () => template.RenderWithSpans(row.GetProperty("messages"), Options(row, now)).Text));
                continue;
            }
            var (text, spans) = template.RenderWithSpans(row.GetProperty("messages"), Options(row, now));
            Assert.Equal(rendered.GetString(), text);
            Assert.Equal(row.GetProperty("spans").EnumerateArray().Select(s => (s.GetProperty("start_utf16").GetInt32(), s.GetProperty("end_utf16").GetInt32())), spans.Select(s => (s.Start, s.End)));
        }
        ParityPage.AddEqual("Chat templates", name, "assistant masks", Rows(name, "assistant_masks.jsonl").Count());
    }

    [Fact]
    public void RenderVariables_RecordedFeatures_SameTextSameErrorOrNamedRefusal()
    {
        var failures = new List<string>();
        var rendered = 0;
        foreach (var line in File.ReadLines(Golden.Folder("chat-templates", "jinja-features.jsonl")))
        {
            using var document = JsonDocument.Parse(line);
            var row = document.RootElement;
            var source = row.GetProperty("template").GetString()!;
            var context = row.GetProperty("context").EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
            var problem = Compare(row, () => ChatTemplate.Parse(source).RenderVariables(context, new DateTime(2025, 3, 4, 9, 26, 53)));
            if (problem is null) rendered++;
            else if (!problem.StartsWith("Unsupported", StringComparison.Ordinal) || !Refused.Any(construct => source.Contains(construct, StringComparison.Ordinal))) failures.Add($"{row.GetProperty("id")} {source}: {problem}");
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
        ParityPage.AddEqual("Chat templates", "jinja-features", "cases", rendered);
    }

    private static string? Compare(JsonElement row, Func<string> render)
    {
        try
        {
            var text = render();
            if (!row.TryGetProperty("expected", out var expected)) return $"rendered {JsonSerializer.Serialize(text)} instead of failing with {row.GetProperty("error")}";
            return text == expected.GetString() ? null : $"rendered\n  {JsonSerializer.Serialize(text)} instead of\n  {JsonSerializer.Serialize(expected.GetString())}";
        }
        catch (ChatTemplateException e)
        {
            if (!row.TryGetProperty("error_kind", out var kind)) return $"{e.Kind}: {e.Message}";
            var expectedKind = kind.GetString() == "raise_exception" ? "raised" : kind.GetString()!.Replace("_", "", StringComparison.Ordinal);
            if (!e.Kind.ToString().Equals(expectedKind, StringComparison.OrdinalIgnoreCase)) return $"{e.Kind}: {e.Message} instead of {kind}: {row.GetProperty("error")}";
            return e.Kind != ChatTemplateErrorKind.Raised || e.Message == row.GetProperty("error").GetString() ? null : $"raised {e.Message} instead of {row.GetProperty("error")}";
        }
    }

    private static (ChatTemplate Template, DateTime Now) Load(string name)
    {
        var folder = Golden.Folder("chat-templates", name);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        var tokens = config.RootElement.GetProperty("special_tokens").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
        var now = DateTime.Parse(config.RootElement.GetProperty("now").GetString()!, CultureInfo.InvariantCulture);
        return (ChatTemplate.Parse(File.ReadAllText(Path.Combine(folder, "chat_template.jinja")), tokens), now);
    }

    private static IEnumerable<JsonElement> Rows(string name, string file) =>
        File.ReadLines(Path.Combine(Golden.Folder("chat-templates", name), file)).Select(line => JsonDocument.Parse(line).RootElement);

    private static ChatTemplateOptions Options(JsonElement row, DateTime now) => new()
    {
        AddGenerationPrompt = row.GetProperty("add_generation_prompt").GetBoolean(),
        Variables = row.GetProperty("kwargs").EnumerateObject().ToDictionary(p => p.Name, p => p.Value),
        Now = now,
    };
}
