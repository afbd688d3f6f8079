using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// The decoder of all families: token ids [B, T] → hidden states [B, T, C] → logits [B, T, V]. What it computes is in its
/// <see cref="DecoderSpecification"/>.
/// </summary>
internal sealed class Decoder : nn.Module
{
    private readonly Parameter embed_tokens;
    private readonly ModuleList<DecoderLayer> layers;
    private readonly RmsNorm norm;
    private readonly Projection? lm_head;
    private readonly RotaryFrequencies _frequencies;
    private Parameter? _embeddingCopy;
    private Parameter? _outputCopy;

    /// <param name="specification">What to compute.</param>
    /// <param name="storage">Where and in which type the parameters are kept; their content is undefined until it is loaded.</param>
    public Decoder(DecoderSpecification specification, ParameterStorage storage) : base(nameof(Decoder))
    {
        (Specification, Device, StorageDtype, ComputeDtype) = (specification, storage.Device, storage.Dtype, storage.Dtype);
        embed_tokens = storage.Allocate(specification.VocabularySize, specification.HiddenSize);
        layers = new([.. Enumerable.Range(0, specification.Layers.Count).Select(index => new DecoderLayer(index, specification, storage))]);
        norm = new("model.norm", specification.HiddenSize, specification.Norm, storage);
        if (!specification.TiedEmbeddings) lm_head = new([("lm_head", specification.VocabularySize)], specification.HiddenSize, bias: false, storage);
        _frequencies = new(specification.Layers.Select(layer => layer.Attention.Rotary).OfType<RotarySpecification>(), storage.Device);
        RegisterComponents();
        Tensors = Slices().ToDictionary(slice => slice.Name);
    }

    public DecoderSpecification Specification { get; }
    public Device Device { get; }

    /// <summary>Whether a row's logits depend on the other rows of its batch: where RoPE's frequencies follow the longest of them.</summary>
    public bool RowsChangeEachOther => Specification.Layers.Any(layer => layer.Attention.Rotary?.Scaling.DynamicBeyond is not null);

    /// <summary>Type in which the parameters are kept.</summary>
    public ScalarType StorageDtype { get; }

    /// <summary>
    /// Type of matrix products and of the key-value cache. Where it is bfloat16 and the parameters are float32, weights are rounded as they are
    /// used and the residual stream stays float32, as under PyTorch's autocast.
    /// </summary>
    public ScalarType ComputeDtype { get; set; }

    /// <summary>The checkpoint's tensors by name, in its order: views of the parameters, which may hold several tensors fused.</summary>
    public IReadOnlyDictionary<string, ParameterSlice> Tensors { get; }

    /// <summary>The LoRA adapter, if there is one.</summary>
    public LoraAdapter? Adapter { get; internal set; }

    /// <summary>What training moves: the adapter's tensors if there is one, else the checkpoint's.</summary>
    public IEnumerable<ParameterSlice> TrainableTensors => Adapter?.Tensors ?? Tensors.Values;

    /// <summary>Token ids → hidden states after the final norm.</summary>
    /// <param name="inputIds">[B, T] int64.</param>
    /// <param name="positionIds">[B, T] int64; <see cref="AttentionMask.Positions"/> where nothing else is wanted.</param>
    /// <param name="mask">Who sees whom; made by <see cref="AttentionMask.Cached"/> if there is a cache.</param>
    /// <param name="cache">Earlier keys and values; this call adds its own. Only without gradient.</param>
    /// <returns>[B, T, C]; the caller disposes of it.</returns>
    public Tensor forward(Tensor inputIds, Tensor positionIds, AttentionMask mask, KeyValueCache? cache = null)
    {
        using var scope = NewDisposeScope();
        var pass = Begin(positionIds, mask, cache);
        var x = Embed(inputIds);
        foreach (var layer in layers)
        {
            var next = layer.forward(x, pass);
            x.Dispose();   // without gradient nothing else holds it; with gradient the graph does
            x = next;
        }
        cache?.Advance(mask.NewTokens!);
        return norm.forward(x).MoveToOuterDisposeScope();
    }

    /// <summary>A forward pass whose backward is called apart, on request with gradient checkpointing.</summary>
    /// <param name="sequences">The tokens.</param>
    /// <param name="checkpoint">Keep only the layers' inputs and compute each layer again during backward: less memory for one more forward pass.</param>
    /// <param name="memory">Where to put what lives until the way back, begun for this pass; null: wherever libtorch does.</param>
    public TrainingForward TrainingForward(PackedSequences sequences, bool checkpoint = false, ActivationMemory? memory = null) => new(this, sequences, checkpoint, memory);

