using System.Runtime.Intrinsics;
using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>The fused kernels against libtorch's operators and its own differentiation, at widths that fill vectors and that do not.</summary>
public class FusedRowsTests
{
    public FusedRowsTests() => Assert.SkipUnless(Vector512.IsHardwareAccelerated, "This processor has no vectors of 512 bits: libtorch's operators run instead.");

    [Theory]
    [InlineData(1, 16, false)]
    [InlineData(5, 7, false)]
    [InlineData(900, 72, true)]     // several parts, whose sums make the weight's gradient
    [InlineData(300, 576, false)]
    public void Normalize_AndItsGradients_AreAutograds(int rows, int width, bool offset)
    {
        using var scope = NewDisposeScope();
        var norm = new NormSpecification(1e-5, offset);
        var (x, weight, gradient) = (Random(rows, width).requires_grad_(), Random(width).requires_grad_(), Random(rows, width));
        var expected = x * x.square().mean([-1], keepdim: true).add(1e-5).rsqrt() * (offset ? weight + 1 : weight);
        expected.backward([gradient]);
        using var mode = no_grad();

        Close(expected, FusedRows.Normalize(x, weight, norm, out var scale));
        Close(expected, FusedRows.ApplyNorm(x, weight, norm, scale));
        var (forInput, forWeight) = FusedRows.NormGradients(x, weight, norm, scale, gradient);
        Close(x.grad!, forInput);
        Close(weight.grad!, forWeight);
    }

    [Theory]
    [InlineData(Activation.Silu, 3, 5)]
    [InlineData(Activation.Silu, 70, 688)]
    [InlineData(Activation.GeluTanh, 3, 20)]
    [InlineData(Activation.GeluTanh, 70, 512)]
    public void Gate_AndItsGradient_AreAutograds(object kind, int rows, int width)
    {
        using var scope = NewDisposeScope();
        var (activation, both, gradient) = ((Activation)kind, Random(rows, 2 * width).mul(4).detach().requires_grad_(), Random(rows, width));
        var (gate, up) = (both.narrow(1, 0, width), both.narrow(1, width, width));
        var expected = (activation == Activation.Silu ? nn.functional.silu(gate) : nn.functional.gelu(gate, TorchSharp.Modules.GELU.Approximate.tanh)) * up;
        expected.backward([gradient]);
        using var mode = no_grad();

        Close(expected, FusedRows.Gate(both, activation));
        var place = both.detach().clone();
        FusedRows.GateGradientInPlace(place, gradient, activation);
        Close(both.grad!, place);
    }

    [Theory]
    [InlineData(4, 8)]      // partial rotation: half of each head stays
    [InlineData(32, 64)]
    public void Rotate_AndBack_TurnsPairsByTheirAngles(int half, int headSize)
    {
        using var scope = NewDisposeScope();
        const int tokens = 50, heads = 3;
        var (rows, angles) = (Random(tokens, heads * headSize + 5), Random(tokens, half));
        var turned = rows.clone();
        FusedRows.Rotate(turned, heads, headSize, angles.cos(), angles.sin(), inverse: false);
        for (var head = 0; head < heads; head++)
        {
            var (a, b) = (rows.narrow(1, head * headSize, half), rows.narrow(1, head * headSize + half, half));
            Close(a * angles.cos() - b * angles.sin(), turned.narrow(1, head * headSize, half));
            Close(b * angles.cos() + a * angles.sin(), turned.narrow(1, head * headSize + half, half));
            var rest = headSize - 2 * half;
            Assert.True(rows.narrow(1, head * headSize + 2 * half, rest).Equals(turned.narrow(1, head * headSize + 2 * half, rest)));
        }
        FusedRows.Rotate(turned, heads, headSize, angles.cos(), angles.sin(), inverse: true);
        Close(rows, turned);
    }

    [Fact]
    public void CanUse_WhatTheKernelsCannotRead_IsRefused()
    {
        using var scope = NewDisposeScope();
        var rows = Random(4, 32);
        Assert.True(FusedRows.CanUse(rows));
        Assert.False(FusedRows.CanUse(rows.t()));
        Assert.False(FusedRows.CanUse(rows.narrow(1, 0, 16)));
        Assert.False(FusedRows.CanUse(rows.to(ScalarType.BFloat16)));
        Assert.False(FusedRows.CanUse(rows.narrow(0, 0, 0)));
    }

    private static Tensor Random(params long[] shape) => randn(shape, generator: new Generator((ulong)shape.Sum()));

    private static void Close(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((expected - actual).abs().max().item<float>() / Math.Max(1e-3f, expected.abs().max().item<float>()), 0, 3e-6f);
    }
}
