using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;
using TorchSharp;
using static Microsoft.ML.Drift.Tests.Preference.TestPairs;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>A training of a model of a few thousand weights on a handful of made-up pairs.</summary>
internal sealed class TinyTraining : IDisposable
{
    private readonly PreferenceTraining _training;

    public TinyTraining(
        DpoTrainer.Options options, int rows = 8, int evaluationRows = 0, CausalLM? reference = null, Action<ScoredBatch, bool>? batchScored = null, LoraOptions? lora = null)
    {
        set_num_threads(1);
        Assert.Empty(options.Problems());
        Policy = TinyModels.Create();
        if (lora is not null) Policy.AddAdapter(lora, seed: 1);
        var pairs = Pairs(rows + evaluationRows);
        _training = new PreferenceTraining(Policy, reference, pairs[..rows], pairs[rows..], options) { BatchScored = batchScored };
    }

    /// <summary>A rate that moves weights, file order; no warm-up, so that the first step moves them too.</summary>
    public static DpoTrainer.Options Options { get; } = new() { LearningRate = 1e-3, Shuffle = false, WarmupRatio = 0, RpoAlpha = 0.5 };

    /// <summary>What gradients and RMSprop's state take.</summary>
    public static long StandingBytes { get; } = CountStandingBytes();

    public CausalLM Policy { get; }

    public TrainingLoop Loop => _training.Loop;

    public static TrainingHistory Run(DpoTrainer.Options options, int rows = 8, int evaluationRows = 0, CausalLM? reference = null)
    {
        using var training = new TinyTraining(options, rows, evaluationRows, reference);
        return training.Loop.Run();
    }

    /// <summary>All weights, one after the other.</summary>
    public float[] Weights()
    {
        using var scope = NewDisposeScope();
        return cat([.. Policy.Decoder.parameters().Select(parameter => parameter.detach().flatten())]).data<float>().ToArray();
    }

    public void SetWeights(float[] weights)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        long start = 0;
        foreach (var parameter in Policy.Decoder.parameters())
        {
            var count = parameter.numel();
            parameter.copy_(tensor(weights[(int)start..(int)(start + count)]).view(parameter.shape));
            start += count;
        }
    }

    /// <summary>Pairs of 2–4 prompt ids and 1–6 answer ids, from 3 to 31; the lengths differ between the sides and between the rows.</summary>
    public static PreferenceTokens[] Pairs(int count) => [.. Enumerable.Range(0, count).Select(i => Pair(
        $"pair {i}", Sequence(i, 1 + i * 5 % 6), Sequence(i + 100, 1 + i * 3 % 5) with { CompletionStart = 2 + i % 3 }))];

    public void Dispose()
    {
        _training.Dispose();
        Policy.Dispose();
    }

    private static long CountStandingBytes()
    {
        using var model = TinyModels.Create();
        return 2 * sizeof(float) * model.ParameterCount;
    }

    private static TokenSequence Sequence(int salt, int answerLength)
    {
        var prompt = 2 + salt % 100 % 3;
        return new TokenSequence([.. Enumerable.Range(0, prompt + answerLength).Select(t => 3 + (salt * 7 + t * t * 5) % 29)], prompt);
    }
}
