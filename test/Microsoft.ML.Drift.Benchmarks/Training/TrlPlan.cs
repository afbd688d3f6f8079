using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>
/// A DPO step as TRL 0.19.1 computes it with its default settings: chosen and rejected answers of a batch in one padded rectangle, each with its own copy
/// of the prompt; float32 logits of all positions; the reference model's forward pass in every step; RMSprop over one parameter after the other.
/// </summary>
internal sealed class TrlPlan : IDisposable
{
    private const double Beta = 0.1;

    private readonly PlainLlama _policy;
    private readonly PlainLlama _reference;
    private readonly optim.Optimizer _optimizer;

    public TrlPlan(CausalLM model)
    {
        (_policy, _reference) = (new PlainLlama(model, trains: true), new PlainLlama(model, trains: false));
        _optimizer = optim.RMSProp(_policy.Parameters, lr: 5e-7);
    }

    /// <summary>One optimizer step over the pairs; the loss.</summary>
    public float Step(IReadOnlyList<PreferenceTokens> pairs)
    {
        using var scope = NewDisposeScope();
        var batch = PaddedBatch.Create(pairs, paddingId: 0, CPU);
        _optimizer.zero_grad();
        var (policyChosen, policyRejected) = LogProbs(_policy, batch, pairs.Count);
        Tensor referenceChosen, referenceRejected;
        using (no_grad()) (referenceChosen, referenceRejected) = LogProbs(_reference, batch, pairs.Count);
        var margins = policyChosen - policyRejected - (referenceChosen - referenceRejected);
        var loss = -nn.functional.logsigmoid(Beta * margins).mean();
        loss.backward();
        nn.utils.clip_grad_norm_(_policy.Parameters, 1.0);
        _optimizer.step();
        return loss.item<float>();
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _policy.Dispose();
        _reference.Dispose();
    }

    private static (Tensor Chosen, Tensor Rejected) LogProbs(PlainLlama model, PaddedBatch batch, int pairs)
    {
        var logits = model.Logits(batch.InputIds, batch.AttentionMask);
        var labels = batch.InputIds.roll(-1, 1);
        var mask = batch.LabelMask.roll(-1, 1);
        var selected = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1);
        var normalizers = stack([.. logits.unbind(0).Select(row => row.logsumexp(-1))]);
        var sums = (selected - normalizers).masked_fill(mask.logical_not(), 0).sum(-1);
        using (no_grad()) logits.detach()[mask].mean().Dispose(); // TRL logs it
        return (sums[..pairs], sums[pairs..]);
    }
}
