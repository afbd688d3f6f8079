using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>
/// A DPO step as TRL 0.19.1 computes it with its default settings: chosen and rejected answers of a batch in one padded rectangle, each with its own copy
/// of the prompt; float32 logits of all positions; the reference model's forward pass in every step; RMSprop over one parameter after the other.
/// </summary>
internal sealed class TrlPlan : ITrainingPlan
{
    private const double Beta = 0.1;

    private readonly PlainLlama _policy;
    private readonly PlainLlama _reference;
    private readonly TorchSharp.Modules.RMSProp _optimizer;
    private readonly PreferenceTokens[][] _batches;
    private readonly bool _checkpoint;
    private int _step;

    /// <param name="model">The weights of policy and reference, which are copied.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="batch">Pairs of a step.</param>
    /// <param name="checkpoint">Whether layers are computed again in the backward pass.</param>
    public TrlPlan(CausalLM model, IReadOnlyList<PreferenceTokens> pairs, int batch, bool checkpoint)
    {
        (_policy, _reference) = (new PlainLlama(model, trains: true), new PlainLlama(model, trains: false));
        _optimizer = optim.RMSProp([.. _policy.Parameters.Values], lr: 5e-7);
        (_batches, _checkpoint) = ([.. pairs.Chunk(batch)], checkpoint);
    }

    /// <summary>The model that is trained.</summary>
    public PlainLlama Policy => _policy;

    public StepOutcome Step()
    {
        _optimizer.zero_grad();
        var loss = Accumulate(_batches[_step++ % _batches.Length]);
        var norm = nn.utils.clip_grad_norm_([.. _policy.Parameters.Values], 1.0);
        _optimizer.step();
        return new(loss, norm);
    }

    /// <summary>Adds the gradients of the mean loss of some pairs; the loss.</summary>
    public double Accumulate(IReadOnlyList<PreferenceTokens> pairs)
    {
        using var scope = NewDisposeScope();
        var batch = PaddedBatch.Create(pairs, paddingId: 0, CPU);
        var (logits, backward) = _checkpoint ? _policy.CheckpointedLogits(batch.InputIds, batch.AttentionMask) : (_policy.Logits(batch.InputIds, batch.AttentionMask), () => { });
        var policy = LogProbs(logits, batch);
        var reference = ReferenceLogProbs(batch);
        var margins = Margins(policy) - Margins(reference);
        var loss = -nn.functional.logsigmoid(margins.Times(Beta)).mean();
        loss.backward();
        backward();
        return loss.item<float>();
    }

    public float[] Score()
    {
        using var scope = NewDisposeScope();
        return ReferenceLogProbs(PaddedBatch.Create(_batches[0], paddingId: 0, CPU)).data<float>().ToArray();
    }

    /// <summary>Writes weights and optimizer state, as transformers' Trainer does after the last step.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), _policy.Parameters.Select(weight => (weight.Key, weight.Value.detach())));
        _optimizer.save_state_dict(Path.Combine(folder, "optimizer.pt"));
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _policy.Dispose();
        _reference.Dispose();
    }

    private static Tensor Margins(Tensor sums) => sums.narrow(0, 0, sums.shape[0] / 2) - sums.narrow(0, sums.shape[0] / 2, sums.shape[0] / 2);

    private Tensor ReferenceLogProbs(PaddedBatch batch)
    {
        using var mode = no_grad();
        return LogProbs(_reference.Logits(batch.InputIds, batch.AttentionMask), batch);
    }

    // [2B]: chosen answers, then rejected ones. TRL's selective_log_softmax: a row's normalisers at a time. Its logits are let go unless the graph keeps them.
    private static Tensor LogProbs(Tensor logits, PaddedBatch batch)
    {
        using var scope = NewDisposeScope();
        var labels = batch.InputIds.roll(-1, 1);
        var mask = batch.LabelMask.roll(-1, 1);
        var selected = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1);
        var normalizers = stack([.. logits.unbind(0).Select(row => row.logsumexp(-1))]);
        var sums = (selected - normalizers).Masked(mask.logical_not(), 0).sum(-1);
        using (no_grad()) logits.detach()[mask].mean().Dispose(); // TRL logs it
        logits.Dispose();
        return sums.MoveToOuterDisposeScope();
    }
}
