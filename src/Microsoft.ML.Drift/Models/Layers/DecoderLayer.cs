using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Attention, then feed-forward, each added to the residual stream, with norms where the family has them.</summary>
internal sealed class DecoderLayer : nn.Module
{
    private readonly double _residualMultiplier;
    private readonly Attention self_attn;
    private readonly FeedForward? mlp;
    private readonly MixtureOfExperts? experts;
    private readonly RmsNorm? before_attention;
    private readonly RmsNorm? after_attention;
    private readonly RmsNorm? before_feed_forward;
    private readonly RmsNorm? after_feed_forward;

    public DecoderLayer(int index, DecoderSpecification decoder, ParameterStorage storage) : base(nameof(DecoderLayer))
    {
        var (name, specification) = ($"model.layers.{index}", decoder.Layers[index]);
        _residualMultiplier = specification.ResidualMultiplier;
        self_attn = new($"{name}.self_attn", index, decoder, storage);
        if (specification.FeedForward.Experts is null) mlp = new($"{name}.mlp", decoder.HiddenSize, specification.FeedForward, storage);
        else experts = new($"{name}.mlp", decoder.HiddenSize, specification.FeedForward, storage);
        var norms = specification.Norms;
        before_attention = Norm(norms.BeforeAttention);
        after_attention = Norm(norms.AfterAttention);
        before_feed_forward = Norm(norms.BeforeFeedForward);
        after_feed_forward = Norm(norms.AfterFeedForward);
        RegisterComponents();

        RmsNorm? Norm(string? norm) => norm is null ? null : new($"{name}.{norm}", decoder.HiddenSize, decoder.Norm, storage);
    }

    internal Attention Attention => self_attn;
    internal FeedForward? FeedForward => mlp;
    internal RmsNorm? BeforeAttention => before_attention;
    internal RmsNorm? AfterAttention => after_attention;
    internal RmsNorm? BeforeFeedForward => before_feed_forward;
    internal RmsNorm? AfterFeedForward => after_feed_forward;

    /// <param name="x">[B, T, C].</param>
    /// <param name="pass">What the layers share.</param>
    /// <returns>[B, T, C]; the caller disposes of it.</returns>
    public Tensor forward(Tensor x, ForwardPass pass)
    {
        using var scope = NewDisposeScope();
        var attended = self_attn.forward(Normalize(x, before_attention), pass);
        var between = Add(x, Normalize(attended, after_attention));
        var input = Normalize(between, before_feed_forward).to(pass.ComputeDtype);
        var fed = mlp is not null ? mlp.forward(input) : experts!.forward(input);
        return Add(between, Normalize(fed, after_feed_forward)).MoveToOuterDisposeScope();
    }

    /// <summary>The same for packed sequences, with a way back.</summary>
    /// <param name="x">[T, C] float32 without graph; stays as it is until the way back is done.</param>
    /// <param name="pass">What the layers share.</param>
    public Traced Trace(Tensor x, TrainingPass pass)
    {
        var attended = Branch(x, before_attention, after_attention, pass, (input, again) => self_attn.Trace(input, again, pass));
        var between = pass.Keep(Add(x, attended.Value, pass.NewKept));
        var fed = Branch(between, before_feed_forward, after_feed_forward, pass,
            (input, again) => mlp is not null ? mlp.Trace(input, again, pass) : experts!.Trace(input, pass));
        return new(Add(between, fed.Value, pass.NewLayerInput), gradient => AddBack(AddBack(gradient, fed), attended));
    }

    private static Traced Branch(Tensor x, RmsNorm? before, RmsNorm? after, TrainingPass pass, Func<Tensor, Func<Tensor>, Traced> inner)
    {
        var (input, again) = before is null ? (new Traced(x, gradient => gradient), () => x) : before.Trace(x, pass);
        var branch = inner(input.Value, again);
        if (after is null) return new(branch.Value, gradient => input.Back(branch.Back(gradient)));
        var output = after.Trace(pass.Keep(branch.Value), pass).Normalized;
        return new(output.Value, gradient => input.Back(branch.Back(output.Back(gradient))));
    }

    // The gradient of x in x + m · branch(x).
    private Tensor AddBack(Tensor gradient, Traced branch)
    {
        var through = branch.Back(_residualMultiplier == 1 ? gradient : gradient.Times(_residualMultiplier));
        return through.to(gradient.dtype).add_(gradient, TensorArithmetic.One);
    }

    private Tensor Add(Tensor x, Tensor branch) => _residualMultiplier == 1 ? x.Plus(branch) : x.Plus(branch.Times(_residualMultiplier));

    /// <param name="x">[T, C].</param>
    /// <param name="branch">[T, C].</param>
    /// <param name="allocate">Width → where float32 sums in main memory go.</param>
    private Tensor Add(Tensor x, Tensor branch, Func<long, Tensor> allocate)
    {
        if (!FusedRows.CanUse(x) || !FusedRows.CanUse(branch)) return Add(x, branch);
        var sum = allocate(x.shape[1]);
        FusedRows.Add(x, branch, (float)_residualMultiplier, sum);
        return sum;
    }

    private static Tensor Normalize(Tensor x, RmsNorm? norm) => norm is null ? x : norm.forward(x);
}
