using TorchSharp;
using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models;

public class TensorArithmeticTests
{
    [Fact]
    public void Arithmetic_AnyNumber_IsTheOperators()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { -1.5f, 0.25f, 3f });
        var y = tensor(new[] { 2f, 0.1f, -7f });

        Same(x + y, x.Plus(y));
        Same(x + 0.1, x.Plus(0.1));
        Same(x + 2, x.Plus(2));
        Same(x - 0.1, x.Minus(0.1));
        Same(0.1 - x, x.SubtractedFrom(0.1));
        Same(1 - x, x.SubtractedFrom(1));
        Same(x * 0.1, x.Times(0.1));
        Same(0.1f * x, x.Times(0.1f));
        Same(x / 3, x.DividedBy(3));
        Same(0.3 / x, x.DividedInto(0.3));
        Same(x.square(), x.Squared());
        Same(x.add(y, 0.3), x.PlusScaled(y, 0.3));
        Same(x.clamp_max(0.5), x.AtMost(0.5));
        Same(x.clamp(0, 1), x.ClampedToUnit());
        Same(full_like(x, 0.7), TensorArithmetic.FilledLike(x, 0.7));
    }

    [Fact]
    public void Arithmetic_WholeNumberOnIntegers_StaysInteger()
    {
        using var scope = NewDisposeScope();
        var n = TensorArithmetic.WholeNumbers(5);

        Assert.Equal([0L, 1, 2, 3, 4], n.data<long>().ToArray());
        Assert.Equal([0L, 3], TensorArithmetic.WholeNumbers(5, step: 3).data<long>().ToArray());
        Assert.Equal([1L, 2, 3, 4, 5], n.Plus(1).data<long>().ToArray());
        Assert.Equal([-1L, 0, 1, 2, 3], n.Minus(1).data<long>().ToArray());
        Assert.Equal([1L, 0, -1, -2, -3], n.SubtractedFrom(1).data<long>().ToArray());
        Assert.Equal([0L, 2, 1, 0, 2], n.Times(2).Modulo(3).data<long>().ToArray());
        Assert.Equal([9L, 9, 2, 3, 4], n.Masked(n.IsLessThan(2), 9).data<long>().ToArray());
        Assert.Equal([false, false, true, false, false], n.IsEqualTo(2).data<bool>().ToArray());
        Same(n + 0.5, n.Plus(0.5));
        Same(n / 2, n.DividedBy(2));
        Assert.Equal([false, true, true, true, false], n.IsBetween(1, 3).data<bool>().ToArray());
    }

    [Fact]
    public void InPlace_AnyNumber_IsTheOperators()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { -1.5f, 0.25f, 3f });
        var y = tensor(new[] { 2f, 0.1f, -7f });

        Same(x.clone().add_(0.1), x.clone().AddInPlace(0.1));
        Same(x.clone().add_(y, 0.1), x.clone().AddScaledInPlace(y, 0.1));
        Same(x.clone().mul_(0.1), x.clone().MultiplyInPlace(0.1));
        Same(x.clone().div_(0.1), x.clone().DivideInPlace(0.1));
        Same(x.clone().addcmul_(x, y, 0.1), x.clone().AddProductInPlace(x, y, 0.1));
        Same(x.clone().addcdiv_(x, y, 0.1), x.clone().AddQuotientInPlace(x, y, 0.1));
        Same(x.clone().masked_fill_(y > 0, 0.1), x.clone().MaskInPlace(y > 0, 0.1));
        Same(x.clone().fill_(0.1), x.clone().FillInPlace(0.1));
    }

    /// <summary>
    /// Another thread's garbage collections must not free a number while it is used. With TorchSharp's own operators in
    /// <c>Sum</c> this fails within the first seconds: a native exception, or another sum.
    /// </summary>
    [Fact]
    public void Arithmetic_WhileAnotherThreadCollects_KeepsItsNumbers()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                for (var i = 0; i < 100; i++) GC.KeepAlive(new byte[100]);
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            using var x = ones(4);
            var expected = Sum(x);
            for (var until = DateTime.UtcNow.AddSeconds(1.5); DateTime.UtcNow < until;) Assert.Equal(expected, Sum(x));
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }

    private static float Sum(Tensor x)
    {
        using var scope = NewDisposeScope();
        return x.Plus(0.25).Times(3.5).Minus(0.125).Plus(x).DividedBy(0.5).SubtractedFrom(2).Squared().sum().item<float>();
    }

    private static void Same(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.Equal(expected.to(ScalarType.Float64).data<double>().ToArray(), actual.to(ScalarType.Float64).data<double>().ToArray());
    }
}
