using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Serving.Hosting;
using Microsoft.ML.Drift.Serving.Protocol;

namespace Microsoft.ML.Drift.Serving.Feedback;

/// <summary>Somebody marked an answer as bad and said what is wrong; perhaps a later answer was better.</summary>
internal sealed record Complaint
{
    private const int IdLength = 16, LongestText = 100_000;

    private static readonly ChatRole[] Speakers = [ChatRole.System, ChatRole.User, ChatRole.Assistant];

    private Complaint(List<ChatMessage> prompt, string rejected, string feedback, string? chosen, string? chosenFinishReason) =>
        (Prompt, Rejected, Feedback, Chosen, ChosenFinishReason) = (prompt, rejected, feedback, chosen, chosenFinishReason);

    /// <summary>The conversation before the bad answer; it ends with the user's turn.</summary>
    public IReadOnlyList<ChatMessage> Prompt { get; }

    public string Rejected { get; }

    /// <summary>What is wrong with it, in the user's words.</summary>
    public string Feedback { get; }

    /// <summary>The answer that was better; null if there is none.</summary>
    public string? Chosen { get; }

    public string? ChosenFinishReason { get; }

    /// <summary>Made of what the complaint says.</summary>
    public string Id => IdOf("complaint", Rejected, Feedback);

    /// <summary>Made of what the pair says.</summary>
    public string PairId => IdOf("pair", Rejected, Chosen ?? "");

    /// <summary>Reads the page's message: <c>{"messages", "rejected", "feedback", "chosen"?, "chosen_finish_reason"?}</c>.</summary>
    /// <exception cref="ApiException">Something is wrong with it.</exception>
    public static Complaint Read(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object) throw ApiException.BadRequest("The body must be one JSON object.");
        var fields = new JsonFields(body);
        var prompt = ChatMessages.Read(fields);
        if (prompt.FindIndex(message => !Speakers.Contains(message.Role)) is >= 0 and var odd)
            throw ApiException.BadRequest($"'messages[{odd}].role' is '{prompt[odd].Role}'; a complaint's conversation has the roles {string.Join(", ", Speakers)}.", $"messages[{odd}].role");
        if (prompt[^1].Role != ChatRole.User)
            throw ApiException.BadRequest("'messages' must end with the user's turn that the bad answer answered.", "messages");
        var finish = fields.Text("chosen_finish_reason");
        if (finish is not (null or "stop" or "length")) throw ApiException.BadRequest($"'chosen_finish_reason' is '{finish}'; allowed are stop and length.", "chosen_finish_reason");
        var chosen = fields.Text("chosen") is null ? null : Written(fields, "chosen");
        return new(prompt, Written(fields, "rejected"), Written(fields, "feedback"), chosen, chosen is null ? null : finish ?? "stop");
    }

    /// <summary>The row that the sampler reads.</summary>
    public byte[] ToDsatRow(string model, DateTimeOffset time) => Line(json =>
    {
        json.WriteString("id", Id);
        WritePrompt(json);
        WriteAnswer(json, "rejected", Rejected);
        json.WriteStartObject("user_preference");
        json.WriteString("role", "user");
        json.WriteString("content", Feedback);
        json.WriteEndObject();
        WriteOrigin(json, model, time);
    });

    /// <summary>The pair that a seed stage trains on.</summary>
    public byte[] ToPair(string model, DateTimeOffset time) => Line(json =>
    {
        json.WriteString("id", PairId);
        WritePrompt(json);
        WriteAnswer(json, "chosen", Chosen!);
        WriteAnswer(json, "rejected", Rejected);
        json.WriteString("chosen_finish_reason", ChosenFinishReason);
        WriteOrigin(json, model, time);
    });

    private static string Written(JsonFields fields, string name)
    {
        var text = fields.Text(name) ?? throw ApiException.BadRequest($"'{name}' is missing; give a text.", name, "missing_field");
        if (string.IsNullOrWhiteSpace(text)) throw ApiException.BadRequest($"'{name}' is empty.", name);
        return text.Length <= LongestText ? text : throw ApiException.BadRequest($"'{name}' has {text.Length} characters; at most {LongestText} are allowed.", name);
    }

    private string IdOf(params string[] said)
    {
        var text = new StringBuilder();
        // Each part is preceded by its length, so that no two lists of parts give one text.
        foreach (var part in Prompt.SelectMany(message => new[] { message.Role.Value, message.Text }).Concat(said)) text.Append(part.Length).Append(':').Append(part);
        return $"chat-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..IdLength]}";
    }

    private void WritePrompt(Utf8JsonWriter json)
    {
        json.WriteStartArray("prompt");
        foreach (var message in Prompt)
        {
            json.WriteStartObject();
            json.WriteString("role", message.Role.Value);
            json.WriteString("content", message.Text);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteAnswer(Utf8JsonWriter json, string name, string text)
    {
        json.WriteStartArray(name);
        json.WriteStartObject();
        json.WriteString("role", "assistant");
        json.WriteString("content", text);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    // Readers of rows pass over these; people and reports do not.
    private static void WriteOrigin(Utf8JsonWriter json, string model, DateTimeOffset time)
    {
        json.WriteString("model", model);
        json.WriteString("time", time);
    }

    private static byte[] Line(Action<Utf8JsonWriter> write)
    {
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, JsonResponse.Readable))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }
}
