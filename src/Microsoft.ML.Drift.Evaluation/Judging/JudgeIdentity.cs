using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>Who judges: the part of a question's key that all questions of a judge share.</summary>
internal sealed record JudgeIdentity(string Provider, string Endpoint, string Model)
{
    private const int KeyVersion = 1;

    /// <exception cref="ArgumentException">There is a cache, and nothing says which model replies.</exception>
    public static JudgeIdentity Of(IChatClient client, JudgeOptions options)
    {
        var metadata = client.GetService<ChatClientMetadata>();
        var model = options.Model ?? metadata?.DefaultModelId;
        if (model is null && options.CachePath is not null)
            throw new ArgumentException($"{nameof(JudgeOptions)}: The client does not say which model it asks, so that replies cannot be kept; set {nameof(JudgeOptions.Model)}, or {nameof(JudgeOptions.CachePath)} to null.");
        return new(metadata?.ProviderName ?? client.GetType().FullName!, metadata?.ProviderUri?.ToString() ?? "", model ?? "");
    }

    /// <summary>The SHA-256 of everything that decides a reply.</summary>
    public string KeyOf(JudgeQuestion question, JudgeOptions options)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteNumberValue(KeyVersion);
            json.WriteStringValue(Provider);
            json.WriteStringValue(Endpoint);
            json.WriteStringValue(Model);
            json.WriteStringValue(question.Template);
            json.WriteNumberValue(options.Temperature);
            json.WriteRawValue(options.Seed?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null");
            json.WriteRawValue(question.MaxOutputTokens?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null");
            json.WriteRawValue(question.TopLogProbs?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null");
            foreach (var message in question.Messages)
            {
                json.WriteStringValue(message.Role.Value);
                json.WriteStringValue(message.Text);
            }
            json.WriteEndArray();
        }
        return Convert.ToHexStringLower(SHA256.HashData(buffer.ToArray()));
    }
}
