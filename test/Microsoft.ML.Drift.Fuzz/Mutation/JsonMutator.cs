using System.Text;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Changes JSON as JSON: types swapped, numbers of any size, keys doubled, renamed and removed, values moved, depth and length blown up; now and then bytes as well.</summary>
/// <param name="seeds">Sound documents.</param>
/// <param name="words">Raw scalars that mean something to the reader.</param>
internal sealed class JsonMutator(IEnumerable<string> seeds, params string[] words)
{
    private static readonly string[] Scalars =
    [
        "null", "true", "false", "0", "-0", "1", "-1", "2", "3", "7", "64", "0.5", "1.0", "1e5", "-0.0", "255", "4096", "65535", "65536", "16777217", "268435456", "2147483647", "2147483648", "-2147483648",
        "-2147483649", "4294967295", "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1e308", "1e309", "-1e999", "1e-320",
        "123456789012345678901234567890", "0.1e1", "NaN", "Infinity", "01", "--1", "\"\"", "\" \"", "\"a\"", "\"0\"", "\"1\"", "\"-1\"", "\"NaN\"", "\"true\"", "\"null\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"",
        "\"😀\"", "\"\\n\"", "\"..\"", "\"../../../../etc/passwd\"", "\"/etc/passwd\"", "\"C:\\\\x\"", "\"a/b\"", "\"%s%n\"", "\"{{ 1 }}\"", "\"$(id)\"", "{}", "[]", "[[]]", "[null]", "{\"\":null}", "{\"a\":{\"a\":1}}", "[1,\"a\",true]", "\"unfinished", "}", "",
    ];

    private static readonly string[] StrangeKeys = ["\"\"", "\"\\ud800\"", "\"\\u0000\"", "\"__proto__\"", "\"a.b\"", "\"../x\"", "null", "\"type\""];

    private readonly JsonTree[] _seeds = [.. seeds.Select(JsonTree.Parse)];
    private readonly byte[][] _texts = [.. seeds.Select(Encoding.UTF8.GetBytes)];
    private readonly string[] _words = [.. Scalars, .. words, .. words, .. words];

    public byte[] Next(FuzzRandom random)
    {
        if (random.Chance(6)) return ByteMutator.Mutate(random, random.Pick(_texts), _texts, []);
        var tree = random.Pick(_seeds).Clone();
        for (var left = random.Few(5); left > 0; left--) Change(random, tree);
        var bytes = Encoding.UTF8.GetBytes(tree.Write());
        return random.Chance(3) ? ByteMutator.Mutate(random, bytes, _texts, []) : bytes;
    }

    /// <summary>One change anywhere in a tree.</summary>
    public void Change(FuzzRandom random, JsonTree tree)
    {
        var nodes = tree.All().ToArray();
        // The root is rarely interesting; most readers refuse it at once.
        var node = nodes[nodes.Length > 1 && random.Chance(97) ? 1 + random.Below(nodes.Length - 1) : 0];
        var holders = nodes.Where(each => each.Members is { Count: > 0 } || each.Items is { Count: > 0 }).ToArray();
        if (holders.Length == 0 || random.Chance(45)) ChangeValue(random, node, nodes);
        else ChangeList(random, random.Pick(holders), nodes);
    }

    private void ChangeValue(FuzzRandom random, JsonTree node, JsonTree[] nodes)
    {
        switch (random.Below(10))
        {
            case 0: node.Become(random.Pick(nodes).Clone()); break;
            case 1: node.Become(random.Pick(random.Pick(_seeds).All().ToArray()).Clone()); break;
            case 2: Nest(random, node); break;
            case 3 when node.Raw is ['"', ..]: node.Raw = ChangeText(random, node.Raw); break;
            case 4 when node.Raw is not null && long.TryParse(node.Raw, out var number): node.Raw = ChangeNumber(random, number); break;
            default: node.Become(JsonTree.Scalar(random.Pick(_words))); break;
        }
    }

