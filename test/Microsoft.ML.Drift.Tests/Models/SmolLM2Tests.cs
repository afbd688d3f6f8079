using System.Text.Json;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>A real model against what transformers computes with the same weights.</summary>
[Trait("Category", "Heavy")]
[Trait("Parity", "measured")]
public class SmolLM2Tests
{
    private const string Name = "SmolLM2-135M-Instruct";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LastLogits_OfRealPrompts_EqualTransformers(bool fromFolder)
    {
        using var model = Load(fromFolder);
        var conversations = Lines("greedy.jsonl").ToDictionary(line => line.GetProperty("id").ToString());
        foreach (var line in Lines("logits.jsonl"))
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var ids = Ids(conversations[line.GetProperty("id").ToString()].GetProperty("unguided").GetProperty("prompt_ids"));
            var mask = AttentionMask.Causal(ones(1, ids.Length));
            var hidden = model.Decoder.forward(tensor(ids).unsqueeze(0), mask.Positions, mask);
            var logits = model.Decoder.Logits(hidden[0, -1]);
            Compare(line, logits, fromFolder ? "logits, folder" : "logits, Q4_1 GGUF");
        }
    }

    [Fact]
    public void GreedyText_OfRealPrompts_EqualsTransformersUpToTies()
    {
        using var model = Load(fromFolder: true);
        foreach (var line in Lines("greedy.jsonl"))
        {
            foreach (var kind in new[] { "unguided", "guided" })
            {
                var told = line.GetProperty(kind);
                var expected = Ids(told.GetProperty("output_ids"));
                var gaps = told.GetProperty("gaps").EnumerateArray().Select(gap => gap.GetDouble()).ToArray();
                var certain = gaps.TakeWhile(gap => gap >= 1e-3).Count();
                var prompt = Ids(told.GetProperty("prompt_ids")).Select(id => (int)id).ToArray();

                var output = GreedyLoop.Run(model.Decoder, [prompt], expected.Length)[0];

                Assert.Equal(expected.Take(certain).Select(id => (int)id), output.Take(certain));
                ParityPage.AddEqual("SmolLM2-135M-Instruct", "greedy text, up to a tie", "tokens", certain);
            }
        }
    }

    private static CausalLM Load(bool fromFolder) =>
        CausalLM.Load(fromFolder ? Golden.Model(Name) : Path.Combine(Golden.Model(Name), $"{Name}.Q4_1.gguf"));

    private static IEnumerable<JsonElement> Lines(string file) =>
        File.ReadLines(Path.Combine(Golden.Folder("smollm2"), file)).Select(line => JsonDocument.Parse(line).RootElement);

    private static long[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt64())];

    private static void Compare(JsonElement told, Tensor logits, string item)
    {
        foreach (var kind in new[] { "top", "fixed" })
        {
            var expected = tensor(told.GetProperty($"{kind}_logits").EnumerateArray().Select(value => value.GetSingle()).ToArray());
            var difference = RecordedModel.Difference(logits.index_select(0, tensor(Ids(told.GetProperty($"{kind}_ids")))), expected);
            Assert.InRange(difference, 0, 2e-3);
            ParityPage.Add("SmolLM2-135M-Instruct", item, "difference", difference, 2e-3);
        }
        Assert.Equal(told.GetProperty("log_sum_exp").GetDouble(), logits.logsumexp(0).item<float>(), 2e-3);
    }
}
