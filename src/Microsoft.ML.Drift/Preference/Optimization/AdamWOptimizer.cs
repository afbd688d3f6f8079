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
}
