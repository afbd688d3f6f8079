using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using Microsoft.ML.Drift.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

public class LoraDropoutTests
{
    private static readonly DpoTrainer.Options Options = TinyTraining.Options with { BatchSize = 2, NumberOfEpochs = 3 };

    [Fact]
    public void Run_WithDropout_DiffersFromNoneAndRepeatsItself()
    {
        var with = Train(0.3);

        Assert.Equal(with, Train(0.3));
        Assert.NotEqual(with, Train(0));
        Assert.NotEqual(with, Train(0.3, Options with { Seed = 7 }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_Checkpointed_DropsTheSameInputsAgain(bool dora)
    {
        var plain = Train(0.3, dora: dora);
        var checkpointed = Train(0.3, Options with { GradientCheckpointing = true }, dora);

        Assert.InRange(plain.Zip(checkpointed, (a, b) => Math.Abs(a - b)).Max(), 0, 2e-5);
    }

    [Fact]
    public void Run_StoppedAndResumed_IsBitIdentical()
    {
        using var uninterrupted = Training(0.3, Options);
        uninterrupted.Loop.Run();

        using var stopped = Training(0.3, Options);
        stopped.Loop.Run(until: 5);
        using var state = stopped.Loop.Save();
        using var resumed = Training(0.3, Options);
        Copy(stopped.Policy, resumed.Policy);
        resumed.Loop.Load(state);
        resumed.Loop.Run();

        Assert.Equal(Weights(uninterrupted.Policy), Weights(resumed.Policy));
    }

    /// <summary>Of 64 × 1000 ones a quarter becomes 0 and the others 4/3, so that the mean stays 1.</summary>
    [Fact]
    public void Forward_Dropout_DropsTheShareAndScalesTheRest()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = TinyModels.Create();
        model.AddAdapter(new() { Rank = 1, Alpha = 1, Dropout = 0.25, TargetModules = ["q_proj"] }, seed: 1);
        var adapter = model.Decoder.Adapter!;
        var width = adapter.Tensors.First(slice => slice.Name.EndsWith("lora_A.weight", StringComparison.Ordinal)).Shape[1];
        // A of ones and B of ones: each output is the sum of the inputs that are left.
        foreach (var slice in adapter.Tensors) slice.View().fill_(1);
        var delta = model.Decoder.Projections.SelectMany(projection => projection.Deltas).First();
        var (x, product) = (ones(1000, width), zeros(1000, delta.Target.Shape[0]));

        var whole = delta.forward(x, product)[.., 0];
        Tensor dropped, again, other;
        using (adapter.WithDropout(1)) (dropped, again) = (delta.forward(x, product)[.., 0], delta.forward(x, product)[.., 0]);
        using (adapter.WithDropout(2)) other = delta.forward(x, product)[.., 0];

        Assert.All(whole.data<float>().ToArray(), sum => Assert.Equal(width, sum));
        Assert.Equal(dropped.data<float>().ToArray(), again.data<float>().ToArray());
        Assert.NotEqual(dropped.data<float>().ToArray(), other.data<float>().ToArray());
        // The sum of n inputs kept with probability 3/4 and counted 4/3 has standard deviation √(n/3); of 1000 rows' mean a 31st of that.
        Assert.Equal(width, dropped.mean().item<float>(), 5 * Math.Sqrt(width / 3.0) / Math.Sqrt(1000));
        Assert.InRange(dropped.std().item<float>() / Math.Sqrt(width / 3.0), 0.9, 1.1);
    }

    [Fact]
    public void AddAdapter_DropoutOfLmHeadOrOutOfRange_IsRefused()
    {
        using var model = TinyModels.Create();

        Assert.Contains("lm_head", Assert.Throws<ArgumentException>(() => model.AddAdapter(new() { Dropout = 0.1, TargetModules = ["lm_head"] }, seed: 1)).Message);
        Assert.Contains("Dropout is 1;", Assert.Throws<ArgumentException>(() => model.AddAdapter(new() { Dropout = 1 }, seed: 1)).Message);
    }

    private static float[] Train(double dropout, DpoTrainer.Options? options = null, bool dora = false)
    {
        using var training = Training(dropout, options ?? Options, dora);
        training.Loop.Run();
        return Weights(training.Policy);
    }

    private static TinyTraining Training(double dropout, DpoTrainer.Options options, bool dora = false) =>
        new(options, lora: new() { Rank = 2, Dropout = dropout, UseDora = dora });

    private static float[] Weights(CausalLM policy)
    {
        using var scope = NewDisposeScope();
        return cat([.. policy.Decoder.Adapter!.Tensors.Select(slice => slice.View().detach().flatten())]).data<float>().ToArray();
    }

    private static void Copy(CausalLM from, CausalLM to)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        foreach (var (source, target) in from.Decoder.Adapter!.Tensors.Zip(to.Decoder.Adapter!.Tensors)) target.View().copy_(source.View());
    }
}
