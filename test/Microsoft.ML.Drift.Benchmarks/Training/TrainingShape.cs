using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>The lengths of pairs, and how many of them make a step.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Batch">Pairs of a step.</param>
/// <param name="Pairs">Their lengths; as many as whole steps need.</param>
internal sealed record TrainingShape(string Name, int Batch, IReadOnlyList<PairLengths> Pairs)
{
    // Prompts and answers of golden/dsat's first rows in SmolLM2's tokens, chat template included; the better answer is as long as the bad one of the next row.
    private static readonly (int Prompt, int Answer)[] s_dsat =
        [(65, 19), (444, 10), (113, 21), (34, 6), (38, 14), (36, 14), (33, 20), (63, 19), (36, 20), (274, 10), (123, 18), (40, 9), (35, 8)];

    /// <summary>Steps in which every pair is seen once.</summary>
    public int Steps => Pairs.Count / Batch;

    /// <summary>Tokens a step must compute: every prompt once, both answers; the mean over the steps.</summary>
    public long Tokens => Pairs.Sum(pair => (long)pair.Prompt + pair.Chosen + pair.Rejected) / Steps;

    /// <summary>Whether a step is too large for TRL's plan without checkpointing, and takes minutes with it.</summary>
    public bool IsLong => Tokens > 6000;

    /// <summary>One step whose pairs are all alike.</summary>
    public static TrainingShape Even(int batch, int prompt, int completion) =>
        new($"B{batch} P{prompt}/C{completion}", batch, [.. Enumerable.Repeat(new PairLengths(prompt, completion, completion), batch)]);

    /// <summary>Three steps of four pairs as long as those of real complaint conversations.</summary>
    public static TrainingShape Dsat { get; } = new("B4 ragged", 4, [.. s_dsat.Zip(s_dsat.Skip(1), (row, next) => new PairLengths(row.Prompt, next.Answer, row.Answer))]);

    /// <summary>Pairs of these lengths with ids drawn at random.</summary>
    public PreferenceTokens[] MakePairs(int vocabulary) => [.. Pairs.Select((lengths, number) => MakePair(number, lengths, vocabulary))];

    /// <summary>
    /// Floating-point operations a step cannot do without, the mean over the steps: two for each weight and token in the forward pass and four in the backward pass, of the
    /// output layer for answer tokens only, and the products of queries with the keys they see and of the weights with their values.
    /// </summary>
    public double Operations(DecoderSpecification model)
    {
        double perToken = 0, perScore = 0;
        foreach (var layer in model.Layers)
        {
            var (attention, inner) = (layer.Attention, layer.FeedForward.IntermediateSize);
            var width = (double)attention.Heads * attention.HeadSize;
            perToken += model.HiddenSize * (2 * width + 2.0 * attention.KeyValueHeads * attention.HeadSize + 3.0 * inner);
            perScore += 2 * width;
        }
        var perAnswerToken = (double)model.HiddenSize * model.VocabularySize;
        return 6 * Pairs.Sum(pair => perToken * (pair.Prompt + pair.Chosen + pair.Rejected) + perAnswerToken * (pair.Chosen + pair.Rejected) + perScore * pair.Scores) / Steps;
    }

    public override string ToString() => Name;

    private static PreferenceTokens MakePair(int number, PairLengths lengths, int vocabulary)
    {
        var random = new Random(number);
        var (prompt, chosen, rejected) = (Ids(lengths.Prompt), Ids(lengths.Chosen), Ids(lengths.Rejected));
        return new PreferenceTokens($"pair {number}", prompt, chosen, rejected, new([.. prompt, .. chosen], prompt.Length), new([.. prompt, .. rejected], prompt.Length));

        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, vocabulary))];
    }
}

/// <summary>Tokens of a pair.</summary>
internal readonly record struct PairLengths(int Prompt, int Chosen, int Rejected)
{
    /// <summary>Pairs of a query and a key it sees.</summary>
    public double Scores => Triangle(Prompt) + Triangle(Chosen) + Triangle(Rejected) + (double)Prompt * (Chosen + Rejected);

    private static double Triangle(double length) => length * (length + 1) / 2;
}
