namespace Microsoft.ML.Drift.Models;

/// <summary>A matrix and its bias where torch keeps them.</summary>
/// <param name="Weight">[Outputs, Inputs].</param>
/// <param name="Bias">[Outputs], or null.</param>
/// <param name="Outputs">Rows.</param>
/// <param name="Inputs">Columns.</param>
internal sealed unsafe record WeightPointer(nint Weight, nint Bias, int Outputs, int Inputs)
{
    public static WeightPointer Of(Projection projection) => new(
        (nint)TensorMemory.Address(projection.Weight), projection.Bias is { } bias ? (nint)TensorMemory.Address(bias) : 0,
        (int)projection.Weight.shape[0], (int)projection.Weight.shape[1]);
}

/// <summary>Where the weights of one layer lie; 0 for a norm that the layer does not have.</summary>
internal sealed record LayerPointers(
    LayerSpecification Specification, WeightPointer QueryKeyValue, WeightPointer Output, WeightPointer GateUp, WeightPointer Down,
    nint QueryNorm, nint KeyNorm, nint BeforeAttention, nint AfterAttention, nint BeforeFeedForward, nint AfterFeedForward)
{
    public static unsafe LayerPointers Of(DecoderLayer layer, LayerSpecification specification)
    {
        var (attention, feedForward) = (layer.Attention, layer.FeedForward!);
        return new(
            specification, WeightPointer.Of(attention.QueryKeyValue), WeightPointer.Of(attention.Output),
            WeightPointer.Of(feedForward.GateUp), WeightPointer.Of(feedForward.Down), Norm(attention.QueryNorm), Norm(attention.KeyNorm),
            Norm(layer.BeforeAttention), Norm(layer.AfterAttention), Norm(layer.BeforeFeedForward), Norm(layer.AfterFeedForward));

        static nint Norm(RmsNorm? norm) => norm is null ? 0 : (nint)TensorMemory.Address(norm.Weight);
    }
}
