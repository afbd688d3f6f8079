using System.Text.Json;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Generation;

/// <summary>The exact distribution of the next token, from the model's forward pass through all processors, and the sampler's draws from it.</summary>
[Trait("Parity", "measured")]
public class NextTokenDistributionTests
{
    private const int Draws = 4000;

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void Draws_RecordedPrompts_FollowTransformersDistribution(string name)
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Golden.Folder("hf", "next_token_distribution.json")));
        using var model = CausalLM.Load(Golden.Folder("hf", "models", name));
        var settings = file.RootElement.GetProperty("sampling");
        var worst = (Difference: 0f, PValue: 1.0);
        var cases = file.RootElement.GetProperty("cases").EnumerateArray().Where(each => each.GetProperty("model").GetString() == name).ToList();
        foreach (var recorded in cases)
        {
            var options = ProcessorParityTests.ParseSettings(settings.GetProperty(recorded.GetProperty("sampling").GetString()!));
            var (difference, pValue) = Compare(model, options, recorded);
            worst = (MathF.Max(worst.Difference, difference), Math.Min(worst.PValue, pValue));
        }
        ParityPage.Add("Sampler", $"{name}, {cases.Count} cases", "probability", worst.Difference, 1e-6);
        ParityPage.AddAtLeast("Sampler", $"{name}, {cases.Count} cases", "smallest p", worst.PValue, 1e-4);
        Assert.True(worst.Difference <= 1e-6f, $"probabilities differ by {worst.Difference}");
        Assert.True(worst.PValue > 1e-4, $"p = {worst.PValue}");
    }

    private static (float Difference, double PValue) Compare(CausalLM model, GenerationOptions options, JsonElement recorded)
    {
        int[] prompt = [.. recorded.GetProperty("prompt").EnumerateArray().Select(id => id.GetInt32())];
        int[] ids = [.. recorded.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
        float[] expected = [.. recorded.GetProperty("probs").EnumerateArray().Select(p => p.GetSingle())];
        var logits = Logits(model, prompt);
        var sampler = new TokenSampler(options, [], logits.Length);
        var history = new TokenHistory(prompt, 1);

        var found = sampler.Distribution(logits, history);
        var byId = found.Ids.ToArray().Zip(found.Probabilities.ToArray()).ToDictionary(pair => pair.First, pair => pair.Second);
        Assert.Equal(ids, byId.Keys.Order());
        var difference = ids.Zip(expected).Max(pair => MathF.Abs(pair.Second - byId[pair.First]));

        var counts = new int[ids.Length];
        for (var sample = 0; sample < Draws; sample++)
        {
            var drawn = Array.BinarySearch(ids, sampler.Next(logits, history, new RowGenerator(42, 1, string.Join('-', prompt), sample)));
            Assert.True(drawn >= 0, "an excluded token was drawn");
            counts[drawn]++;
        }
        return (difference, ChiSquare.PValue(counts, [.. expected.Select(p => (double)p)]));
    }

    private static float[] Logits(CausalLM model, int[] prompt)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var input = tensor(prompt.Select(id => (long)id).ToArray()).unsqueeze(0);
        var mask = AttentionMask.Causal(ones_like(input));
        return model.Decoder.Logits(model.Decoder.forward(input, mask.Positions, mask)[0, -1]).data<float>().ToArray();
    }
}
