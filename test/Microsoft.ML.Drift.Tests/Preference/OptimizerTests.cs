using Microsoft.ML.Drift.Preference;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

public sealed class OptimizerTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void RmsProp_FirstStep_MovesTenTimesTheRateWhateverTheGradient()
    {
        var weight = Weight("w", [1f, 1f], gradient: [0.5f, -20f]);
        using var optimizer = new RmsPropOptimizer([weight]);
        optimizer.Step(0.01);
        // v = 0.01 g², so g/√v = ±10: 1 ∓ 0.01 · 10.
        Close([0.9, 1.1], weight.Tensor);
    }

    [Fact]
    public void RmsProp_RateZero_StillRemembersTheGradient()
    {
        var weight = Weight("w", [1f], gradient: [1f]);
        using var optimizer = new RmsPropOptimizer([weight]);
        optimizer.Step(0);
        Close([1], weight.Tensor);
        optimizer.Step(0.01);
        // v = 0.99 · 0.01 + 0.01 = 0.0199; 1 − 0.01/√0.0199 = 0.92911.
        Close([1 - 0.01 / Math.Sqrt(0.0199)], weight.Tensor);
    }

    [Fact]
    public void AdamW_TwoSteps_FollowTheFormulaWithDecayFirst()
    {
        var weight = Weight("w", [2f], gradient: [1f]);
        using var optimizer = new AdamWOptimizer([weight], 0.9, 0.999, 1e-8, weightDecay: 0.5);
        optimizer.Step(0.1);
        // 2 · (1 − 0.05) − 0.1 · 1/1 = 1.8: bias correction makes the first step ±lr.
        Close([1.8], weight.Tensor);
        weight.Tensor.grad!.fill_(-1);
        optimizer.Step(0.1);
        // m = (0.09 − 0.1)/0.19 = −0.0526316, v = 1: 1.8 · 0.95 + 0.1 · 0.0526316.
        Close([1.71 + 0.1 * 0.01 / 0.19], weight.Tensor);
    }

    [Fact]
    public void AdamW_ParameterWithoutDecay_IsNotDecayed()
    {
        var bias = Weight("b", [2f], gradient: [0f]) with { Decays = false };
        using var optimizer = new AdamWOptimizer([bias], 0.9, 0.999, 1e-8, weightDecay: 0.5);
        optimizer.Step(0.1);
        Close([2], bias.Tensor);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ImportState_OfAnotherOptimizer_ContinuesBitForBit(bool adam)
    {
        var uninterrupted = Weight("w", [1f, -2f], gradient: [0.3f, 0.7f]);
        var resumed = Weight("w", [1f, -2f], gradient: [0.3f, 0.7f]);
        using var first = Create(adam, uninterrupted);
        using var before = Create(adam, resumed);
        using var after = Create(adam, resumed);
        first.Step(0.1);
        before.Step(0.1);
        var state = before.ExportState().ToDictionary(entry => entry.Name, entry => entry.Tensor);
        after.ImportState(before.StepCount, state.GetValueOrDefault);
        first.Step(0.1);
        after.Step(0.1);
        Assert.Equal(uninterrupted.Tensor.data<float>().ToArray(), resumed.Tensor.data<float>().ToArray());
        Assert.Equal(2, after.StepCount);
    }

    [Fact]
    public void ImportState_WrongShape_NamesTheTensor()
    {
        using var optimizer = new RmsPropOptimizer([Weight("w", [1f, 2f], gradient: [0f, 0f])]);
        var error = Assert.Throws<InvalidDataException>(() => optimizer.ImportState(1, _ => zeros(3)));
        Assert.Contains("w.square_avg", error.Message);
    }

    [Fact]
    public void Step_HundredTimes_LeavesNoTensorBehind()
    {
        var weight = Weight("w", [1f], gradient: [0.1f]);
        using var optimizer = new AdamWOptimizer([weight], 0.9, 0.999, 1e-8, 0.1);
        optimizer.Step(0.1);
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 100; i++) optimizer.Step(0.1);
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Norm_ThreeAndFour_IsFive_AndTheFactorBringsItToTheMaximum()
    {
        TrainedParameter[] parameters = [Weight("a", [0f, 0f], gradient: [3f, 0f]), Weight("b", [0f], gradient: [4f])];
        Assert.Equal(5, GradientClipping.Norm(parameters), 1e-9);
        Assert.Equal(1, GradientClipping.Factor(5, 10));
        Assert.Equal(1 / (5 + 1e-6), GradientClipping.Factor(5, 1)); // maximum / (norm + 1e-6)
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_GradientFactor_IsThatOfScaledGradients(bool adam)
    {
        var (whole, scaled) = (Weight("w", [1f, -2f, 3f], gradient: [3f, 4f, -5f]), Weight("w", [1f, -2f, 3f], gradient: [1.5f, 2f, -2.5f]));
        using var one = Create(adam, whole);
        using var other = Create(adam, scaled);
        one.Step(0.1, gradientFactor: 0.5);
        other.Step(0.1);
        Close(scaled.Tensor.data<float>().Select(value => (double)value).ToArray(), whole.Tensor);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_RowsWithGaps_AreUpdatedAsThoseWithout(bool adam)
    {
        // 70,000 weights are two pieces of the fused update; every second column of a tensor goes through libtorch's operators.
        using var mode = no_grad();
        var (values, gradients) = (randn(70_000, 1), randn(70_000, 1));
        var dense = new TrainedParameter("w", values.clone(), true);
        var sparse = new TrainedParameter("w", cat([values, values], 1).narrow(1, 0, 1), true);
        using var one = Create(adam, dense);
        using var other = Create(adam, sparse);
        for (var step = 0; step < 3; step++)
        {
            dense.Tensor.grad = gradients.clone();
            sparse.Tensor.grad = gradients.clone();
            one.Step(0.01, 0.25);
            other.Step(0.01, 0.25);
        }
        Assert.False(sparse.Tensor.is_contiguous());
        Assert.InRange((dense.Tensor - sparse.Tensor).abs().max().item<float>(), 0, 1e-6f);
        Assert.InRange((dense.Tensor - values).abs().max().item<float>(), 1e-3f, 1);
    }

    [Fact]
    public void Norm_ManySmallSquares_DoesNotLoseThemToFloat32()
    {
        var weight = new TrainedParameter("w", zeros(4096, 1024).requires_grad_(), true);
        weight.Tensor.grad = full([4096L, 1024L], 1e-3f);
        // √(4,194,304 · 1e-6) = 2.048
        Assert.Equal(2.048, GradientClipping.Norm([weight]), 1e-6);
    }

    [Fact]
    public void ZeroGradients_KeepsTheMemoryOnlyWhereEveryStepNeedsIt()
    {
        var always = Weight("a", [1f, 2f], gradient: [3f, 4f]) with { EveryStepReachesIt = true };
        var sometimes = Weight("s", [1f, 2f], gradient: [3f, 4f]);
        using var optimizer = new RmsPropOptimizer([always, sometimes]);
        optimizer.Reserve();
        var held = always.Tensor.grad!;

        optimizer.ZeroGradients();

        Close([0, 0], held);
        Assert.Null(sometimes.Tensor.grad);     // zeros would move what is remembered of it
        always.Tensor.grad!.fill_(1);
        Close([1, 1], held);
        optimizer.ReleaseGradients();
        Assert.Null(always.Tensor.grad);
    }

    private static ParameterOptimizer Create(bool adam, TrainedParameter weight) =>
        adam ? new AdamWOptimizer([weight], 0.9, 0.999, 1e-8, 0.1) : new RmsPropOptimizer([weight]);

    private static TrainedParameter Weight(string name, float[] values, float[] gradient)
    {
        var weight = tensor(values).requires_grad_();
        weight.grad = tensor(gradient);
        return new TrainedParameter(name, weight, Decays: true);
    }

    private static void Close(double[] expected, Tensor actual)
    {
        var values = actual.data<float>().ToArray();
        Assert.Equal(expected.Length, values.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], values[i], 1e-6);
    }
}
