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
}
