using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>OpenAI's chat-completions protocol: requests written, answers read.</summary>
internal static class ChatCompletionJson
{
    /// <exception cref="NotSupportedException">The call has tools, or contents other than text.</exception>
    public static byte[] Request(IReadOnlyList<ChatMessage> messages, ChatOptions? options, string model, bool streaming)
    {
        if (options?.Tools is { Count: > 0 }) throw new NotSupportedException("This client offers no tools; remove them from the options.");
        var body = new JsonObject { ["model"] = options?.ModelId ?? model, ["messages"] = new JsonArray([.. Messages(messages, options?.Instructions)]) };
        Add("temperature", options?.Temperature);
        Add("top_p", options?.TopP);
        Add("top_k", options?.TopK);
        Add("max_tokens", options?.MaxOutputTokens);
        Add("frequency_penalty", options?.FrequencyPenalty);
        Add("presence_penalty", options?.PresencePenalty);
        Add("seed", options?.Seed);
        if (options?.StopSequences is { Count: > 0 } stops) body["stop"] = new JsonArray([.. stops.Select(stop => (JsonNode)stop)]);
        if (options?.ResponseFormat is ChatResponseFormatJson format) body["response_format"] = Format(format);
        foreach (var (name, value) in options?.AdditionalProperties ?? []) body[name] = JsonSerializer.SerializeToNode(value);
        if (streaming) (body["stream"], body["stream_options"]) = (true, new JsonObject { ["include_usage"] = true });
        return JsonSerializer.SerializeToUtf8Bytes(body);

        void Add<T>(string name, T? value) where T : struct
        {
            if (value is { } set) body[name] = JsonValue.Create(set);
        }
    }

    /// <exception cref="ChatEndpointException">The answer is not the protocol.</exception>
    public static ChatResponse Response(JsonElement root)
    {
        var choice = Choice(root) ?? throw Malformed("it has no choice", root);
        var message = Member(choice, "message", JsonValueKind.Object) ?? throw Malformed("its choice has no message", root);
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, Text(message, "content") ?? ""))
        {
            ResponseId = Text(root, "id"),
            ModelId = Text(root, "model"),
            FinishReason = Text(choice, "finish_reason") is { } reason ? new ChatFinishReason(reason) : null,
            Usage = Usage(root),
            AdditionalProperties = LogProbs(choice),
        };
    }

    /// <exception cref="ChatEndpointException">The chunk is not the protocol.</exception>
    public static ChatResponseUpdate Update(JsonElement root)
    {
        if (Member(root, "error", JsonValueKind.Object) is { } error) throw new ChatEndpointException($"The endpoint broke off: {Text(error, "message")}", HttpStatusCode.BadGateway);
        var update = new ChatResponseUpdate { Role = ChatRole.Assistant, ResponseId = Text(root, "id"), MessageId = Text(root, "id"), ModelId = Text(root, "model") };
        if (Choice(root) is { } choice)
        {
            if (Member(choice, "delta", JsonValueKind.Object) is { } delta && Text(delta, "content") is { Length: > 0 } text) update.Contents.Add(new TextContent(text));
            if (Text(choice, "finish_reason") is { } reason) update.FinishReason = new ChatFinishReason(reason);
            update.AdditionalProperties = LogProbs(choice);
        }
        if (Usage(root) is { } usage) update.Contents.Add(new UsageContent(usage));
        return update;
    }

    private static IEnumerable<JsonNode> Messages(IReadOnlyList<ChatMessage> messages, string? instructions)
    {
        if (!string.IsNullOrEmpty(instructions)) yield return new JsonObject { ["role"] = "system", ["content"] = instructions };
        foreach (var message in messages)
        {
            if (message.Contents.FirstOrDefault(content => content is not (TextContent or UsageContent)) is { } other)
                throw new NotSupportedException($"A message has {other.GetType().Name}; this client sends text only.");
            yield return new JsonObject { ["role"] = message.Role.Value, ["content"] = message.Text };
        }
    }

    private static JsonObject Format(ChatResponseFormatJson format) => format.Schema is not { } schema
        ? new JsonObject { ["type"] = "json_object" }
        : new JsonObject { ["type"] = "json_schema", ["json_schema"] = new JsonObject { ["name"] = format.SchemaName ?? "answer", ["schema"] = JsonSerializer.SerializeToNode(schema) } };

    private static JsonElement? Choice(JsonElement root) =>
        Member(root, "choices", JsonValueKind.Array) is { } choices && choices.GetArrayLength() > 0 && choices[0].ValueKind == JsonValueKind.Object ? choices[0] : null;

    private static AdditionalPropertiesDictionary? LogProbs(JsonElement choice) =>
        Member(choice, "logprobs", JsonValueKind.Object) is { } logProbs ? new() { ["logprobs"] = logProbs } : null;

    private static UsageDetails? Usage(JsonElement root)
    {
        if (Member(root, "usage", JsonValueKind.Object) is not { } usage) return null;
        return new UsageDetails { InputTokenCount = Count("prompt_tokens"), OutputTokenCount = Count("completion_tokens"), TotalTokenCount = Count("total_tokens") };

        long? Count(string name) => Member(usage, name, JsonValueKind.Number) is { } number && number.TryGetInt64(out var count) ? count : null;
    }

    private static JsonElement? Member(JsonElement parent, string name, JsonValueKind kind) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var member) && member.ValueKind == kind ? member : null;

    private static string? Text(JsonElement parent, string name)
    {
        try
        {
            return Member(parent, name, JsonValueKind.String)?.GetString();
        }
        catch (InvalidOperationException error)
        {
            throw new ChatEndpointException($"The endpoint's \"{name}\" holds half of a surrogate pair.", HttpStatusCode.BadGateway, inner: error);
        }
    }

    private static ChatEndpointException Malformed(string what, JsonElement root)
    {
        var text = root.GetRawText();
        return new ChatEndpointException($"The endpoint's answer is not a chat completion: {what}. It begins: {(text.Length <= 200 ? text : text[..200] + "…")}", HttpStatusCode.BadGateway);
    }
}
