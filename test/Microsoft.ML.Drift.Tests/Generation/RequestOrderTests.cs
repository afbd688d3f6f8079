using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tests.Generation;

public class RequestOrderTests
{
    [Fact]
    public void Of_MixedLengths_StartsWithTheLongestAndKeepsEqualPromptsTogether() =>
        Assert.Equal([1, 3, 2, 0], RequestOrder.Of([Request("a", 2), Request("b", 9), Request("c", 4), Request("d", 9)]));

    [Fact]
    public void Of_SamplesOfOneRow_FollowTheirNumbers() =>
        Assert.Equal([1, 0], RequestOrder.Of([new("a", [5, 6]) { SampleNumber = 1 }, new("a", [5, 6])]));

    private static GenerationRequest Request(string rowId, int length) => new(rowId, Enumerable.Repeat(5, length).ToList());
}
