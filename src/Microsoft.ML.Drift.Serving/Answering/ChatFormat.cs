using System.Text.Json;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>Answers of <c>/v1/chat/completions</c>.</summary>
internal sealed class ChatFormat(AnswerRequest request, string modelName, TokenTexts texts) : AnswerFormat(request, modelName, "chatcmpl")
{
    protected override string WholeKind => "chat.completion";

    protected override string ChunkKind => "chat.completion.chunk";

    public override bool WriteOpening(Utf8JsonWriter json, int choice)
    {
        WriteChunk(json, choice, () =>
        {
            json.WriteStartObject("delta");
            json.WriteString("role", "assistant");
            json.WriteString("content", "");
            json.WriteEndObject();
        }, null);
        return true;
    }

    protected override void WriteChoice(Utf8JsonWriter json, Choice choice)
    {
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", choice.Text);
        json.WriteNull("refusal");
        json.WriteEndObject();
        WriteLogProbs(json, choice.Tokens);
    }

    protected override void WriteDelta(Utf8JsonWriter json, int choice, GeneratedToken token)
    {
        json.WriteStartObject("delta");
        if (token.Text.Length > 0) json.WriteString("content", token.Text);
        json.WriteEndObject();
        WriteLogProbs(json, [token]);
    }

    private void WriteLogProbs(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> tokens)
    {
        if (Request.TopLogProbs is null)
        {
            json.WriteNull("logprobs");
            return;
        }
        json.WriteStartObject("logprobs");
        json.WriteStartArray("content");
        foreach (var token in tokens.Where(token => !texts.IsClosing(token)))
        {
            json.WriteStartObject();
            texts.Write(json, token.Id, token.LogProb);
            json.WriteStartArray("top_logprobs");
            foreach (var other in token.MostProbable)
            {
                json.WriteStartObject();
                texts.Write(json, other.Id, other.LogProb);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNull("refusal");
        json.WriteEndObject();
    }
}
