using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>Attention in kernels of our own, and libtorch's tile by tile, against one padded call that libtorch differentiates.</summary>
public class TreeAttentionTests
{
    // Head sizes that fill vectors of 16 and that do not, one key-value head for one to four query heads.
    [Theory]
    [InlineData(2, 2, 8)]
    [InlineData(4, 1, 24)]
    [InlineData(6, 2, 64)]
    [InlineData(2, 1, 80)]
    public void Mix_RaggedTrees_AndItsGradient_AreThoseOfThePaddedRectangle(int heads, int keyValueHeads, int size)
    {
        foreach (var seed in new[] { 1, 2, 3 })
        {
            using var scope = NewDisposeScope();
            var specification = Specification(heads, keyValueHeads, size);
            var sequences = new PackedSequences(Trees(new Random(seed)), CPU);
            var (rows, gradient) = (Rows(sequences, specification), randn([sequences.Length, heads * size], generator: new Generator(7)));
            var leaf = rows.clone().requires_grad_();
            var expected = new RectangleAttention(sequences, [null], ScalarType.Float32).Mix(leaf, specification);
            expected.backward([gradient]);

            foreach (var (way, mixed) in Ways(sequences, specification, rows))
            {
                Close(way, expected, mixed.Value);
                Close($"{way}, gradient", leaf.grad!, mixed.Back(gradient.clone()));
            }
        }
    }

    [Fact]
    public void Mix_OneLongSequence_IsWorkedOnInSeveralBlocksOfQueries()
    {
        using var scope = NewDisposeScope();
        var specification = Specification(1, 1, 16);
        var sequences = new PackedSequences([new(new int[700], [new int[130], new int[1]])], CPU);
        var rows = Rows(sequences, specification);
        var expected = new RectangleAttention(sequences, [null], ScalarType.Float32).Mix(rows, specification);
        foreach (var (way, mixed) in Ways(sequences, specification, rows)) Close(way, expected, mixed.Value);
    }

    [Fact]
    public void Mix_ATreeAmongOthers_IsTheSameToTheLastBitAsAlone()
    {
        Assert.SkipUnless(PanelProductTests.IsSupported, "This processor has no vectors of 512 bits.");
        using var scope = NewDisposeScope();
        var specification = Specification(2, 1, 16);
        TokenTree tree = new(new int[30], [new int[7], new int[20]]);
        var (alone, among) = (new PackedSequences([tree], CPU), new PackedSequences([new(new int[11]), tree, new(new int[90])], CPU));
        var rows = Rows(among, specification);
        var first = Ways(alone, specification, rows.narrow(0, 11, 57).clone()).Last().Mixed.Value;
        Assert.Equal(first.data<float>().ToArray(), Ways(among, specification, rows).Last().Mixed.Value.narrow(0, 11, 57).contiguous().data<float>().ToArray());
    }

    private static IEnumerable<(string Way, Traced Mixed)> Ways(PackedSequences sequences, AttentionSpecification specification, Tensor rows)
    {
        using var mode = no_grad();
        yield return ("tiles", new TiledAttention(sequences, [specification.Scale], ScalarType.Float32).Mix(rows, specification, Pass(sequences)));
        if (TreeAttention.CanUse(sequences, specification, ScalarType.Float32))
            yield return ("trees", new TreeAttention(sequences, [specification], records: true).Mix(rows, specification, Pass(sequences)));
    }

    private static TrainingPass Pass(PackedSequences sequences) => new(
        sequences, new RotaryTables(sequences.Positions.unsqueeze(0), 0, new RotaryFrequencies([], CPU), ScalarType.Float32), null!, ScalarType.Float32, records: false);

    private static TokenTree[] Trees(Random random)
    {
        return
        [
            new(Ids(random.Next(1, 200)), [Ids(random.Next(1, 150)), Ids(random.Next(1, 90))]),
            new(Ids(random.Next(1, 100))),
            new(Ids(64), [Ids(64), Ids(48)]),      // whole panels and blocks
            new(Ids(1), [Ids(1), Ids(0)]),
            new(Ids(0), [Ids(70), Ids(3), Ids(12)]),
        ];

        static int[] Ids(int count) => new int[count];
    }

    private static Tensor Rows(PackedSequences sequences, AttentionSpecification specification) =>
        randn([sequences.Length, (specification.Heads + 2 * specification.KeyValueHeads) * specification.HeadSize], generator: new Generator(5));

    private static AttentionSpecification Specification(int heads, int keyValueHeads, int size) =>
        new() { Heads = heads, KeyValueHeads = keyValueHeads, HeadSize = size, Scale = 1 / Math.Sqrt(size), Rotary = null };

    private static void Close(string way, Tensor expected, Tensor actual) =>
        Assert.True((expected - actual).abs().max().item<float>() <= 5e-6f * Math.Max(1, expected.abs().max().item<float>()), way);
}
