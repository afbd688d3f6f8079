using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Generation;

/// <summary><see cref="GenerationOptions.Weights"/> wherever something is sampled.</summary>
public sealed class WeightPrecisionTests : IDisposable
{
    private static readonly GenerationOptions EightBit = new() { MaxNewTokens = 24, Temperature = 1, TopP = 0.95, Weights = WeightPrecision.Q8_0 };

    private readonly string _folder = Directory.CreateTempSubdirectory("drift-weights-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Generate_EightBits_GivesTheSameForEveryBatchSizeAndOtherLogProbsThanFloat32()
    {
        SkipWithoutAvx512();
        using var model = TinyModel.Create();
        var requests = TinyModel.Requests(20);
        var alone = TinyModel.Engine(model, EightBit, new() { BatchSize = 1 }).Generate(requests);
        var together = TinyModel.Engine(model, EightBit, new() { BatchSize = 7 }).Generate(requests);
        for (var row = 0; row < requests.Length; row++)
        {
            Assert.Equal(alone[row].TokenIds, together[row].TokenIds);
            Assert.Equal(alone[row].LogProbs, together[row].LogProbs);
        }

        var plain = TinyModel.Engine(model, EightBit with { Weights = WeightPrecision.Float32 }).Generate(requests);
        Assert.NotEqual(plain[0].LogProbs[0], alone[0].LogProbs[0]);
        Assert.Equal(plain[0].LogProbs[0], alone[0].LogProbs[0], 0.1);
    }

    // A copy of weights that have changed since cannot be used: the engine makes one for each run.
    [Fact]
    public void Generate_WeightsChangedBetweenTwoRuns_SamplesFromTheNewOnes()
    {
        SkipWithoutAvx512();
        using var model = TinyModel.Create();
        using var other = TinyModel.Create(seed: 4);
        var engine = TinyModel.Engine(model, EightBit);
        var before = engine.Generate(TinyModel.Requests(5));
        using (no_grad())
            foreach (var (name, slice) in model.Decoder.Tensors) slice.View().copy_(other.Decoder.Tensors[name].View());

        var after = engine.Generate(TinyModel.Requests(5));

        Assert.Equal(TinyModel.Engine(other, EightBit).Generate(TinyModel.Requests(5)).Select(result => result.LogProbs), after.Select(result => result.LogProbs));
        Assert.NotEqual(before.Select(result => result.LogProbs), after.Select(result => result.LogProbs));
    }

    [Fact]
    public async Task Service_EightBits_GivesTheEnginesAnswersAndRefusesAnotherPrecision()
    {
        SkipWithoutAvx512();
        using var model = TinyModel.Create();
        var request = TinyModel.Requests(3)[2];
        var expected = TinyModel.Engine(model, EightBit).Generate([request])[0];
        using var service = new GenerationService(model, weights: WeightPrecision.Q8_0);

        var logProbs = new List<float>();
        await foreach (var token in service.Generate(request, EightBit)) logProbs.Add(token.LogProb);

        Assert.Equal(expected.LogProbs, logProbs);
        Assert.Contains("Weights is Float32, but this service was started with Q8_0", Assert.Throws<ArgumentException>(() => service.Generate(request, new GenerationOptions())).Message);
        await foreach (var _ in service.Generate(request)) return;   // no options: the service's own precision
    }

    [Fact]
    public void Sample_JournalOfAnotherPrecision_IsRefused()
    {
        SkipWithoutAvx512();
        using var policy = TinyPolicy.Create();
        var options = new DsatPairSampler.Options { Generation = EightBit, JournalPath = Path.Combine(_folder, "journal.jsonl") };
        TinyPolicy.Sample(policy, options, TinyPolicy.Complaints(2));
        var error = Assert.Throws<InvalidDataException>(() => TinyPolicy.Sample(policy, options with { Generation = EightBit with { Weights = WeightPrecision.Float32 } }, TinyPolicy.Complaints(2)));
        Assert.Contains("weights was Q8_0 and is Float32", error.Message);
    }

    [Fact]
    public void Describe_EightBits_SaysSo()
    {
        Assert.Contains("weights Q8_0", EightBit.Describe());
        Assert.DoesNotContain("weights", GenerationOptions.Greedy.Describe());
    }

    // Nothing falls back to another way in silence: a model that computes in bfloat16 has no copy in eight bits, nor has a processor without AVX-512.
    [Fact]
    public void Weights_WhereEightBitsAreNotAvailable_AreRefusedWithTheReason()
    {
        using var policy = TinyPolicy.Create();
        policy.Decoder.ComputeDtype = ScalarType.BFloat16;
        var reason = RowProducts.IsSupported ? "the model's weights are not float32" : "this processor has no AVX-512";
        var ml = new MLContext(1);
        var sampling = new DsatPairSampler.Options { Generation = EightBit };
        Action[] ways =
        [
            () => _ = new GenerationEngine(policy, EightBit),
            () => new GenerationService(policy, weights: WeightPrecision.Q8_0).Dispose(),
            () => ml.Drift().DsatPairSampler(policy, sampling),
            () => ml.Drift().Trainers.Drift(policy, new DriftIterationEstimator.Options { Sampling = sampling }),
            () => ml.Transforms.AnswerPrompts(policy, generation: EightBit),
            () => new CausalLMTransformer(policy, GenerationOptions.Greedy).With(EightBit),
            () => new CausalLMTransformer(policy, EightBit).AsChatClient().Dispose(),
        ];
        foreach (var way in ways)
        {
            var error = Assert.Throws<ArgumentException>(way);
            Assert.Contains("Weights is Q8_0, which needs a CPU with AVX-512", error.Message);
            Assert.Contains(reason, error.Message);
        }
    }

    private static void SkipWithoutAvx512() => Assert.SkipUnless(RowProducts.IsSupported, "This processor has no AVX-512.");
}
