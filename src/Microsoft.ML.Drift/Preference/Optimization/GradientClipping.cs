using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>The norm over all gradients, and clipping by it.</summary>
internal static class GradientClipping
{
    /// <summary>The Euclidean norm over all parameters; rows in float32, their sum in float64. A shared (tied) weight counts once.</summary>
    public static double Norm(IReadOnlyList<TrainedParameter> parameters)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        Tensor? total = null;
        foreach (var parameter in parameters)
        {
            if (parameter.Tensor.grad is not { } gradient) continue;
            // Row norms are short sums, so float32 suffices for them; a sum over 28 million float32 squares would not be.
            var rows = (gradient.dim() > 1 ? gradient.flatten(1) : gradient.unsqueeze(0)).norm(dim: 1);
            var squares = rows.to(ScalarType.Float64).Squared().sum();
            total = total is null ? squares : total.Plus(squares);
        }
        return total is null ? 0 : Math.Sqrt(total.item<double>());
    }

    /// <summary>Scales all gradients by <c>maximum / (norm + 1e-6)</c> if that is below 1, as <c>torch.nn.utils.clip_grad_norm_</c> does.</summary>
    public static void Clip(IReadOnlyList<TrainedParameter> parameters, double norm, double maximum)
    {
        var factor = maximum / (norm + 1e-6);
        if (factor >= 1) return;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        foreach (var parameter in parameters) parameter.Tensor.grad?.MultiplyInPlace(factor);
    }
}
