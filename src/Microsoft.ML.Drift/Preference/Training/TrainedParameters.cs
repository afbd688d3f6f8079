using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Preference;

/// <summary>Which tensors of a decoder an optimizer moves.</summary>
internal static class TrainedParameters
{
    /// <summary>
    /// The adapter's tensors if there is an adapter, else all weights. A fused parameter (q, k and v in one) goes by the name of its first part; norms and biases do not decay, which
    /// is transformers' rule; tied embeddings do.
    /// </summary>
    public static IReadOnlyList<TrainedParameter> Of(Decoder decoder) =>
    [
        .. decoder.TrainableTensors
            .Where(slice => slice.Start == 0)
            .Select(slice => new TrainedParameter(slice.Name, slice.Parameter, slice.Kind is not (ParameterKind.Bias or ParameterKind.Norm))
            {
                EveryStepReachesIt = decoder.Adapter is null && decoder.Specification.Layers.All(layer => layer.FeedForward.Experts is null),
            }),
    ];
}
