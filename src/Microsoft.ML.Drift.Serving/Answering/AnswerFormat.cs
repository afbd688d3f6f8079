using System.Text.Json;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>How answers are written as JSON: whole, or in chunks of a stream.</summary>
/// <param name="request">What was asked for.</param>
/// <param name="modelName">The model's name.</param>
/// <param name="idPrefix">What the answer's id begins with.</param>
internal abstract class AnswerFormat(AnswerRequest request, string modelName, string idPrefix)
{
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>The answer's id, which the log names too.</summary>
    public string Id { get; } = $"{idPrefix}-{Guid.NewGuid():N}";

    protected AnswerRequest Request => request;

    protected abstract string WholeKind { get; }

    protected abstract string ChunkKind { get; }

    /// <summary>The complete answer.</summary>
    public void WriteWhole(Utf8JsonWriter json, IReadOnlyList<Choice> choices)
    {
        Begin(json, WholeKind);
        json.WriteStartArray("choices");
        for (var i = 0; i < choices.Count; i++)
        {
            json.WriteStartObject();
            json.WriteNumber("index", i);
            WriteChoice(json, choices[i]);
            json.WriteString("finish_reason", Word(choices[i].FinishReason!.Value));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteUsage(json, choices.Sum(choice => choice.Tokens.Count));
        json.WriteEndObject();
    }

    /// <summary>The chunk that opens an answer, before its first token; false where there is none.</summary>
    public virtual bool WriteOpening(Utf8JsonWriter json, int choice) => false;

    /// <summary>The chunk of a token; false for one that says nothing.</summary>
    public bool WriteToken(Utf8JsonWriter json, ChoiceToken next)
    {
        var token = next.Token;
        if (token.Text.Length == 0 && request.TopLogProbs is null && token.FinishReason is null) return false;
        WriteChunk(json, next.Choice, () => WriteDelta(json, next.Choice, token), token.FinishReason);
        return true;
    }

    /// <summary>The chunk with the counts of tokens.</summary>
    public void WriteUsageChunk(Utf8JsonWriter json, int completionTokens)
    {
        Begin(json, ChunkKind);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        WriteUsage(json, completionTokens);
        json.WriteEndObject();
    }

    protected abstract void WriteChoice(Utf8JsonWriter json, Choice choice);

    protected abstract void WriteDelta(Utf8JsonWriter json, int choice, GeneratedToken token);

    protected void WriteChunk(Utf8JsonWriter json, int choice, Action writeDelta, FinishReason? finish)
    {
        Begin(json, ChunkKind);
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        writeDelta();
        if (finish is { } reason) json.WriteString("finish_reason", Word(reason));
        else json.WriteNull("finish_reason");
        json.WriteEndObject();
        json.WriteEndArray();
        if (request.IncludeUsage) json.WriteNull("usage");
        json.WriteEndObject();
    }

    private void Begin(Utf8JsonWriter json, string kind)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", kind);
        json.WriteNumber("created", _created);
        json.WriteString("model", modelName);
    }

    private void WriteUsage(Utf8JsonWriter json, int completionTokens)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", request.PromptTokens);
        json.WriteNumber("completion_tokens", completionTokens);
        json.WriteNumber("total_tokens", request.PromptTokens + completionTokens);
        json.WriteEndObject();
    }

    private static string Word(FinishReason reason) => reason == FinishReason.Stop ? "stop" : "length";
}
