using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>One tensor an optimizer moves.</summary>
/// <param name="Name">Its name in the decoder; the key of its optimizer state.</param>
/// <param name="Tensor">The leaf whose <c>grad</c> is read.</param>
/// <param name="Decays">Whether weight decay applies: false for biases and norms.</param>
internal sealed record TrainedParameter(string Name, Tensor Tensor, bool Decays)
{
    /// <summary>Whether every backward pass gives it a gradient. One that got none must have none, not zeros, for the optimizer to leave it alone.</summary>
    public bool EveryStepReachesIt { get; init; }
}
