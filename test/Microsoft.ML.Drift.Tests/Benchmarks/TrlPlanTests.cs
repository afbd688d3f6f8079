using Microsoft.ML.Drift.Benchmarks.Training;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Tests.Models;
using Microsoft.ML.Drift.Tests.Preference;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Benchmarks;

/// <summary>The benchmarks' yardstick is worth something only if it computes the same step.</summary>
public class TrlPlanTests
{
    [Theory]
    [InlineData(PlanKind.Trl)]
    [InlineData(PlanKind.TrlCheckpointed)]
    [InlineData(PlanKind.OursCheckpointed)]
    internal void Step_AnyPlan_HasOurLossAndGradients(PlanKind kind)
    {
        using var model = TinyModels.Create(changes: ("initializer_range", "0.02"));
        var pairs = RaggedPairs();
        Dictionary<string, float[]> expected = [];
        OurPlan? ours = null;
        using (ours = new OurPlan(model, pairs, pairs.Length, checkpoint: false, gradientsReady: _ => expected = GradientsOf(ours!)))
        {
            var first = ours.Step();
            Assert.Equal(Math.Log(2), first.Loss, 1e-6);
            var actual = kind == PlanKind.OursCheckpointed ? OurGradients(model, pairs) : TrlGradients(model, pairs, kind);
            Assert.Equal(expected.Keys.Order(), actual.Gradients.Keys.Order());
            Assert.Equal(first.Loss, actual.Loss, 1e-6);
            foreach (var (name, gradient) in expected)
            {
                var largest = gradient.Max(Math.Abs);
                Assert.True(largest > 0, name);
                Assert.All(gradient.Zip(actual.Gradients[name]), both => Assert.Equal(both.First, both.Second, 1e-5 * largest));
            }
        }
    }

    [Theory]
    [InlineData(PlanKind.Trl)]
    [InlineData(PlanKind.TrlCheckpointed)]
    internal void Step_Repeated_StaysWithOurs(PlanKind kind)
    {
        using var model = TinyModels.Create();
        var pairs = RaggedPairs();
        using var theirs = TrainingPlans.Create(kind, model, pairs, batch: 3);
        using var ours = TrainingPlans.Create(PlanKind.Ours, model, pairs, batch: 3);
        for (var step = 0; step < 4; step++)
        {
            var (one, other) = (theirs.Step(), ours.Step());
            Assert.Equal(one.Loss, other.Loss, 1e-6);
            Assert.Equal(one.GradientNorm, other.GradientNorm, 1e-5 * one.GradientNorm);
        }
    }

    [Fact]
    public void Score_OfEitherPlan_IsTheAnswersLogProbs()
    {
        using var model = TinyModels.Create();
        var pairs = RaggedPairs();
        using var theirs = TrainingPlans.Create(PlanKind.Trl, model, pairs, pairs.Length);
        using var ours = TrainingPlans.Create(PlanKind.Ours, model, pairs, pairs.Length);
        var expected = theirs.Score();
        Assert.Equal(2 * pairs.Length, expected.Length);
        Assert.All(expected, sum => Assert.True(sum < -1));
        Assert.All(expected.Zip(ours.Score()), both => Assert.Equal(both.First, both.Second, 1e-4));
    }

    [Fact]
    public void MustAgree_StepsOfOtherPairs_Throws()
    {
        using var model = TinyModels.Create();
        var pairs = RaggedPairs();
        using var one = TrainingPlans.Create(PlanKind.Ours, model, pairs[..3], batch: 3);
        using var other = TrainingPlans.Create(PlanKind.Ours, model, pairs[3..], batch: 3);
        var (first, second) = (one.Step(), other.Step());
        TrainingPlans.MustAgree([first], [first]);
        Assert.Throws<InvalidOperationException>(() => TrainingPlans.MustAgree([first], [second]));
    }

    [Fact]
    public void Operations_OfAShape_AreThoseWrittenOutByHand()
    {
        using var model = TinyModels.Create();
        // A layer: q and o 16 × 16 each, k and v 16 × 8 each, three matrices 16 × 24: 1,920 weights. Tokens: 3 + 2 + 2. Output: 16 × 32 for 4 tokens.
        // Scores: prompt 6, answers 3 each, and 2 × 3 × 2 from answers to prompt: 24, each 2 × 16 in a layer. Six operations for each product.
        Assert.Equal(6 * (2 * (1920 * 7 + 32 * 24) + 512 * 4), TrainingShape.Even(1, 3, 2).Operations(model.Decoder.Specification));
    }

    // Some pairs share their prompt, some do not; all lengths differ.
    private static PreferenceTokens[] RaggedPairs() => [.. TinyTraining.Pairs(3), .. new TrainingShape("", 1, [new(5, 3, 1), new(2, 1, 6), new(9, 4, 4)]).MakePairs(vocabulary: 32)];

    private static (double Loss, Dictionary<string, float[]> Gradients) OurGradients(Drift.Models.CausalLM model, PreferenceTokens[] pairs)
    {
        Dictionary<string, float[]> gradients = [];
        OurPlan? plan = null;
        using (plan = new OurPlan(model, pairs, pairs.Length, checkpoint: true, gradientsReady: _ => gradients = GradientsOf(plan!))) return (plan.Step().Loss, gradients);
    }

    private static (double Loss, Dictionary<string, float[]> Gradients) TrlGradients(Drift.Models.CausalLM model, PreferenceTokens[] pairs, PlanKind kind)
    {
        using var scope = NewDisposeScope();
        using var plan = new TrlPlan(model, pairs, pairs.Length, kind == PlanKind.TrlCheckpointed);
        return (plan.Accumulate(pairs), plan.Policy.Parameters.ToDictionary(weight => weight.Key, weight => weight.Value.grad!.data<float>().ToArray()));
    }

    private static Dictionary<string, float[]> GradientsOf(OurPlan plan)
    {
        using var scope = NewDisposeScope();
        return plan.Trained.Decoder.Tensors.Values.ToDictionary(slice => slice.Name, slice => slice.GradientView()!.contiguous().data<float>().ToArray());
    }
}
