using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A value, and the way of a gradient back through what made it: parameters' gradients are added where they belong, and the gradient of the input is returned.
/// </summary>
/// <remarks>
/// The training pass is built of these rather than of libtorch's graph, so that each step decides what it keeps and what it computes once more: a
/// normalised input, say, is cheaper computed again than held. <see cref="Back"/> is called at most once, may overwrite the gradient it is given, and runs without graph.
/// </remarks>
/// <param name="Value">The value.</param>
/// <param name="Back">Gradient of the value → gradient of the input.</param>
internal readonly record struct Traced(Tensor Value, Func<Tensor, Tensor> Back)
{
    /// <summary>Anything libtorch differentiates: its graph is kept, and parameters on the way get their gradients from it.</summary>
    /// <param name="function">Input → value.</param>
    /// <param name="input">A value without graph.</param>
    /// <param name="pass">The pass it belongs to.</param>
    public static Traced Through(Func<Tensor, Tensor> function, Tensor input, TrainingPass pass)
    {
        if (!pass.Records)
        {
            return new(function(input), _ => throw new InvalidOperationException("The pass was made without a way back."));
        }
        using var mode = enable_grad();
        var leaf = pass.Keep(input.detach().requires_grad_(true));
        var value = pass.Keep(function(leaf));
        return new(value.detach(), gradient =>
        {
            using var backward = enable_grad();
            value.backward([gradient.to(value.dtype)]);
            return leaf.grad!;
        });
    }

    /// <summary>Adds to a parameter's gradient; the first one is taken over, not copied.</summary>
    public static void Accumulate(TorchSharp.Modules.Parameter parameter, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        if (parameter.grad is { } sum) sum.add_(gradient, TensorArithmetic.One);
        else parameter.grad = gradient.to(parameter.dtype).contiguous();
    }
}
