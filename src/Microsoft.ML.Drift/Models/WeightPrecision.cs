namespace Microsoft.ML.Drift.Models;

/// <summary>How exactly a model's matrices are read while it samples.</summary>
public enum WeightPrecision
{
    /// <summary>As the model holds them.</summary>
    Float32,

    /// <summary>
    /// As a copy in eight bits, GGUF's Q8_0: 32 neighbours of a matrix row share a scale, the largest of them becoming ±127. Embeddings are looked up in the
    /// model's own numbers; norms, biases and adapters stay as they are.
    /// </summary>
    Q8_0,
}
