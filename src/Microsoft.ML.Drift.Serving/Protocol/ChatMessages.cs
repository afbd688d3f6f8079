using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Serving.Protocol;

/// <summary>Reads <c>messages</c> of a request.</summary>
internal static class ChatMessages
{
    private static readonly string[] Roles = ChatMessageReader.AllowedRoles.Split(", ");

    /// <exception cref="ApiException">The list is missing or empty, or a message is malformed; the error names the field.</exception>
    public static List<ChatMessage> Read(JsonFields fields, string name = "messages")
    {
        if (fields.Find(name) is not { } list) throw ApiException.BadRequest($"'{name}' is missing; give a list of messages.", name, "missing_field");
        if (list.ValueKind != JsonValueKind.Array) throw JsonFields.Wrong(name, list, "a list of messages");
        if (list.GetArrayLength() == 0) throw ApiException.BadRequest($"'{name}' is empty; give at least one message.", name);
        return [.. list.EnumerateArray().Select((message, index) => ReadMessage(message, $"{name}[{index}]"))];
    }

    private static ChatMessage ReadMessage(JsonElement message, string name)
    {
        if (message.ValueKind != JsonValueKind.Object) throw JsonFields.Wrong(name, message, "an object with role and content");
        var fields = new JsonFields(message);
        var role = fields.Text("role") ?? throw ApiException.BadRequest($"'{name}.role' is missing; allowed are {ChatMessageReader.AllowedRoles}.", $"{name}.role", "missing_field");
        if (!Roles.Contains(role)) throw ApiException.BadRequest($"'{name}.role' is '{role}'; allowed are {ChatMessageReader.AllowedRoles}.", $"{name}.role");

        var kept = new AdditionalPropertiesDictionary();
        foreach (var field in ChatMessageJson.KeptFields)
            if (fields.Find(field) is { } value) kept[field] = value.Clone();
        var content = fields.Find("content");
        if (content is null && !kept.ContainsKey("tool_calls")) throw ApiException.BadRequest($"'{name}.content' is missing; give a text.", $"{name}.content", "missing_field");
        return new(new ChatRole(role), content is { } given ? Text(given, $"{name}.content") : "") { AdditionalProperties = kept.Count > 0 ? kept : null };
    }

    /// <summary>A text, or text parts, which are joined.</summary>
    private static string Text(JsonElement content, string name)
    {
        if (content.ValueKind == JsonValueKind.String) return JsonFields.TextOf(content, name);
        if (content.ValueKind != JsonValueKind.Array) throw JsonFields.Wrong(name, content, "a text or a list of text parts");
        var text = new StringBuilder();
        foreach (var (index, part) in content.EnumerateArray().Index())
        {
            var fields = part.ValueKind == JsonValueKind.Object ? new JsonFields(part) : throw JsonFields.Wrong($"{name}[{index}]", part, "a text part {\"type\": \"text\", \"text\": …}");
            if (fields.Text("type") is var type && type != "text")
                throw ApiException.BadRequest($"'{name}[{index}].type' is '{type}'; this model reads text only.", $"{name}[{index}].type", "unsupported_content");
            text.Append(fields.Text("text") ?? throw ApiException.BadRequest($"'{name}[{index}].text' is missing.", $"{name}[{index}].text", "missing_field"));
        }
        return text.ToString();
    }
}
