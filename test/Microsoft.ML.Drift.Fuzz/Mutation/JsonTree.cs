using System.Text;
using System.Text.Json;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>JSON as a tree that can also hold what is not JSON: duplicate keys, unfinished strings, numbers of any size. Scalars and keys are kept as they are written.</summary>
internal sealed class JsonTree
{
    public string? Raw { get; set; }

    public List<(string RawKey, JsonTree Value)>? Members { get; set; }

    public List<JsonTree>? Items { get; set; }

    public static JsonTree Scalar(string raw) => new() { Raw = raw };

    public static JsonTree Parse(string json) => From(JsonDocument.Parse(json, new() { MaxDepth = 512 }).RootElement);

    public JsonTree Clone() => new()
    {
        Raw = Raw,
        Members = Members?.Select(member => (member.RawKey, member.Value.Clone())).ToList(),
        Items = Items?.Select(item => item.Clone()).ToList(),
    };

    /// <summary>This node and all below it.</summary>
    public IEnumerable<JsonTree> All() => Below().SelectMany(node => node.All()).Prepend(this);

    /// <summary>Takes another node's place.</summary>
    public void Become(JsonTree other) => (Raw, Members, Items) = (other.Raw, other.Members, other.Items);

    public string Write()
    {
        var text = new StringBuilder();
        Write(text);
        return text.ToString();
    }

    private IEnumerable<JsonTree> Below() => Members?.Select(member => member.Value) ?? Items ?? Enumerable.Empty<JsonTree>();

    private void Write(StringBuilder text)
    {
        if (Raw is not null) text.Append(Raw);
        else if (Members is not null) WriteList(text, '{', '}', Members, member => { text.Append(member.RawKey).Append(':'); member.Value.Write(text); });
        else WriteList(text, '[', ']', Items!, item => item.Write(text));
    }

    private static void WriteList<T>(StringBuilder text, char open, char close, List<T> list, Action<T> write)
    {
        text.Append(open);
        for (var i = 0; i < list.Count; i++)
        {
            if (i > 0) text.Append(',');
            write(list[i]);
        }
        text.Append(close);
    }

    private static JsonTree From(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new() { Members = element.EnumerateObject().Select(member => (JsonSerializer.Serialize(member.Name), From(member.Value))).ToList() },
        JsonValueKind.Array => new() { Items = element.EnumerateArray().Select(From).ToList() },
        _ => Scalar(element.GetRawText()),
    };
}
