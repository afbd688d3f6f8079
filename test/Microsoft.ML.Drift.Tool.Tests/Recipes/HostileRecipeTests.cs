using Microsoft.ML.Drift.Tool.Recipes;

namespace Microsoft.ML.Drift.Tool.Tests.Recipes;

public class HostileRecipeTests
{
    [Theory]
    [InlineData("a: &a [x]\nbeta: *a\n", "an anchor (&) on a list or a mapping")]
    [InlineData("drift:\n  iterations: 1\ndrift.iterations: 2\n", "'drift.iterations' is given twice")]
    [InlineData("beta: \"\\ud800\"\n", "not valid YAML")]
    public void Parse_WhatYamlAllowsAndARecipeDoesNot_IsRefused(string yaml, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidInputException>(() => RecipeFile.Parse(new StringReader(yaml), "r.yaml")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{a: ", "}")]
    public void Parse_GreatDepth_IsRefusedBeforeATreeIsBuilt(string open, string close)
    {
        var yaml = "beta: " + string.Concat(Enumerable.Repeat(open, 20_000)) + "1" + string.Concat(Enumerable.Repeat(close, 20_000));

        Assert.Contains("more than 32 deep", Assert.Throws<InvalidInputException>(() => RecipeFile.Parse(new StringReader(yaml), "r.yaml")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Assignment_ThatIsNoYaml_IsToldWithoutItsValue() =>
        Assert.DoesNotContain("hf_secret", Assert.Throws<InvalidInputException>(() => RecipeFile.Assignment("hub_token=[hf_secret")).Message, StringComparison.Ordinal);
}
