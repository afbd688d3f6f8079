using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Preference losses as pure functions of sequence log-probs, one value per pair. <see cref="PreferenceLossType"/> names the papers and equations.
/// </summary>
/// <remarks>
/// The order of operations is TRL 0.19.1's, so that float32 results agree in the last digits, infinities and NaN included.
/// </remarks>
internal static class PreferenceLoss
{
    /// <summary>ln of the largest float32, cut after four decimals: where the α-divergence's exponent stops growing.</summary>
    private const double LargestExponent = 88.7228;

    private const double SmallestExoSmoothing = 1e-3;

    /// <summary>The loss of each pair.</summary>
    /// <param name="settings">Formula and numbers.</param>
    /// <param name="logProbs">Four tensors <c>[B]</c>, float32.</param>
    /// <param name="bcoMean">BCO's running mean, which this call updates first; ignored by the other losses.</param>
    /// <returns><c>[B]</c>; in sorted order for the two AOT losses. The caller disposes of it, or its dispose scope does.</returns>
    public static Tensor PerPair(PreferenceLossSettings settings, PairLogProbs logProbs, RunningMean bcoMean)
    {
        using var scope = NewDisposeScope();
        var losses = settings.Type switch
        {
            PreferenceLossType.Sigmoid => Smoothed(Margin(settings, logProbs).Times(settings.Beta), settings.LabelSmoothing),
            PreferenceLossType.Robust => Robust(Margin(settings, logProbs).Times(settings.Beta), settings.LabelSmoothing),
            PreferenceLossType.Hinge => relu(Margin(settings, logProbs).Times(settings.Beta).SubtractedFrom(1)),
            PreferenceLossType.Ipo => Margin(settings, logProbs).Minus(1 / (2 * settings.Beta)).Squared(),
            PreferenceLossType.ExoPair => ExoPair(Margin(settings, logProbs).Times(settings.Beta), settings.LabelSmoothing),
            PreferenceLossType.NcaPair => NcaPair(settings.Beta, logProbs),
            PreferenceLossType.BcoPair => BcoPair(settings.Beta, logProbs, bcoMean),
            PreferenceLossType.SppoHard => SppoHard(settings.Beta, logProbs),
            PreferenceLossType.Aot => Aot(settings, logProbs),
            PreferenceLossType.AotPair => AotPair(settings, logProbs),
            PreferenceLossType.DiscoPop => DiscoPop(settings, logProbs),
            PreferenceLossType.ApoZero => ApoZero(settings, logProbs),
            PreferenceLossType.ApoDown => ApoDown(settings, logProbs),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Type, "Not a preference loss."),
        };
        return losses.MoveToOuterDisposeScope();
    }

    /// <summary>The implicit reward of one side: <c>β(log π − log π_ref)</c> (arXiv 2305.18290, section 4), without gradient.</summary>
    public static Tensor Rewards(double beta, Tensor policy, Tensor reference)
    {
        using var scope = NewDisposeScope();
        return (policy.detach() - reference).Times(beta).MoveToOuterDisposeScope();
    }

    private static Tensor Margin(PreferenceLossSettings settings, PairLogProbs logProbs)
    {
        var (w, l) = LogRatios(settings, logProbs);
        if (settings.Divergence == FDivergence.Alpha)
        {
            var alpha = settings.AlphaDivergenceCoefficient;
            return (CappedExp(l.Times(-alpha)) - CappedExp(w.Times(-alpha))).DividedBy(alpha);
        }
        var z = logProbs.PolicyChosen - logProbs.PolicyRejected;
        if (!settings.ReferenceFree) z = z - (logProbs.ReferenceChosen - logProbs.ReferenceRejected);
        return settings.Divergence == FDivergence.JensenShannon ? z - (Softplus(w) - Softplus(l)) : z;
    }

    /// <summary>w and l; the bare policy log-probs where the reference is left out.</summary>
    private static (Tensor W, Tensor L) LogRatios(PreferenceLossSettings settings, PairLogProbs logProbs) => settings.ReferenceFree
        ? (logProbs.PolicyChosen, logProbs.PolicyRejected)
        : (logProbs.PolicyChosen - logProbs.ReferenceChosen, logProbs.PolicyRejected - logProbs.ReferenceRejected);

    /// <summary>log(1 + eˣ); x itself beyond 20, as PyTorch has it.</summary>
    private static Tensor Softplus(Tensor x) => where(x.IsGreaterThan(20), x, x.AtMost(20).exp().log1p());

    private static Tensor CappedExp(Tensor value) => value.AtMost(LargestExponent).exp();

    private static Tensor Smoothed(Tensor t, double epsilon) => (-logsigmoid(t)).Times(1 - epsilon) - logsigmoid(-t).Times(epsilon);

    private static Tensor Robust(Tensor t, double epsilon) =>
        (-logsigmoid(t)).Times(1 - epsilon).Plus(logsigmoid(-t).Times(epsilon)).DividedBy(1 - 2 * epsilon);

    private static Tensor ExoPair(Tensor t, double epsilon)
    {
        if (epsilon == 0) epsilon = SmallestExoSmoothing;
        return (t.sigmoid() * logsigmoid(t).Minus(Math.Log(1 - epsilon))).Plus((-t).sigmoid() * logsigmoid(-t).Minus(Math.Log(epsilon)));
    }

    private static Tensor NcaPair(double beta, PairLogProbs logProbs)
    {
        var chosen = (logProbs.PolicyChosen - logProbs.ReferenceChosen).Times(beta);
        var rejected = (logProbs.PolicyRejected - logProbs.ReferenceRejected).Times(beta);
        return -logsigmoid(chosen) - logsigmoid(-chosen).Times(0.5) - logsigmoid(-rejected).Times(0.5);
    }

    private static Tensor BcoPair(double beta, PairLogProbs logProbs, RunningMean mean)
    {
        var chosen = (logProbs.PolicyChosen - logProbs.ReferenceChosen).Times(beta);
        var rejected = (logProbs.PolicyRejected - logProbs.ReferenceRejected).Times(beta);
        mean.Add(cat([chosen.detach(), rejected.detach()]).mean().item<float>());
        return -logsigmoid(chosen.Minus(mean.Value)) - logsigmoid(-rejected.Minus(mean.Value));
    }

    private static Tensor SppoHard(double beta, PairLogProbs logProbs)
    {
        var w = logProbs.PolicyChosen - logProbs.ReferenceChosen;
        var l = logProbs.PolicyRejected - logProbs.ReferenceRejected;
        return w.Minus(0.5 / beta).Squared().Plus(l.Plus(0.5 / beta).Squared());
    }

    private static Tensor Aot(PreferenceLossSettings settings, PairLogProbs logProbs)
    {
        var policy = (logProbs.PolicyChosen - logProbs.PolicyRejected).sort().Values;
        var reference = (logProbs.ReferenceChosen - logProbs.ReferenceRejected).sort().Values;
        return Smoothed((policy - reference).Times(settings.Beta), settings.LabelSmoothing);
    }

    private static Tensor AotPair(PreferenceLossSettings settings, PairLogProbs logProbs)
    {
        var w = logProbs.PolicyChosen - logProbs.ReferenceChosen;
        var l = logProbs.PolicyRejected - logProbs.ReferenceRejected;
        return Smoothed((w.sort().Values - l.sort().Values).Times(settings.Beta), settings.LabelSmoothing);
    }

    private static Tensor DiscoPop(PreferenceLossSettings settings, PairLogProbs logProbs)
    {
        var t = (logProbs.PolicyChosen - logProbs.PolicyRejected - (logProbs.ReferenceChosen - logProbs.ReferenceRejected)).Times(settings.Beta);
        var blend = t.DividedBy(settings.DiscoPopTemperature).sigmoid();
        return (-logsigmoid(t) * blend.SubtractedFrom(1)).Plus((-t).exp() * blend);
    }

    private static Tensor ApoZero(PreferenceLossSettings settings, PairLogProbs logProbs)
    {
        var (w, l) = LogRatios(settings, logProbs);
        return w.Times(settings.Beta).sigmoid().SubtractedFrom(1).Plus(l.Times(settings.Beta).sigmoid());
    }

    private static Tensor ApoDown(PreferenceLossSettings settings, PairLogProbs logProbs)
    {
        var (w, l) = LogRatios(settings, logProbs);
        return w.Times(settings.Beta).sigmoid().Plus((w - l).Times(settings.Beta).sigmoid().SubtractedFrom(1));
    }
}

/// <summary>What a preference loss compares: log-probs of answers, <c>[B]</c> float32 each; sums over tokens, or means for IPO.</summary>
internal readonly record struct PairLogProbs(Tensor PolicyChosen, Tensor PolicyRejected, Tensor ReferenceChosen, Tensor ReferenceRejected);
