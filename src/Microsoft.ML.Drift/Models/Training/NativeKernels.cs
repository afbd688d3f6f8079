using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Operators of libtorch that TorchSharp has no method for, called through TorchScript. All run without graph.</summary>
internal static class NativeKernels
{
#pragma warning disable RS0030 // What is dangerous is a number that goes through TorchScript: its native scalar may be freed during the call. Here tensors go, and nothing else.
    private static readonly Lazy<jit.CompilationUnit> s_kernels = new(() => jit.compile(Source));

    private const string Source = """
        def attend(q, k, v, scale, mask):
            return torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, False, attn_mask=mask, scale=float(scale))

        def attend_causally(q, k, v, scale):
            return torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, True, scale=float(scale))

        def attention_gradients(g, q, k, v, out, lse, scale, mask):
            return torch._scaled_dot_product_flash_attention_for_cpu_backward(g, q, k, v, out, lse, 0.0, False, attn_mask=mask, scale=float(scale))

        def causal_attention_gradients(g, q, k, v, out, lse, scale):
            return torch._scaled_dot_product_flash_attention_for_cpu_backward(g, q, k, v, out, lse, 0.0, True, scale=float(scale))

        def silu_gradient(g, x):
            return torch.silu_backward(g, x)

        def gelu_gradient(g, x):
            return torch.gelu_backward(g, x)

        def gelu_tanh_gradient(g, x):
            return torch.gelu_backward(g, x, approximate="tanh")

        """;

    /// <summary>softmax(q kᵀ · scale + mask) v on the CPU without the matrix of scores, and the logarithm of each query's normaliser.</summary>
    /// <param name="queries">[B, H, T, D].</param>
    /// <param name="keys">[B, H, S, D].</param>
    /// <param name="values">[B, H, S, D].</param>
    /// <param name="scale">Factor of the scores, a tensor without dimensions.</param>
    /// <param name="mask">[1, 1, T, S], added to the scores; null: each query sees the keys up to its own index.</param>
    public static (Tensor Output, Tensor Normalizers) Attend(Tensor queries, Tensor keys, Tensor values, Tensor scale, Tensor? mask) =>
        ((Tensor, Tensor))(mask is null
            ? s_kernels.Value.invoke("attend_causally", queries, keys, values, scale)
            : s_kernels.Value.invoke("attend", queries, keys, values, scale, mask));

    /// <summary>The gradients of <see cref="Attend"/>'s queries, keys and values.</summary>
    public static (Tensor Queries, Tensor Keys, Tensor Values) AttentionGradients(
        Tensor gradient, Tensor queries, Tensor keys, Tensor values, Tensor output, Tensor normalizers, Tensor scale, Tensor? mask) =>
        ((Tensor, Tensor, Tensor))(mask is null
            ? s_kernels.Value.invoke("causal_attention_gradients", gradient, queries, keys, values, output, normalizers, scale)
            : s_kernels.Value.invoke("attention_gradients", gradient, queries, keys, values, output, normalizers, scale, mask));

    /// <summary>The gradient of silu's input.</summary>
    public static Tensor SiluGradient(Tensor gradient, Tensor input) => (Tensor)s_kernels.Value.invoke("silu_gradient", gradient, input);

    /// <summary>The gradient of gelu's input.</summary>
    public static Tensor GeluGradient(Tensor gradient, Tensor input, bool tanh) => (Tensor)s_kernels.Value.invoke(tanh ? "gelu_tanh_gradient" : "gelu_gradient", gradient, input);
}
