using System.Text;
using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>Single tokens as text, for reports of log-probabilities.</summary>
internal sealed class TokenTexts(PretrainedTokenizer tokenizer, IReadOnlyList<int> endIds)
{
    /// <summary>What stands for minus infinity, which JSON does not have; OpenAI's number.</summary>
    public const float NoLogProb = -9999;

    private const string Replacement = "\uFFFD";

    public string TextOf(int id) => tokenizer.Decode([id]);

    /// <summary>Whether this token is no part of the answer's text: the end token with which the model closed it.</summary>
    public bool IsClosing(GeneratedToken token) => token.FinishReason == FinishReason.Stop && endIds.Contains(token.Id);

    /// <summary>A token's text, log-probability and bytes, in OpenAI's form. The bytes are null for a token that is a part of a character only.</summary>
    public void Write(Utf8JsonWriter json, int id, float logProb)
    {
        var text = TextOf(id);
        json.WriteString("token", text);
        WriteLogProb(json, "logprob", logProb);
        if (text.Contains(Replacement, StringComparison.Ordinal))
        {
            json.WriteNull("bytes");
            return;
        }
        json.WriteStartArray("bytes");
        foreach (var value in Encoding.UTF8.GetBytes(text)) json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    /// <summary>A log-probability.</summary>
    public static void WriteLogProb(Utf8JsonWriter json, string name, float logProb) => json.WriteNumber(name, float.IsFinite(logProb) ? logProb : NoLogProb);
}
