using System.Text;
using Microsoft.Extensions.AI;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>JSON Lines of one kind: all columns of all rows. The same bad row must be bad whether rows are skipped or not.</summary>
internal sealed class RowReader(string name, IReadOnlyList<string> seeds) : Reader
{
    public static readonly string[] Dissatisfaction =
    [
        """{"id":"r1","prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"rejected":[{"role":"assistant","content":"bad"}],"user_preference":{"role":"user","content":"No, shorter."}}""",
        """{"id":7,"prompt":[{"role":"user","content":[{"type":"text","text":"part"},{"type":"text","text":" two"}]}],"rejected":"bad","user_preference":"shorter","extra":{"a":[1,2]}}""",
    ];

    public static readonly string[] Pairs =
    [
        """{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"good"}],"rejected":[{"role":"assistant","content":"bad"}],"chosen_finish_reason":"stop"}""",
        """{"prompt":"q","chosen":"good","rejected":"bad"}""",
        """{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]}""",
        """{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":{}}}]}],"rejected":[{"role":"assistant","content":"bad"}]}""",
    ];

    public static readonly string[] Logs =
        ["""{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","name":"x"},{"role":"tool","content":"t","tool_call_id":"1"}]}""", """{"conversation":[{"role":"user","content":"q","turn":1},{"role":"assistant","content":""}],"id":null}"""];

    public static readonly string[] Completions = ["""{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}]}""", """{"prompt":"q","completion":"a","id":"\ud83d\ude00"}"""];

    private static readonly string[] Words = ["\"user\"", "\"assistant\"", "\"system\"", "\"tool\"", "\"nobody\"", "[{\"role\":\"user\",\"content\":\"q\"}]", "[{\"role\":\"assistant\",\"content\":\"a\"}]", "{\"role\":\"user\"}", "[{}]", "[[{}]]"];

    private readonly JsonMutator _rows = new(seeds, Words);
    private MLContext _context = null!;
    private string _path = "";

    public override string Name => name;

    protected override string Where => "rows.jsonl";

    public override void Prepare(string folder)
    {
        _path = Path.Combine(folder, Where);
        _context = new();
    }

    // Up to three rows, the first of them mostly sound: it decides the columns.
    public override byte[] Next(FuzzRandom random)
    {
        var rows = Enumerable.Range(0, 1 + random.Below(3)).Select(i => i == 0 && random.Chance(60) ? TinyModel.Utf8(random.Pick(seeds)) : _rows.Next(random)).ToArray();
        var bytes = rows.SelectMany(row => row.Append((byte)'\n')).ToArray();
        return random.Chance(5) ? ByteMutator.Mutate(random, bytes, rows, []) : bytes;
    }

    public override void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        var report = new BadRowReport();
        var skipping = ReadAll(new() { ExtraFields = ["extra", "name"], OnBadRow = OnBadRow.Skip, Report = report });
        var strict = ReadAll(new() { ExtraFields = ["extra", "name"] });
        Expect(skipping == strict, "Rows that are read without complaint are all there when bad rows are skipped.");
    }

    private long ReadAll(ChatJsonLinesOptions options)
    {
        var view = _context.Data.LoadFromChatJsonLines(_path, options);
        using var cursor = view.GetRowCursor(view.Schema);
        var getters = view.Schema.Select(column => Getter(cursor, column)).ToArray();
        long rows = 0;
        for (; cursor.MoveNext(); rows++)
            foreach (var get in getters) get();
        return rows;
    }

    private static Action Getter(DataViewRowCursor cursor, DataViewSchema.Column column)
    {
        if (column.Type is TextDataViewType)
        {
            var text = cursor.GetGetter<ReadOnlyMemory<char>>(column);
            var value = default(ReadOnlyMemory<char>);
            return () => text(ref value);
        }
        var messages = cursor.GetGetter<IReadOnlyList<ChatMessage>>(column);
        IReadOnlyList<ChatMessage> list = [];
        return () => messages(ref list);
    }
}

/// <summary>Text where messages are wanted: a JSON array of messages, or one user turn.</summary>
internal sealed class ChatTextReader : Reader
{
    private readonly JsonMutator _inputs = new(["""[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"a"}],"tool_calls":[]}]""", """[{"role":"user","content":"é😀"}]"""], "\"user\"", "\"tool\"", "{\"role\":\"user\"}");

    public override string Name => "chat-text";

    public override void Prepare(string folder) { }

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        var messages = ChatText.Parse(Encoding.UTF8.GetString(input));
        var again = ChatText.Parse(ChatText.Format(messages));
        Expect(messages.Select(message => (message.Role, message.Text)).SequenceEqual(again.Select(message => (message.Role, message.Text))), "Messages that are written are read back.");
    }
}