    private static void Nest(FuzzRandom random, JsonTree node)
    {
        var depth = random.Chance(90) ? random.Pick([1, 2, 30, 62, 63, 64, 65, 100]) : random.Pick([1000, 20_000]);
        var inner = node.Clone().Write();
        var (open, close) = random.Chance(50) ? ("[", "]") : ("{\"a\":", "}");
        node.Become(JsonTree.Scalar(string.Concat(Enumerable.Repeat(open, depth)) + inner + string.Concat(Enumerable.Repeat(close, random.Chance(90) ? depth : depth / 2))));
    }

    private string ChangeText(FuzzRandom random, string raw)
    {
        var inner = raw.Length > 1 ? raw[1..^1] : "";
        return random.Below(6) switch
        {
            0 => $"\"{inner}{random.Pick(["\\ud800", " ", "\\u0000", "é", "😀", "x", "/", "(", "[", "*", "{1,2}", "\\\\"])}\"",
            1 => $"\"{string.Concat(Enumerable.Repeat(inner.Length == 0 ? "a" : inner, random.Pick([2, 10, 200])))[..Math.Min(100_000, Math.Max(inner.Length, 1) * 2)]}\"",
            2 when inner.Length > 1 && !inner.Contains('\\') => $"\"{inner.Remove(random.Below(inner.Length), 1)}\"",
            3 => inner.Length > 0 && !inner.Contains('\\') ? $"\"{inner[..random.Below(inner.Length)]}\"" : "\"\"",
            4 => inner,
            _ => $"\"{random.Pick(["a", "(", "\\\\", "[", "?", ".."])}{inner}\"",
        };
    }

    private static string ChangeNumber(FuzzRandom random, long number) => random.Below(7) switch
    {
        0 => $"{number + 1}",
        1 => $"{number - 1}",
        2 => $"{-number}",
        3 => $"{number}.5",
        4 => $"{number}e{random.Pick([1, 5, 9, 18, 300, 400])}",
        5 => $"\"{number}\"",
        _ => $"{unchecked(number * 2)}",
    };

    private void ChangeList(FuzzRandom random, JsonTree holder, JsonTree[] nodes)
    {
        if (holder.Members is { } members) ChangeMembers(random, members, nodes);
        else ChangeItems(random, holder.Items!);
    }

    private void ChangeMembers(FuzzRandom random, List<(string RawKey, JsonTree Value)> members, JsonTree[] nodes)
    {
        var at = random.Below(members.Count);
        switch (random.Below(6))
        {
            case 0: members.RemoveAt(at); break;
            case 1: members.Insert(random.Below(members.Count + 1), (members[at].RawKey, random.Chance(50) ? members[at].Value.Clone() : JsonTree.Scalar(random.Pick(_words)))); break;
            case 2: members[at] = (random.Chance(50) ? random.Pick(StrangeKeys) : AnyKey(random, nodes), members[at].Value); break;
            case 3: members.Add((AnyKey(random, random.Pick(_seeds).All().ToArray()), JsonTree.Scalar(random.Pick(_words)))); break;
            case 4:
                var other = random.Below(members.Count);
                (members[at], members[other]) = ((members[at].RawKey, members[other].Value), (members[other].RawKey, members[at].Value));
                break;
            default: members[at] = (members[at].RawKey, JsonTree.Scalar(random.Pick(_words))); break;
        }
    }

    private void ChangeItems(FuzzRandom random, List<JsonTree> items)
    {
        var at = random.Below(items.Count);
        switch (random.Below(5))
        {
            case 0: items.RemoveAt(at); break;
            case 1: items.Insert(at, JsonTree.Scalar(random.Pick(_words))); break;
            case 2: items.InsertRange(at, Enumerable.Repeat(items[at], random.Pick([1, 1, 1, 2, 10, 300])).Select(item => item.Clone()).ToArray()); break;
            case 3: items.Reverse(); break;
            default: items[at] = JsonTree.Scalar(random.Pick(_words)); break;
        }
    }

    private static string AnyKey(FuzzRandom random, JsonTree[] nodes)
    {
        var keys = nodes.SelectMany(node => node.Members ?? []).Select(member => member.RawKey).ToArray();
        return keys.Length == 0 ? "\"a\"" : random.Pick(keys);
    }
}
