using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;

namespace Microsoft.ML.Drift.Tests.Preference;

public class PassPlannerTests
{
    private static readonly (int, int)[] Rows = [(1000, 100), (1000, 100), (2500, 200), (100, 10), (5000, 300)];

    [Fact]
    public void Plan_MemoryForAll_TakesNeighboursTogetherUpToWhatIsFastEnough()
    {
        using var model = TinyModels.Create();
        // 2,048 tokens at most, or a row alone.
        Assert.Equal([new(0, 2, false), new(2, 1, false), new(3, 1, false), new(4, 1, false)], new PassPlanner(model.Decoder, budget: null, checkpoint: false).Plan(Rows));
    }

    [Fact]
    public void Plan_LittleMemory_DividesFirstAndComputesTwiceOnlyWhatDoesNotFitAlone()
    {
        using var model = TinyModels.Create();
        var memory = new TrainingMemory(model.Decoder);
        // Room for 2,550 tokens (and a quarter for logits).
        var budget = (memory.KeptPerToken(checkpoint: false) + memory.WorkPerToken(checkpoint: false)) * 2550 * 4 / 3;
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
