using Microsoft.ML.Drift.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

/// <summary>Products and their gradients against double precision, over numbers of rows that fill tiles, blocks and parts and that do not.</summary>
public class MatrixProductTests
{
    // Widths of real layers and of pieces of a vocabulary: with some of them a library gave wrong numbers for some numbers of rows.
    [Theory]
    [InlineData(1376, 256)]
    [InlineData(3136, 64)]
    [InlineData(576, 1536)]
    [InlineData(100, 48)]
    [InlineData(7, 16)]
    [InlineData(33, 20)]
    public void Products_AnyNumberOfRows_AreThoseOfDoublePrecision(int outputs, int inputs)
    {
        var random = new Random(outputs);
        int[] counts = [1, 5, 6, 47, 48, 75, 128, 129, 197, 316, .. Enumerable.Range(0, 6).Select(_ => random.Next(2, 400))];
        foreach (var rows in counts)
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var (x, weight, gradient) = (randn(rows, inputs), randn(outputs, inputs), randn(rows, outputs));
            var (x64, weight64, gradient64) = (x.to(ScalarType.Float64), weight.to(ScalarType.Float64), gradient.to(ScalarType.Float64));
            Close($"{rows} rows", x64.matmul(weight64.t()), MatrixProduct.Apply(x, weight));
            Close($"{rows} rows, input", gradient64.matmul(weight64), MatrixProduct.InputGradient(gradient, weight));
            var parameter = new Parameter(weight);
            MatrixProduct.AccumulateWeightGradient(gradient, x, parameter);
            Close($"{rows} rows, weight", gradient64.t().matmul(x64), parameter.grad!);
            MatrixProduct.AccumulateWeightGradient(gradient, x, parameter);
            Close($"{rows} rows, weight twice", gradient64.t().matmul(x64).mul(2), parameter.grad!);
        }
    }

    [Fact]
    public void AccumulateWeightGradient_OfSomeRows_LeavesTheOthersAt0()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (x, gradient, parameter) = (ones(3, 16), ones(3, 2), new Parameter(zeros(5, 16)));
        MatrixProduct.AccumulateWeightGradient(gradient, x, parameter, start: 2);
        MatrixProduct.AccumulateWeightGradient(gradient, x, parameter, start: 3);
        Assert.Equal([0f, 0, 3, 6, 3], parameter.grad!.select(1, 7).data<float>().ToArray());
    }

    private static void Close(string what, Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((expected - actual).abs().max().item<double>() <= 1e-6 * Math.Max(1, expected.abs().max().item<double>()) * 4, what);
    }
}
