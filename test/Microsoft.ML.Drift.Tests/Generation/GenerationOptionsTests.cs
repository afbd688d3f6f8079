using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tests.Generation;

public class GenerationOptionsTests
{
    public static TheoryData<GenerationOptions, string> BadValues => new()
    {
        { new() { MaxNewTokens = 0 }, "MaxNewTokens is 0" },
        { new() { MinNewTokens = -1 }, "MinNewTokens is -1" },
        { new() { MinNewTokens = 513 }, "MinNewTokens is 513" },
        { new() { Temperature = -0.1 }, "Temperature is -0.1" },
        { new() { Temperature = double.NaN }, "Temperature is NaN" },
        { new() { Temperature = double.PositiveInfinity }, "Temperature is" },
        { new() { TopK = -1 }, "TopK is -1" },
        { new() { TopP = 1.01 }, "TopP is 1.01" },
        { new() { TopP = -0.01 }, "TopP is -0.01" },
        { new() { MinP = 1.5 }, "MinP is 1.5" },
        { new() { TypicalP = 0 }, "TypicalP is 0" },
        { new() { Weights = (WeightPrecision)7 }, "Weights is 7" },
        { new() { RepetitionPenalty = 0 }, "RepetitionPenalty is 0" },
        { new() { NoRepeatNgramSize = -2 }, "NoRepeatNgramSize is -2" },
        { new() { FrequencyPenalty = double.NaN }, "FrequencyPenalty is NaN" },
        { new() { PresencePenalty = double.NegativeInfinity }, "PresencePenalty is" },
        { new() { StopTexts = [""] }, "StopTexts contains an empty text" },
        { new() { Temperature = 0, TypicalP = 0.9 }, "TypicalP has no meaning at Temperature 0" },
        { new() { IgnoreEos = true, MinNewTokens = 3 }, "MinNewTokens has no effect when IgnoreEos" },
    };

    [Theory]
    [MemberData(nameof(BadValues))]
    public void Validate_BadValue_NamesTheSettingAndItsValue(GenerationOptions options, string message)
    {
        var error = Assert.Throws<ArgumentException>(options.Validate);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void Validate_SeveralBadValues_ReportsAllOfThem()
    {
        var error = Assert.Throws<ArgumentException>(new GenerationOptions { TopP = 2, TopK = -3 }.Validate);
        Assert.Contains("TopP is 2", error.Message);
        Assert.Contains("TopK is -3", error.Message);
    }

    [Fact]
    public void Defaults_AreThoseOfThePaper()
    {
        var options = new GenerationOptions();
        options.Validate();
        Assert.Equal((512, 0.7, 0.9, 42L), (options.MaxNewTokens, options.Temperature, options.TopP, options.Seed));
        Assert.Null(options.TopK);
        Assert.Null(options.RepetitionPenalty);
    }

    [Fact]
    public void Greedy_IsValidAndTemperatureZero()
    {
        GenerationOptions.Greedy.Validate();
        Assert.Equal(0, GenerationOptions.Greedy.Temperature);
    }
}
