using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;

namespace Microsoft.ML.Drift.Tests.Preference;

public class PassPlannerTests
{
    private static readonly (int, int)[] Rows = [(500, 100), (500, 100), (2500, 200), (100, 10), (5000, 300)];

    [Fact]
    public void Plan_MemoryForAll_TakesNeighboursTogetherUpToWhatIsFastEnough()
    {
        using var model = TinyModels.Create();
        // 1,024 tokens at most, or a row alone.
        Assert.Equal([new(0, 2, false), new(2, 1, false), new(3, 1, false), new(4, 1, false)], new PassPlanner(model.Decoder, budget: null, checkpoint: false).Plan(Rows));
    }

    [Theory]
    [InlineData("320 320 320 320", "2 2")]          // not 3 and 1
    [InlineData("200 200 200 200 200", "5")]
    [InlineData("300 300 300 300 300", "3 2")]
    [InlineData("1000 100 100 100 1000 20", "1 3 2")]
    [InlineData("10 10 1024 10 10", "2 1 2")]
    public void Plan_MoreThanOnePass_SharesTheTokensEvenly(string tokens, string passes)
    {
        using var model = TinyModels.Create();
        var plan = new PassPlanner(model.Decoder, budget: null, checkpoint: false).Plan([.. tokens.Split(' ').Select(count => (int.Parse(count), 5))]);
        Assert.Equal(passes, string.Join(' ', plan.Select(pass => pass.Count)));
    }

    [Fact]
    public void Bytes_Logits_CountWhatIsKeptOrAChunkOfThem()
    {
        using var model = TinyModels.Create();
        var planner = new PassPlanner(model.Decoder, budget: null, checkpoint: false);
        var vocabulary = model.Configuration.VocabularySize;
        var small = planner.Bytes(0, 1000, false) - planner.Bytes(0, 0, false);
        Assert.InRange(small, 1000 * vocabulary * sizeof(float), 1000L * (vocabulary + 200) * sizeof(float));
        // More than the default budget of 256 MiB: never more than that is held.
        var rows = 2 * TokenLogProbs.DefaultLogitBudget / sizeof(float) / vocabulary;
        Assert.True(planner.Bytes(0, 4 * rows, false) - planner.Bytes(0, 2 * rows, false) < 2.2 * rows * model.Configuration.HiddenSize * sizeof(float) * 4);
    }

    [Fact]
    public void Plan_LittleMemory_DividesFirstAndComputesTwiceOnlyWhatDoesNotFitAlone()
    {
        using var model = TinyModels.Create();
        // Room for 2,700 tokens and their logits.
        var budget = new PassPlanner(model.Decoder, budget: null, checkpoint: false).Bytes(2700, 300, checkpoint: false);
        var plan = new PassPlanner(model.Decoder, budget, checkpoint: false).Plan(Rows);
        Assert.Equal([new(0, 2, false), new(2, 1, false), new(3, 1, false), new(4, 1, true)], plan);
    }

    [Fact]
    public void Plan_Checkpointing_IsHeededWithoutNeed()
    {
        using var model = TinyModels.Create();
        Assert.All(new PassPlanner(model.Decoder, budget: null, checkpoint: true).Plan(Rows), pass => Assert.True(pass.Checkpoint));
    }

    [Fact]
    public void Bytes_OfFreeMemory_IsMoreThanNothingAndLessThanTheMachineHas() =>
        Assert.InRange(FreeMemory.Bytes(), 1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
}
