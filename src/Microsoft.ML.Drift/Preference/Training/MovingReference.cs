using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>TR-DPO's reference: a copy of a model that follows the policy.</summary>
internal sealed class MovingReference : IDisposable
{
    private const string Prefix = "reference.weights.";

    private readonly Decoder _policy;
    private readonly ReferenceSync _sync;

    public MovingReference(Decoder policy, Decoder start, ReferenceSync sync)
    {
        (_policy, _sync) = (policy, sync);
        using var scope = NewDisposeScope();
        Decoder = new Decoder(start.Specification, new ParameterStorage(start.Device, start.OutputWeight.dtype)) { ComputeDtype = start.ComputeDtype };
        DecoderWeights.Copy(start, Decoder);
        foreach (var parameter in Decoder.parameters()) parameter.DetachFromDisposeScope();
    }

    public Decoder Decoder { get; }

    /// <summary>Mixes after every <see cref="ReferenceSync.Steps"/> steps.</summary>
    public void AfterStep(int step)
    {
        if (step % _sync.Steps != 0) return;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (mine, theirs) in Decoder.parameters().Zip(_policy.parameters()))
            mine.MultiplyInPlace(1 - _sync.MixupAlpha).AddScaledInPlace(theirs, _sync.MixupAlpha);
    }

    public void Save(TrainingState state)
    {
        foreach (var slice in Decoder.Tensors.Values)
        {
            using var view = slice.View();
            state.Add(Prefix + slice.Name, view);
        }
    }

    public void Load(TrainingState state)
    {
        using var mode = no_grad();
        foreach (var slice in Decoder.Tensors.Values)
        {
            using var view = slice.View();
            view.copy_(state.Tensor(Prefix + slice.Name));
        }
    }

    public void Dispose() => Decoder.Dispose();
}