    /// <summary>Hidden states → logits, final multipliers and soft cap included.</summary>
    /// <param name="hidden">[…, C], after the final norm.</param>
    /// <returns>[…, V] float32; the caller disposes of it.</returns>
    public Tensor Logits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var input = hidden.to(ComputeDtype);
        var copy = Adapter is { Enabled: true } ? _outputCopy : null;
        var logits = lm_head is not null && copy is null ? lm_head.forward(input) : nn.functional.linear(input, (copy ?? embed_tokens).to(ComputeDtype));
        return FinishLogits(logits).MoveToOuterDisposeScope();
    }

    /// <summary>The output projection as training wants it.</summary>
    public OutputHead Head()
    {
        if (lm_head is { IsAdapted: true }) return OutputHead.Of(Logits, Specification.VocabularySize);
        return new MatrixHead((Adapter is { Enabled: true } ? _outputCopy : null) ?? OutputWeight, Specification, ComputeDtype);
    }

    /// <summary>The weight of the output projection, [V, C]; the input embedding's where they are tied.</summary>
    public Parameter OutputWeight => lm_head?.Weight ?? embed_tokens;

    /// <summary>The last step of <see cref="Logits"/>: from the product with <see cref="OutputWeight"/> to float32 logits; elementwise.</summary>
    public Tensor FinishLogits(Tensor product)
    {
        using var scope = NewDisposeScope();
        var logits = Specification.LogitsDivisor == 1 ? product : product.DividedBy(Specification.LogitsDivisor);
        if (Specification.LogitsSoftCap is { } cap) logits = logits.DividedBy(cap).tanh().Times(cap);
        return logits.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>The layers in order, for gradient checkpointing.</summary>
    internal IList<DecoderLayer> Layers => layers;

    /// <summary>[B, T] ids → [B, T, C]; the padding token's row gets no gradient.</summary>
    internal Tensor Embed(Tensor inputIds)
    {
        using var scope = NewDisposeScope();
        var weight = Adapter is { Enabled: true } && _embeddingCopy is not null ? _embeddingCopy : embed_tokens;
        var x = weight.index_select(0, inputIds.flatten()).view(inputIds.shape[0], inputIds.shape[1], Specification.HiddenSize);
        if (Specification.PaddingIndex is { } padding && x.requires_grad) x = where(inputIds.IsEqualTo(padding).unsqueeze(-1), x.detach(), x);
        if (Specification.EmbeddingMultiplier != 1) x = x * tensor(Specification.EmbeddingMultiplier, x.dtype, x.device);
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>What token ids are looked up in, and what the last product is with: a layer, or a matrix of its own.</summary>
    internal (Parameter Embedding, Projection? OutputLayer, Parameter OutputMatrix) Ends => Adapter is { Enabled: true }
        ? (_embeddingCopy ?? embed_tokens, _outputCopy is null ? lm_head : null, _outputCopy ?? OutputWeight)
        : (embed_tokens, lm_head, OutputWeight);

    internal Parameter FinalNormWeight => norm.Weight;

    /// <summary>[T] ids → [T, C] without graph.</summary>
    internal Tensor EmbedRows(Tensor inputIds)
    {
        using var mode = no_grad();
        using var batch = Embed(inputIds.unsqueeze(0));
        return batch.squeeze(0);
    }

    /// <summary>Adds the gradient of <see cref="EmbedRows"/> to the embedding's: only the rows of the tokens are touched.</summary>
    internal void EmbedBack(Tensor inputIds, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var weight = Adapter is { Enabled: true } && _embeddingCopy is not null ? _embeddingCopy : embed_tokens;
        if (!weight.requires_grad) return;
        if (Specification.EmbeddingMultiplier != 1) gradient = gradient * tensor(Specification.EmbeddingMultiplier, gradient.dtype, gradient.device);
        if (Specification.PaddingIndex is { } padding) gradient = gradient.Masked(inputIds.IsEqualTo(padding).unsqueeze(-1), 0);
        if (weight.grad is null) weight.grad = zeros_like(weight);
        weight.grad!.AddAtInPlace(inputIds, gradient.to(weight.dtype));
    }

    /// <summary>The norm after the last layer.</summary>
    internal RmsNorm Norm => norm;

    /// <summary>All linear layers.</summary>
    internal IEnumerable<Projection> Projections =>
        layers.SelectMany(layer => layer.modules()).OfType<Projection>().Concat(lm_head is null ? [] : [lm_head]);

    /// <summary>Gives an adapter its own copy of a module: <c>embed_tokens</c> or <c>lm_head</c>.</summary>
    /// <returns>The checkpoint's name of the module, the copy, and what it copies.</returns>
    internal (string Module, Parameter Copy, Parameter Original) AttachCopy(string module, ParameterStorage storage)
    {
        using var _ = no_grad();
        var original = module == "lm_head" ? OutputWeight : embed_tokens;
        var copy = storage.Allocate(original.shape);
        copy.copy_(original);
        if (module == "lm_head") _outputCopy = copy;
        else _embeddingCopy = copy;
        return (module == "lm_head" ? module : $"model.{module}", copy, original);
    }

    internal void DetachCopies() => (_embeddingCopy, _outputCopy) = (null, null);

    /// <summary>Switches gradients of the checkpoint's own parameters off or on.</summary>
    internal void FreezeBase(bool frozen)
    {
        foreach (var parameter in parameters()) parameter.requires_grad = !frozen;
    }

    /// <summary>What the layers of a training or scoring pass share; its tensors go to the caller's dispose scope.</summary>
    internal TrainingPass Begin(PackedSequences sequences, bool records, ActivationMemory? memory = null)
    {
        var rotary = new RotaryTables(sequences.Positions.unsqueeze(0), sequences.Longest, _frequencies, embed_tokens.dtype);
        return new TrainingPass(sequences, rotary, new PackedAttention(sequences, Specification, ComputeDtype, records), ComputeDtype, records, memory);
    }

    /// <summary>What the layers share; its tensors go to the caller's dispose scope.</summary>
    internal ForwardPass Begin(Tensor positionIds, AttentionMask mask, KeyValueCache? cache)
    {
        if (cache is not null)
        {
            if (mask.NewTokens is null) throw new ArgumentException("With a cache the mask must be made by AttentionMask.Cached.", nameof(mask));
            if (is_grad_enabled()) throw new InvalidOperationException("A key-value cache serves generation; call it inside torch.no_grad().");
            cache.Reserve(cache.LongestRow + (int)positionIds.shape[1]);
        }
        var tables = new RotaryTables(positionIds, LongestPosition(positionIds, cache), _frequencies, embed_tokens.dtype);
        return new ForwardPass(Specification, tables, mask, cache, ComputeDtype);
    }

    // transformers computes dynamic frequencies for the longest row of the whole batch, keeps them while later calls are shorter,
    // and resets them once a call is below the original length. What it keeps in the model, we keep in the cache.
    private long LongestPosition(Tensor positionIds, KeyValueCache? cache)
    {
        var originals = _frequencies.Rotations.Select(rotary => rotary.Scaling.DynamicBeyond).OfType<int>().ToArray();
        if (originals.Length == 0) return 0;
        using var longest = positionIds.max();
        var now = longest.item<long>() + 1;
        if (cache is null) return now;
        var before = cache.LongestPosition;
        cache.LongestPosition = now < originals.Min() ? now : Math.Max(before, now);
        RefuseNewRotation(before, cache.LongestPosition);
        return cache.LongestPosition;
    }

    private void RefuseNewRotation(long before, long now)
    {
        var crossed = _frequencies.Rotations.Any(rotary => rotary.Scaling is LongRotary rule && before > 0 && before <= rule.OriginalLength && now > rule.OriginalLength);
        if (crossed) throw new InvalidOperationException(
            $"The sequence grew to {now} tokens, where this model's LongRoPE changes to other frequencies, and the cached keys are rotated by the old ones. Compute the sequence anew with an empty cache.");
    }

    private IEnumerable<ParameterSlice> Slices()
    {
        yield return new("model.embed_tokens.weight", embed_tokens, 0, embed_tokens.shape[0], ParameterKind.Embedding);
        foreach (var slice in layers.SelectMany(layer => layer.modules()).OfType<IParameterSource>().SelectMany(source => source.Slices)) yield return slice;
        foreach (var slice in norm.Slices.Concat(lm_head?.Slices ?? [])) yield return slice;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Adapter?.Detach(this);
            _frequencies.Dispose();
        }
        base.Dispose(disposing);
    }
}
