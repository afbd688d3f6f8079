using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift;

/// <summary>Puts a model that is there already into a pipeline; there is nothing to learn.</summary>
public sealed class CausalLMEstimator : IEstimator<CausalLMTransformer>
{
    private readonly CausalLMTransformer _transformer;

    internal CausalLMEstimator(CausalLM model, GenerationOptions generation, string outputColumnName, string inputColumnName, GenerationBatching? batching)
    {
        _transformer = new(model, generation, outputColumnName, inputColumnName, batching);
        _transformer.CheckAvailable();
    }

    /// <summary>Checks the input's schema and gives back the transformer, which holds the model itself.</summary>
    /// <param name="input">Rows of the kind that will be answered; they are not read.</param>
    /// <exception cref="ArgumentException">The prompt column is missing, neither chat nor text, or chat and the model has no chat template.</exception>
    /// <exception cref="InvalidOperationException">The model has no tokenizer.</exception>
    public CausalLMTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _transformer.GetOutputSchema(input.Schema);
        return _transformer;
    }

    /// <summary>The input's columns and the answers.</summary>
    /// <param name="inputSchema">The shape of the rows to answer.</param>
    /// <exception cref="ArgumentException">The prompt column is missing, or neither chat nor text.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) =>
        CausalLMTransformer.OutputShapeOf(inputSchema, _transformer.OutputColumnName, _transformer.InputColumnName);
}
