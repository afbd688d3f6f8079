using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>x Wᵀ and its gradients, by the faster of libtorch's two libraries.</summary>
/// <remarks>
/// libtorch hands matrix products to MKL, which uses 512-bit registers on Intel's processors alone, and convolutions to oneDNN, which uses them wherever they are. A
/// 1×1 convolution over an image of one pixel per token is the same product: on AMD's Zen 5 it runs at twice the speed. The choice depends on the
/// processor and the number of rows alone, never on a measurement, so that a resumed run repeats every bit.
/// </remarks>
internal static class MatrixProduct
{
    /// <summary>Fewer rows than these are as fast as plain products.</summary>
    public const int FewestRows = 48;

    private static readonly bool s_convolutionIsFaster = Avx512F.IsSupported && !IsIntel();

    /// <summary>Whether the product of so many rows goes through a convolution.</summary>
    public static bool UsesConvolution(long rows, Tensor weight) =>
        s_convolutionIsFaster && rows >= FewestRows && weight.dtype == ScalarType.Float32 && weight.device_type == DeviceType.CPU;

    /// <summary>x Wᵀ without graph.</summary>
    /// <param name="x">[T, in], contiguous.</param>
    /// <param name="weight">[out, in], of the same type.</param>
    /// <returns>[T, out].</returns>
    public static Tensor Apply(Tensor x, Tensor weight) =>
        UsesConvolution(x.shape[0], weight) ? ByConvolution(x, weight) : nn.functional.linear(x, weight);

    /// <summary>The gradients of <see cref="Apply"/>'s operands.</summary>
    /// <param name="gradient">[T, out].</param>
    /// <param name="x">[T, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="ofWeight">Whether the weight's is wanted.</param>
    /// <returns>[T, in], and [out, in] or null.</returns>
    public static (Tensor Input, Tensor? Weight) Gradients(Tensor gradient, Tensor x, Tensor weight, bool ofWeight)
    {
        using var scope = NewDisposeScope();
        var (input, forWeight) = UsesConvolution(x.shape[0], weight)
            ? GradientsByConvolution(gradient, x, weight, ofWeight)
            : (gradient.matmul(weight), ofWeight ? gradient.t().matmul(x) : null);
        return (input.MoveToOuterDisposeScope(), forWeight?.MoveToOuterDisposeScope());
    }

    internal static Tensor ByConvolution(Tensor x, Tensor weight)
    {
        using var scope = NewDisposeScope();
        return Rows(nn.functional.conv2d(Image(x), Kernel(weight))).MoveToOuterDisposeScope();
    }

    internal static (Tensor Input, Tensor? Weight) GradientsByConvolution(Tensor gradient, Tensor x, Tensor weight, bool ofWeight)
    {
        if (!ofWeight) return (Rows(NativeKernels.InputGradient(Image(gradient), Image(x), Kernel(weight))), null);
        var (input, kernel) = NativeKernels.ProductGradients(Image(gradient), Image(x), Kernel(weight));
        return (Rows(input), kernel.view(weight.shape));
    }

    // [T, C] as an image [1, C, T, 1] with the channels of a pixel side by side: a view.
    private static Tensor Image(Tensor rows) => rows.view(1, rows.shape[0], 1, rows.shape[1]).permute(0, 3, 1, 2);

    private static Tensor Rows(Tensor image) => image.permute(0, 2, 3, 1).reshape(image.shape[2], image.shape[1]);

    private static Tensor Kernel(Tensor weight) => weight.view(weight.shape[0], weight.shape[1], 1, 1);

    private static bool IsIntel()
    {
        if (!X86Base.IsSupported) return false;
        var (_, b, c, d) = X86Base.CpuId(0, 0);
        return (b, d, c) == (0x756e6547, 0x49656e69, 0x6c65746e); // "Genu" "ineI" "ntel"
    }
}
