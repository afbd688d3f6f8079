using System.Runtime.Intrinsics;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// RMSprop as <c>torch.optim.RMSprop</c> with its defaults: <c>v ← 0.99 v + 0.01 g²; p ← p − lr · g / (√v + 1e-8)</c>. No bias correction, no
/// momentum, not centred; ε outside the root. Weight decay, if any, is added to the gradient: <c>g ← g + wd · p</c>. Hinton, "Neural Networks for Machine Learning", lecture 6e.
/// </summary>
/// <remarks>v starts at 0, so the first step moves each weight by up to ten times the learning rate.</remarks>
internal sealed class RmsPropOptimizer(IReadOnlyList<TrainedParameter> parameters, double weightDecay = 0) : ParameterOptimizer(parameters)
{
    private const double Smoothing = 0.99;
    private const double Epsilon = 1e-8;

    protected override IReadOnlyList<string> StateNames => ["square_avg"];

    protected override void Update(TrainedParameter parameter, Tensor gradient, Tensor[] state, double learningRate)
    {
        if (parameter.Decays && weightDecay != 0) gradient = gradient.PlusScaled(parameter.Tensor, weightDecay);
        var meanSquare = state[0].MultiplyInPlace(Smoothing).AddProductInPlace(gradient, gradient, 1 - Smoothing);
        parameter.Tensor.AddQuotientInPlace(gradient, meanSquare.sqrt().AddInPlace(Epsilon), -learningRate);
    }

    protected override unsafe void Update(Piece piece, double learningRate, float gradientFactor)
    {
        var (factor, decay, rate) = (Vector512.Create(gradientFactor), Vector512.Create(piece.Decays ? (float)weightDecay : 0), Vector512.Create((float)learningRate));
        var (smoothing, rest, epsilon) = (Vector512.Create((float)Smoothing), Vector512.Create((float)(1 - Smoothing)), Vector512.Create((float)Epsilon));
        var weights = (float*)piece.Weights;
        var gradients = (float*)piece.Gradients;
        var squares = (float*)piece.FirstState;
        for (var i = 0; i < piece.Count; i += Vector512<float>.Count)
        {
            var weight = VectorMath.Load(weights, i, piece.Count);
            var gradient = VectorMath.Load(gradients, i, piece.Count) * factor + weight * decay;
            var square = VectorMath.Load(squares, i, piece.Count) * smoothing + gradient * gradient * rest;
            VectorMath.Store(squares, i, piece.Count, square);
            VectorMath.Store(weights, i, piece.Count, weight - rate * (gradient / (Vector512.Sqrt(square) + epsilon)));
        }
    }
}
