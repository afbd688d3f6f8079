using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Data;

/// <summary>Messages to text to ids, by one model's chat template and tokenizer.</summary>
internal sealed class ChatEncoder
{
    private readonly ChatTemplateOptions _complete = new();
    private readonly PretrainedTokenizer _tokenizer;
    private readonly ChatTemplate? _template;
    private readonly Lazy<TurnEnd> _turnEnd;

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">The model's chat template; without one only text can be encoded.</param>
    /// <param name="endIds">Ids at which sampling stops; null for the tokenizer's eos alone.</param>
    public ChatEncoder(PretrainedTokenizer tokenizer, ChatTemplate? template, IReadOnlyList<int>? endIds = null)
    {
        _tokenizer = tokenizer;
        _template = template;
        EndIds = new HashSet<int>(endIds ?? []);
        if (tokenizer.EosTokenId is { } eos) EndIds.Add(eos);
        _turnEnd = new(FindTurnEnd);
    }

    private ChatEncoder(ChatEncoder other, JsonElement tools)
    {
        (_tokenizer, _template, _turnEnd, EndIds) = (other._tokenizer, other._template, other._turnEnd, other.EndIds);
        _complete = other._complete with { Variables = new Dictionary<string, JsonElement> { ["tools"] = tools } };
    }

    /// <summary>The same encoder, whose template is told of a row's tools.</summary>
    /// <param name="tools">The JSON of the template's variable <c>tools</c>; null or empty for none.</param>
    /// <param name="rowId">The row, for messages.</param>
    /// <exception cref="InvalidDataException">The text is not JSON.</exception>
    public ChatEncoder WithTools(string? tools, string rowId)
    {
        if (string.IsNullOrWhiteSpace(tools)) return this;
        try
        {
            using var json = JsonDocument.Parse(tools);
            return json.RootElement.ValueKind == JsonValueKind.Null ? this : new(this, json.RootElement.Clone());
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"Row \"{rowId}\", column {ChatColumnNames.Tools}: found text that is not JSON ({e.Message}); allowed: a JSON list of tools, or empty text.", e);
        }
    }

    public PretrainedTokenizer Tokenizer => _tokenizer;

    public ChatTemplate? Template => _template;

    /// <summary>Ids that end an answer.</summary>
    public ISet<int> EndIds { get; }

    /// <summary>The tokenizer's end-of-sequence id.</summary>
    /// <exception cref="InvalidOperationException">The tokenizer has none.</exception>
    public int EosId => _tokenizer.EosTokenId ?? throw new InvalidOperationException(
        "The tokenizer names no eos_token (tokenizer_config.json), so that the end of an answer cannot be trained. Add it to the model's files.");

    /// <summary>What the template writes after an answer.</summary>
    public TurnEnd TurnEnd => _turnEnd.Value;

    public int[] Encode(string text, bool addSpecialTokens = false) => _tokenizer.Encode(text, addSpecialTokens);

    /// <summary>The messages as text, complete, without a cue.</summary>
    public string Render(IReadOnlyList<ChatMessage> messages) => RequireTemplate().Render(messages, _complete);

    /// <summary>The messages as text up to where the answer begins: after the generation cue, or after a final assistant message's content.</summary>
    public string RenderPrompt(IReadOnlyList<ChatMessage> messages) =>
        RequireTemplate().Render(messages, messages.Count > 0 && messages[^1].Role == ChatRole.Assistant
            ? _complete with { ContinueFinalMessage = true } : _complete with { AddGenerationPrompt = true });

    /// <summary>The messages as text, with the characters that the template's generation blocks wrote.</summary>
    public string RenderWithGeneration(IReadOnlyList<ChatMessage> messages, out IReadOnlyList<(int Start, int End)> spans)
    {
        var (text, blocks) = RequireTemplate().RenderWithSpans(messages, _complete);
        spans = [.. blocks.Select(block => (block.Start, block.End))];
        return text;
    }

    /// <summary>The prompt's ids: text as it stands, messages through the template with the generation cue.</summary>
    public int[] EncodePrompt(ChatOrText prompt) => Encode(prompt.IsChat ? RenderPrompt(prompt.Messages) : prompt.Text);

    private ChatTemplate RequireTemplate() => _template ?? throw new InvalidOperationException(
        "The model has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json), so that messages cannot be put to it. " +
        "Use prompts of plain text, or add a template to the model's files.");

    /// <summary>Two answers of different letters, and what follows both.</summary>
    private TurnEnd FindTurnEnd()
    {
        try
        {
            string one = Render(Exchange("b")), other = Render(Exchange("c"));
            var length = 0;
            while (length < Math.Min(one.Length, other.Length) && one[^(length + 1)] == other[^(length + 1)]) length++;
            var text = one[^length..];
            var ids = Encode(text);
            var end = Array.FindIndex(ids, EndIds.Contains);
            return new(text, end < 0 ? null : ids[end], end < 0 ? 0 : ids.Length - end - 1);
        }
        catch (ChatTemplateException)
        {
            return new("", null, 0);
        }
    }

    private static ChatMessage[] Exchange(string answer) => [new(ChatRole.User, "a"), new(ChatRole.Assistant, answer)];
}

/// <summary>What a template writes after an answer.</summary>
/// <param name="Text">The text, empty if the template writes nothing or cannot be asked.</param>
/// <param name="EndId">The first id in it at which sampling stops; null if there is none.</param>
/// <param name="IdsAfterEnd">Number of ids after that one (ChatML's newline): never sampled, so not to be trained.</param>
internal readonly record struct TurnEnd(string Text, int? EndId, int IdsAfterEnd);
