using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tests.Generation;

public class BatchRoomTests
{
    // 150 + 10 tokens for the longest row, two blocks of 128; two such rows hold 512, three 768.
    [Theory]
    [InlineData(768, 3)]
    [InlineData(767, 2)]
    [InlineData(5, 1)]
    public void TryTake_CacheBound_LimitsTheRowsButNeverBelowOne(int maxCacheTokens, int expected)
    {
        var room = new BatchRoom(maxCacheTokens, 8, []);
        Assert.Equal(expected, new[] { 150, 9, 1 }.Count(prompt => room.TryTake(prompt, prompt + 10)));
    }

    [Fact]
    public void TryTake_RowsRunAlready_FillsTheBatchOnly()
    {
        var running = new RunningRow(new("r", [5, 5, 5]), 0, new TokenSampler(new() { MaxNewTokens = 10 }, [], 9), null);
        var room = new BatchRoom(1000, 2, [running]);
        Assert.True(room.TryTake(3, 13));
        Assert.False(room.TryTake(3, 13));
    }

    // Prompts of 3,000 tokens: two of them in one forward pass would exceed its bound of 4,096, so they start one after the other.
    [Fact]
    public void TryTake_LongPrompts_StartInSeveralForwardPasses()
    {
        var room = new BatchRoom(100_000, 8, []);
        Assert.True(room.TryTake(3000, 3010));
        Assert.False(room.TryTake(3000, 3010));
    }
}
