using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// One forward pass for training, whose backward is called apart: the loss is computed from <see cref="Hidden"/> and differentiated down to it
/// first, then <see cref="Backward"/> goes on through the decoder. With checkpointing only the layers' inputs are kept, and each layer is computed
/// again when its turn comes. Its tensors belong to the dispose scope that is current when it is made.
/// </summary>
/// <remarks>
/// <code>
/// using var step = NewDisposeScope();
/// var pass = decoder.TrainingForward(new PackedSequences(trees, device), checkpoint: true);
/// var loss = Loss(decoder.Logits(pass.Hidden));
/// loss.backward();    // fills pass.Hidden.grad and the gradient of the output projection
/// pass.Backward();    // the gradients of all other parameters
/// </code>
/// </remarks>
internal sealed class TrainingForward
{
    private readonly Decoder _decoder;
    private readonly TrainingPass _pass;
    private readonly bool _checkpoint;
    private readonly List<Tensor> _layerInputs = [];
    private readonly List<(Func<Tensor, Tensor> Back, Tensor[] Kept)> _layers = [];
    private readonly Func<Tensor, Tensor> _normBack;

    internal TrainingForward(Decoder decoder, PackedSequences sequences, bool checkpoint, ActivationMemory? memory = null)
    {
        using var mode = no_grad();
        (_decoder, _checkpoint) = (decoder, checkpoint);
        _pass = decoder.Begin(sequences, records: true, memory);
        _layerInputs.Add(decoder.EmbedRows(sequences.InputIds));
        foreach (var layer in decoder.Layers) _layerInputs.Add(checkpoint ? Compute(layer, _layerInputs[^1]) : Record(layer, _layerInputs[^1]));
        (Hidden, _normBack) = Normalize(_layerInputs[^1]);
        Hidden.requires_grad_(true);
    }

    /// <summary>[T, C] after the final norm, in the order of the packed tokens: a leaf whose gradient <see cref="Backward"/> reads.</summary>
    public Tensor Hidden { get; }

    /// <summary>Token ids → hidden states without a way back: bit for bit those of a training pass.</summary>
    /// <returns>[T, C]; the caller disposes of it.</returns>
    public static Tensor Compute(Decoder decoder, PackedSequences sequences)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var pass = decoder.Begin(sequences, records: false);
        var x = decoder.EmbedRows(sequences.InputIds);
        foreach (var layer in decoder.Layers)
        {
            using var inner = NewDisposeScope();
            var next = layer.Trace(x, pass).Value.MoveToOuterDisposeScope();
            x.Dispose();
            x = next;
        }
        return decoder.Norm.Trace(x, pass).Normalized.Value.MoveToOuterDisposeScope();
    }

    /// <summary>Adds to the gradients of all parameters below <see cref="Hidden"/>.</summary>
    /// <param name="hiddenGradient">dL/dHidden, [T, C]; by default the gradient that <see cref="Hidden"/> has collected.</param>
    public void Backward(Tensor? hiddenGradient = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var memory = _pass.Memory;
        var gradient = _normBack(hiddenGradient ?? Hidden.grad ?? throw new InvalidOperationException("No gradient has reached Hidden: differentiate the loss first."));
        for (var index = _decoder.Layers.Count - 1; index >= 0; index--)
        {
            using var layer = NewDisposeScope();
            _layerInputs[index + 1].Dispose();
            var used = memory?.Used ?? 0;
            if (_checkpoint) Record(_decoder.Layers[index], _layerInputs[index]);
            var (back, kept) = _layers[^1];
            _layers.RemoveAt(_layers.Count - 1);
            var below = back(gradient).MoveToOuterDisposeScope();
            gradient.Dispose();
            foreach (var tensor in kept) tensor.Dispose();
            if (memory is not null) memory.Used = used;
            gradient = below;
        }
        memory?.End();
        _decoder.EmbedBack(_pass.Sequences.InputIds, gradient);
    }

    private (Tensor Hidden, Func<Tensor, Tensor> Back) Normalize(Tensor x)
    {
        using var scope = NewDisposeScope();
        var last = _decoder.Norm.Trace(x, _pass).Normalized;
        _pass.TakeKept();   // they live as long as the pass
        return (last.Value.MoveToOuterDisposeScope(), last.Back);
    }

    private Tensor Compute(DecoderLayer layer, Tensor input)
    {
        using var scope = NewDisposeScope();
        _pass.Records = false;
        var output = layer.Trace(input, _pass).Value.MoveToOuterDisposeScope();
        _pass.Records = true;
        return output;
    }

    private Tensor Record(DecoderLayer layer, Tensor input)
    {
        using var scope = NewDisposeScope();
        var traced = layer.Trace(input, _pass);
        _layers.Add((traced.Back, _pass.TakeKept()));
        return traced.Value.MoveToOuterDisposeScope();
    }
}
