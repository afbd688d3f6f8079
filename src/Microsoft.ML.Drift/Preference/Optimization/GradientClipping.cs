using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>The norm over all gradients, and clipping by it.</summary>
internal static class GradientClipping
{
    private const int FloatsPerPart = 1 << 16;

    /// <summary>The Euclidean norm over all parameters, summed in float64. A shared (tied) weight counts once.</summary>
    public static double Norm(IReadOnlyList<TrainedParameter> parameters)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var gradients = parameters.Select(parameter => parameter.Tensor.grad).OfType<Tensor>().ToArray();
        var (near, far) = (gradients.Where(FusedRows.CanUse).ToArray(), gradients.Where(gradient => !FusedRows.CanUse(gradient)).ToArray());
        return Math.Sqrt(SumOfSquares(near) + far.Sum(SumOfSquares));
    }

    /// <summary>What gradients of such a norm are multiplied by: <c>maximum / (norm + 1e-6)</c>, at most 1, as <c>torch.nn.utils.clip_grad_norm_</c> does.</summary>
    public static double Factor(double norm, double maximum) => Math.Min(1, maximum / (norm + 1e-6));

    private static double SumOfSquares(Tensor gradient)
    {
        // Row norms are short sums, so float32 suffices for them; a sum over 28 million float32 squares would not be.
        var rows = (gradient.dim() > 1 ? gradient.flatten(1) : gradient.unsqueeze(0)).norm(dim: 1);
        return rows.to(ScalarType.Float64).Squared().sum().item<double>();
    }

    private static unsafe double SumOfSquares(IReadOnlyList<Tensor> gradients)
    {
        var parts = new List<(nint Start, int Count)>();
        foreach (var gradient in gradients)
        {
            var (address, count) = ((nint)TensorMemory.Address(gradient), gradient.numel());
            for (long start = 0; start < count; start += FloatsPerPart) parts.Add((address + (nint)start * sizeof(float), (int)Math.Min(FloatsPerPart, count - start)));
        }
        var sums = new double[parts.Count];
        TorchTeam.Run(parts.Count, part => sums[part] = VectorMath.SumOfSquaresInDouble((float*)parts[part].Start, parts[part].Count));
        return sums.Sum();
    }
}
