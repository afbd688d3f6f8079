using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Generation;

namespace Microsoft.ML.Drift.Tests.Models;

public class KeyValueBlocksTests
{
    private static readonly int[] First = [.. Enumerable.Range(0, KeyValueBlocks.Tokens)];
    private static readonly int[] Second = [.. Enumerable.Range(50, KeyValueBlocks.Tokens)];

    [Fact]
    public void Find_SameTokensBehindAnotherBeginning_AreNotFound()
    {
        using var blocks = Create();
        var (a, b) = (blocks.Take(9), blocks.Take(9));
        blocks.Remember(a, -1, First);
        blocks.Remember(b, a, Second);
        Assert.Equal(a, blocks.Find(-1, First));
        Assert.Equal(b, blocks.Find(a, Second));
        Assert.Equal(-1, blocks.Find(-1, Second));
        Assert.Equal(-1, blocks.Find(b, Second));
    }

    [Fact]
    public void Take_NoMemoryLeft_ForgetsTheBlockThatWasIdleLongest()
    {
        using var blocks = Create();
        var (a, b) = (blocks.Take(2), blocks.Take(2));
        blocks.Remember(a, -1, First);
        blocks.Remember(b, -1, Second);
        blocks.Release(b);
        blocks.Release(a);
        Assert.Equal((2, 0), (blocks.Count, blocks.InUse));
        Assert.Equal(b, blocks.Take(2));
        Assert.Equal(a, blocks.Find(-1, First));
        Assert.Equal(-1, blocks.Find(-1, Second));
    }

    // A block is filled anew: what stood behind its old content must not be found behind the new one.
    [Fact]
    public void Find_BehindAForgottenBlock_FindsNothing()
    {
        using var blocks = Create();
        var (a, b) = (blocks.Take(2), blocks.Take(2));
        blocks.Remember(a, -1, First);
        blocks.Remember(b, a, Second);
        blocks.Release(a);
        Assert.Equal(a, blocks.Take(2));
        blocks.Remember(a, -1, Second);
        Assert.Equal(-1, blocks.Find(a, Second));
    }

    [Fact]
    public void Share_IdleBlock_IsInUseUntilAllHaveReleasedIt()
    {
        using var blocks = Create();
        var a = blocks.Take(1);
        blocks.Remember(a, -1, First);
        blocks.Share(a);
        blocks.Release(a);
        Assert.Equal(1, blocks.InUse);
        blocks.Release(a);
        Assert.Equal(0, blocks.InUse);
        blocks.Share(a);
        Assert.Equal(1, blocks.InUse);
    }

    private static KeyValueBlocks Create()
    {
        using var model = TinyModel.Create();
        return new(model.Decoder.Specification);
    }
}
