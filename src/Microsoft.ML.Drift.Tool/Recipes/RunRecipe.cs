using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tool.Recipes;

/// <summary>A recipe's section <c>drift:</c> as the options of sampling and of the loop. A key is read only where it acts.</summary>
internal static class RunRecipe
{
    /// <summary>The options of <c>drift run</c>, without data, folder, progress and cancellation.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="hasSeedPairs">Whether there is a seed stage.</param>
    /// <param name="hasHeldOutFile">Whether held-out rows have a file of their own.</param>
    public static DriftIterationEstimator.Options Of(Recipe recipe, bool hasSeedPairs, bool hasHeldOutFile)
    {
        var defaults = new DriftIterationEstimator.Options();
        var heldOutRows = hasHeldOutFile ? null : recipe.Integer("drift.test_rows");
        var evaluates = recipe.Boolean("do_eval") != false && heldOutRows != 0;
        return defaults with
        {
            NumberOfIterations = recipe.Integer("drift.iterations") ?? defaults.NumberOfIterations,
            Sampling = Sampling(recipe),
            Training = TrainingRecipe.Dpo(recipe, evaluates),
            SeedEpochs = hasSeedPairs ? recipe.Number("drift.seed_epochs") : null,
            NumberOfHeldOutRows = heldOutRows,
            Selection = recipe.Choice("drift.select", ("last", ModelSelection.Last), ("best", ModelSelection.BestHeldOutMargin)) ?? defaults.Selection,
        };
    }

    /// <summary>How chosen answers are sampled.</summary>
    public static DsatPairSampler.Options Sampling(Recipe recipe)
    {
        var defaults = new DsatPairSampler.Options();
        var generation = defaults.Generation;
        var temperature = recipe.Number("drift.temperature") ?? generation.Temperature;
        return defaults with
        {
            Mode = recipe.Choice("drift.mode", ("guided", DsatSamplingMode.Guided), ("unguided", DsatSamplingMode.Unguided), ("paper", DsatSamplingMode.Paper)) ?? defaults.Mode,
            Instruction = recipe.Text("drift.instruction"),
            Generation = generation with
            {
                Temperature = temperature,
                TopP = recipe.Number("drift.top_p") ?? (temperature == 0 ? 1 : generation.TopP),
                TopK = recipe.Integer("drift.top_k"),
                MinP = recipe.Number("drift.min_p"),
                RepetitionPenalty = recipe.Number("drift.repetition_penalty"),
                MaxNewTokens = recipe.Integer("drift.max_new_tokens") ?? generation.MaxNewTokens,
                Weights = recipe.Choice("drift.weights", ("float32", WeightPrecision.Float32), ("q8_0", WeightPrecision.Q8_0)) ?? generation.Weights,
                Seed = recipe.Integer("seed") ?? generation.Seed,
            },
            Batching = defaults.Batching with { BatchSize = recipe.Integer("drift.sampling_batch_size") ?? defaults.Batching.BatchSize },
            MaxPromptLength = recipe.Integer("drift.max_prompt_tokens") ?? defaults.MaxPromptLength,
            MaxRetries = recipe.Integer("drift.retries") ?? defaults.MaxRetries,
            Filters = Filters(recipe),
        };
    }

    // Null where nothing is said: paper mode has no filters and refuses any.
    private static ChosenFilters? Filters(Recipe recipe)
    {
        if (!recipe.Has("drift.near_copy_threshold") && !recipe.Has("drift.drop_unfinished")) return null;
        var defaults = new ChosenFilters();
        return defaults with
        {
            // 0 switches the check off; null means the default, as everywhere in a recipe.
            NearCopyThreshold = recipe.Number("drift.near_copy_threshold") is { } threshold ? threshold == 0 ? null : threshold : defaults.NearCopyThreshold,
            DropUnfinished = recipe.Boolean("drift.drop_unfinished") ?? defaults.DropUnfinished,
        };
    }
}
