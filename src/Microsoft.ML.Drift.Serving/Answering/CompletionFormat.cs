using System.Text.Json;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>Answers of <c>/v1/completions</c>.</summary>
internal sealed class CompletionFormat(AnswerRequest request, string modelName, TokenTexts texts) : AnswerFormat(request, modelName, "cmpl")
{
    // Where the next token of each answer begins, for text_offset.
    private readonly int[] _offsets = new int[request.Choices];

    protected override string WholeKind => "text_completion";

    protected override string ChunkKind => "text_completion";

    protected override void WriteChoice(Utf8JsonWriter json, Choice choice)
    {
        json.WriteString("text", choice.Text);
        var offset = 0;
        WriteLogProbs(json, choice.Tokens, ref offset);
    }

    protected override void WriteDelta(Utf8JsonWriter json, int choice, GeneratedToken token)
    {
        json.WriteString("text", token.Text);
        WriteLogProbs(json, [token], ref _offsets[choice]);
    }

    private void WriteLogProbs(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> all, ref int offset)
    {
        if (Request.TopLogProbs is not { } top)
        {
            json.WriteNull("logprobs");
            return;
        }
        var tokens = all.Where(token => !texts.IsClosing(token)).ToList();
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach (var token in tokens) json.WriteStringValue(texts.TextOf(token.Id));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (var token in tokens) json.WriteNumberValue(float.IsFinite(token.LogProb) ? token.LogProb : TokenTexts.NoLogProb);
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (var token in tokens) WriteMostProbable(json, token, top);
        json.WriteEndArray();
        json.WriteStartArray("text_offset");
        foreach (var token in tokens)
        {
            json.WriteNumberValue(offset);
            offset += texts.TextOf(token.Id).Length;
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteMostProbable(Utf8JsonWriter json, GeneratedToken token, int top)
    {
        if (top == 0)
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        // Tokens that are parts of characters may share a text; the best of them has it.
        foreach (var (text, logProb) in token.MostProbable.Select(other => (texts.TextOf(other.Id), other.LogProb)).DistinctBy(other => other.Item1)) TokenTexts.WriteLogProb(json, text, logProb);
        json.WriteEndObject();
    }
}
