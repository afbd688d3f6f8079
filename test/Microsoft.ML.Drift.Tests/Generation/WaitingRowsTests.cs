using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tests.Generation;

public class WaitingRowsTests
{
    private static GenerationRequest Request(string rowId, int length) => new(rowId, Enumerable.Repeat(5, length).ToList());

    [Fact]
    public void Take_MixedLengths_StartsWithTheLongestAndKeepsEqualPromptsTogether()
    {
        var waiting = new WaitingRows([Request("a", 2), Request("b", 9), Request("c", 4), Request("d", 9)], 4, 1000, 10);
        Assert.Equal([1, 3, 2, 0], waiting.Take([]));
        Assert.Equal(0, waiting.Count);
    }

    // 150 + 10 tokens for the longest row, two blocks of 128; two such rows hold 512, three 768.
    [Theory]
    [InlineData(768, 3)]
    [InlineData(767, 2)]
    [InlineData(5, 1)]
    public void Take_CacheBound_LimitsTheRowsButNeverBelowOne(int maxCacheTokens, int expected)
    {
        var waiting = new WaitingRows([Request("a", 150), Request("b", 9), Request("c", 1)], 8, maxCacheTokens, 10);
        Assert.Equal(expected, waiting.Take([]).Count);
    }

    [Fact]
    public void Take_RowsRunAlready_FillsTheBatchOnly()
    {
        var waiting = new WaitingRows([Request("a", 3), Request("b", 3), Request("c", 3)], 2, 1000, 10);
        var running = new RunningRow(Request("r", 3), 0, new TokenSampler(new() { MaxNewTokens = 10 }, [], 4), null);
        Assert.Single(waiting.Take([running]));
        Assert.Equal(2, waiting.Count);
    }

    // Prompts of 3,000 tokens: two of them in one forward pass would exceed its bound of 4,096, so they start one after the other.
    [Fact]
    public void Take_LongPrompts_StartInSeveralForwardPasses()
    {
        var waiting = new WaitingRows([Request("a", 3000), Request("b", 3000)], 8, 100000, 10);
        Assert.Single(waiting.Take([]));
        Assert.Single(waiting.Take([]));
    }
}
