using Microsoft.ML.Drift.Data;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>Pairs of given lengths with ids drawn at random.</summary>
internal static class MadeUpPairs
{
    public static PreferenceTokens[] Of(TrainingShape shape, int vocabulary) =>
        [.. Enumerable.Range(0, shape.Batch).Select(i => Of(i, shape.Prompt, shape.Completion, shape.Completion, vocabulary))];

    public static PreferenceTokens Of(int number, int prompt, int chosen, int rejected, int vocabulary)
    {
        var random = new Random(number);
        var (promptIds, chosenIds, rejectedIds) = (Ids(prompt), Ids(chosen), Ids(rejected));
        return new PreferenceTokens(
            $"pair {number}", promptIds, chosenIds, rejectedIds, new([.. promptIds, .. chosenIds], prompt), new([.. promptIds, .. rejectedIds], prompt));

        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, vocabulary))];
    }
}

/// <summary>Pairs of a step, and tokens of each prompt and each answer.</summary>
internal sealed record TrainingShape(int Batch, int Prompt, int Completion)
{
    public override string ToString() => $"B{Batch} P{Prompt}/C{Completion}";

    /// <summary>Tokens a step must compute: every prompt once, both answers.</summary>
    public long Tokens => (long)Batch * (Prompt + 2 * Completion);

    /// <summary>
    /// Floating-point operations a step cannot do without: two for each weight and token in the forward pass and four in the backward pass, of the output layer for answer
    /// tokens only, and the products of queries with the keys they see and of the weights with their values.
    /// </summary>
    public double Operations(Models.DecoderSpecification model)
    {
        double perToken = 0, perScore = 0;
        foreach (var layer in model.Layers)
        {
            var (attention, inner) = (layer.Attention, layer.FeedForward.IntermediateSize);
            var width = (double)attention.Heads * attention.HeadSize;
            perToken += model.HiddenSize * (2 * width + 2.0 * attention.KeyValueHeads * attention.HeadSize + 3.0 * inner);
            perScore += 2 * width;
        }
        var scores = Batch * (Prompt * (Prompt + 1.0) / 2 + 2 * (Completion * (double)Prompt + Completion * (Completion + 1.0) / 2));
        return 6 * (perToken * Tokens + (double)model.HiddenSize * model.VocabularySize * Batch * 2 * Completion + perScore * scores);
    }
}
