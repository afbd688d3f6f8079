using System.Runtime.Intrinsics;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// AdamW as <c>torch.optim.AdamW</c>: decay <c>p ← p(1 − lr · wd)</c> first, then
/// <c>p ← p − lr · m̂ / (√v̂ + ε)</c> with bias-corrected moments. Loshchilov and Hutter, arXiv 1711.05101, Algorithm 2.
/// </summary>
internal sealed class AdamWOptimizer(
    IReadOnlyList<TrainedParameter> parameters, double beta1, double beta2, double epsilon, double weightDecay) : ParameterOptimizer(parameters)
{
    protected override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq"];

    protected override void Update(TrainedParameter parameter, Tensor gradient, Tensor[] state, double learningRate)
    {
        if (parameter.Decays && weightDecay != 0) parameter.Tensor.MultiplyInPlace(1 - learningRate * weightDecay);
        var mean = state[0].MultiplyInPlace(beta1).AddScaledInPlace(gradient, 1 - beta1);
        var meanSquare = state[1].MultiplyInPlace(beta2).AddProductInPlace(gradient, gradient, 1 - beta2);
        var correction1 = 1 - Math.Pow(beta1, StepCount);
        var correction2 = Math.Sqrt(1 - Math.Pow(beta2, StepCount));
        parameter.Tensor.AddQuotientInPlace(mean, meanSquare.sqrt().DivideInPlace(correction2).AddInPlace(epsilon), -learningRate / correction1);
    }

    protected override unsafe void Update(Piece piece, double learningRate, float gradientFactor)
    {
        var (factor, kept) = (Vector512.Create(gradientFactor), Vector512.Create((float)(piece.Decays ? 1 - learningRate * weightDecay : 1)));
        var (meanKept, meanTaken) = (Vector512.Create((float)beta1), Vector512.Create((float)(1 - beta1)));
        var (squareKept, squareTaken) = (Vector512.Create((float)beta2), Vector512.Create((float)(1 - beta2)));
        var rate = Vector512.Create((float)(learningRate / (1 - Math.Pow(beta1, StepCount))));
        var (correction, small) = (Vector512.Create((float)Math.Sqrt(1 - Math.Pow(beta2, StepCount))), Vector512.Create((float)epsilon));
        var weights = (float*)piece.Weights;
        var gradients = (float*)piece.Gradients;
        var means = (float*)piece.FirstState;
        var squares = (float*)piece.SecondState;
        for (var i = 0; i < piece.Count; i += Vector512<float>.Count)
        {
            var gradient = VectorMath.Load(gradients, i, piece.Count) * factor;
            var mean = VectorMath.Load(means, i, piece.Count) * meanKept + gradient * meanTaken;
            var square = VectorMath.Load(squares, i, piece.Count) * squareKept + gradient * gradient * squareTaken;
            VectorMath.Store(means, i, piece.Count, mean);
            VectorMath.Store(squares, i, piece.Count, square);
            var weight = VectorMath.Load(weights, i, piece.Count) * kept;
            VectorMath.Store(weights, i, piece.Count, weight - rate * (mean / (Vector512.Sqrt(square) / correction + small)));
        }
    }
}
