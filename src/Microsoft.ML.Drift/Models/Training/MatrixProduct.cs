using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>x Wᵀ and its gradients, by kernels of our own where libtorch's are slow.</summary>
/// <remarks>
/// libtorch hands matrix products to MKL, which uses 512-bit registers on Intel's processors alone: on AMD's Zen 5 that is half the speed. (Its way to oneDNN, a 1×1 convolution, is as fast as ours, but
/// gave wrong numbers there for some widths and numbers of rows.) The choice depends on the processor, never on a measurement, so that a resumed run repeats every bit.
/// </remarks>
internal static class MatrixProduct
{
    private static readonly bool s_oursAreFaster = Vector512.IsHardwareAccelerated && RowProducts.IsSupported && !IsIntel();

    /// <summary>x Wᵀ without graph.</summary>
    /// <param name="x">[T, in].</param>
    /// <param name="weight">[out, in], of the same type.</param>
    /// <param name="allocate">Width → where float32 products in main memory go; null: wherever libtorch puts them.</param>
    /// <returns>[T, out].</returns>
    public static Tensor Apply(Tensor x, Tensor weight, Func<long, Tensor>? allocate = null) => CanUseOurs(x, weight) ? ByRows(x, weight, allocate) : nn.functional.linear(x, weight);

    /// <summary>The gradient of <see cref="Apply"/>'s x.</summary>
    /// <param name="gradient">[T, out].</param>
    /// <param name="weight">[out, in].</param>
    /// <returns>[T, in].</returns>
    public static Tensor InputGradient(Tensor gradient, Tensor weight) => CanUseOurs(gradient, weight) ? InputGradientByBlocks(gradient, weight) : gradient.matmul(weight);

    /// <summary>Adds the gradient of <see cref="Apply"/>'s weight to a parameter's.</summary>
    /// <param name="gradient">[T, out].</param>
    /// <param name="x">[T, in].</param>
    /// <param name="parameter">The weight, or one of which it is some rows.</param>
    /// <param name="start">The first of those rows.</param>
    public static void AccumulateWeightGradient(Tensor gradient, Tensor x, Parameter parameter, long start = 0)
    {
        using var scope = NewDisposeScope();
        var (rows, whole) = (gradient.shape[1], start == 0 && gradient.shape[1] == parameter.shape[0]);
        var sum = parameter.grad;
        if (!CanUseOurs(gradient, x) || parameter.dtype != ScalarType.Float32)
        {
            var product = gradient.t().matmul(x);
            if (whole) Traced.Accumulate(parameter, product);
            else (sum ?? (parameter.grad = zeros_like(parameter))).narrow(0, start, rows).add_(product, TensorArithmetic.One);
            return;
        }
        if (sum is null) parameter.grad = sum = whole ? empty_like(parameter) : zeros_like(parameter);
        else whole = false;
        AddWeightGradientByBlocks(gradient, x, sum.narrow(0, start, rows), add: !whole);
    }

    internal static unsafe Tensor ByRows(Tensor x, Tensor weight, Func<long, Tensor>? allocate = null)
    {
        var result = allocate?.Invoke(weight.shape[0]) ?? empty([x.shape[0], weight.shape[0]], ScalarType.Float32);
        var (from, by, to) = (new FloatRows(x), new FloatRows(weight), new FloatRows(result));
        var (count, rowsPerPart) = ((int)from.Count, Math.Min((int)from.Count, RowProducts.RowsPerBlock(from.Width)));
        var columnsPerPart = Math.Max(FewestColumns, to.Width / (8 * get_num_threads()) / RowProducts.TileColumns * RowProducts.TileColumns);
        var columnParts = (to.Width + columnsPerPart - 1) / columnsPerPart;
        TorchTeam.Run(columnParts * ((count + rowsPerPart - 1) / rowsPerPart), part =>
        {
            var (row, column) = (part / columnParts * rowsPerPart, part % columnParts * columnsPerPart);
            RowProducts.Multiply(
                from[row], from.Width, Math.Min(rowsPerPart, count - row), by[0], by.Width, column, Math.Min(columnsPerPart, to.Width - column), to[row] + column, to.Width);
        });
        return result;
    }

    internal static unsafe Tensor InputGradientByBlocks(Tensor gradient, Tensor weight)
    {
        var result = empty([gradient.shape[0], weight.shape[1]], ScalarType.Float32);
        var (given, by, to) = (new FloatRows(gradient), new FloatRows(weight), new FloatRows(result));
        BlockProduct.Multiply(given[0], given.Width, 1, by[0], to[0], (int)given.Count, to.Width, given.Width, add: false);
        return result;
    }

    /// <param name="gradient">[T, out].</param>
    /// <param name="x">[T, in].</param>
    /// <param name="sum">[out, in].</param>
    /// <param name="add">Add to what it holds.</param>
    internal static unsafe void AddWeightGradientByBlocks(Tensor gradient, Tensor x, Tensor sum, bool add)
    {
        var (given, from, to) = (new FloatRows(gradient), new FloatRows(x), new FloatRows(sum));
        BlockProduct.Multiply(given[0], 1, given.Width, from[0], to[0], given.Width, to.Width, (int)from.Count, add);
    }

    private const int FewestColumns = 10 * RowProducts.TileColumns;

    // The blocks write whole vectors of columns; every real model's widths are multiples of 16.
    private static bool CanUseOurs(Tensor one, Tensor other) =>
        s_oursAreFaster && FusedRows.CanUse(one) && FusedRows.CanUse(other) && other.shape[^1] % PanelProduct.Lanes == 0;

    private static bool IsIntel()
    {
        if (!X86Base.IsSupported) return false;
        var (_, b, c, d) = X86Base.CpuId(0, 0);
        return (b, d, c) == (0x756e6547, 0x49656e69, 0x6c65746e); // "Genu" "ineI" "ntel"
    }
}
