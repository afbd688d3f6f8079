using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Hidden states → logits, some columns of the vocabulary at a time, with a way back.</summary>
internal abstract class OutputHead
{
    /// <summary>V.</summary>
    public abstract long VocabularySize { get; }

    /// <summary>How many columns to ask for at a time.</summary>
    public abstract long ChunkWidth { get; }

    /// <summary>The logits of the ids from <paramref name="start"/> to <paramref name="end"/>. Their memory is the caller's, who may write the gradient into it.</summary>
    /// <param name="hidden">[n, C] after the final norm, without graph.</param>
    /// <param name="start">The first id.</param>
    /// <param name="end">The id after the last.</param>
    /// <param name="differentiable">Whether the way back will be taken. It adds to the parameters' gradients and returns [n, C].</param>
    /// <returns>[n, end − start] float32.</returns>
    public abstract Traced Logits(Tensor hidden, long start, long end, bool differentiable);

    /// <summary>A head that libtorch differentiates, all columns at once.</summary>
    /// <param name="function">[n, C] → [n, V] float32.</param>
    /// <param name="vocabularySize">V.</param>
    public static OutputHead Of(Func<Tensor, Tensor> function, long vocabularySize) => new FunctionHead(function, vocabularySize);

    private sealed class FunctionHead(Func<Tensor, Tensor> function, long vocabularySize) : OutputHead
    {
        public override long VocabularySize => vocabularySize;

        public override long ChunkWidth => vocabularySize;

        public override Traced Logits(Tensor hidden, long start, long end, bool differentiable)
        {
            using var mode = set_grad_enabled(differentiable);
            var leaf = hidden.detach().requires_grad_(differentiable);
            var logits = function(leaf);
            return new(logits.detach(), gradient =>
            {
                using var backward = enable_grad();
                logits.backward([gradient]);
                return leaf.grad!;
            });
        }
    }
}

/// <summary>A product with a matrix [V, C], then the last elementwise steps.</summary>
/// <param name="weight">The output projection, or the input embedding where they are tied.</param>
/// <param name="specification">Divisor and soft cap of the logits.</param>
/// <param name="computeDtype">Type of the product.</param>
internal sealed class MatrixHead(Parameter weight, DecoderSpecification specification, ScalarType computeDtype) : OutputHead
{
    public override long VocabularySize => specification.VocabularySize;

    /// <summary>Measured: the product is fastest while logits and weights of a chunk stay in the cache, and where rows are not a power of two apart.</summary>
    public override long ChunkWidth => 3136;

    public override Traced Logits(Tensor hidden, long start, long end, bool differentiable)
    {
        using var mode = no_grad();
        var input = hidden.to(computeDtype);
        var logits = Finish(MatrixProduct.Apply(input, Rows(start, end)));
        var slope = differentiable && specification.LogitsSoftCap is { } cap ? Slope(logits, cap) : null;
        return new(logits, gradient => Back(input, gradient, slope, start, end).to(hidden.dtype));
    }

    private Tensor Finish(Tensor product)
    {
        using var scope = NewDisposeScope();
        var logits = specification.LogitsDivisor == 1 ? product : product.DividedBy(specification.LogitsDivisor);
        if (specification.LogitsSoftCap is { } cap) logits = logits.DividedBy(cap).tanh_().MultiplyInPlace(cap);
        return logits.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    // The derivative of c · tanh(x / c), from its value.
    private static Tensor Slope(Tensor logits, double cap)
    {
        using var scope = NewDisposeScope();
        return logits.DividedBy(cap).Squared().SubtractedFrom(1).MoveToOuterDisposeScope();
    }

    private Tensor Back(Tensor input, Tensor gradient, Tensor? slope, long start, long end)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        if (slope is not null) gradient = gradient * slope;
        if (specification.LogitsDivisor != 1) gradient = gradient.DividedBy(specification.LogitsDivisor);
        var typed = gradient.to(computeDtype);
        if (weight.requires_grad) MatrixProduct.AccumulateWeightGradient(typed, input, weight, start);
        return MatrixProduct.InputGradient(typed, Rows(start, end)).MoveToOuterDisposeScope();
    }

    private Tensor Rows(long start, long end) => weight.detach().narrow(0, start, end - start).to(computeDtype);
}
