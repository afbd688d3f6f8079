using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>Fills a decoder's parameters: from a checkpoint, at random, or from another decoder.</summary>
internal static class DecoderWeights
{
    /// <summary>Compares a checkpoint with what a model needs, before any memory is reserved for it: a configuration can ask for anything.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape than the configuration says, or has no place in the model.</exception>
    public static void Check(DecoderSpecification specification, ITensorSource source)
    {
        // A line of config.json can ask for millions of modules; what is built below is then no larger than the checkpoint.
        var least = specification.Layers.Sum(layer => 4L + 2L * (layer.FeedForward.Experts?.Count ?? 1));
        if (source.Names.Count < least)
            throw new InvalidDataException($"{source.Location} holds {source.Names.Count} tensors; the {specification.Layers.Count} layers that config.json describes need at least {least}.");
        using var scope = NewDisposeScope();
        using var shapes = new Decoder(specification, new(META, ScalarType.Float32));
        Check([.. shapes.Tensors.Values], source, "config.json", name => IsDerived(shapes, name));
    }

    /// <summary>Copies every tensor of the checkpoint to its place; one copy of the model exists afterwards.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape than the configuration says, or has no place in the model.</exception>
    public static void Load(Decoder decoder, ITensorSource source) =>
        Load([.. decoder.Tensors.Values], source, "config.json", name => IsDerived(decoder, name));

    /// <summary>Copies every tensor of a file to its place.</summary>
    /// <param name="slices">The places.</param>
    /// <param name="source">The file.</param>
    /// <param name="configuration">The file that says which tensors there must be, for messages.</param>
    /// <param name="mayBeIgnored">Whether a tensor without a place is of no consequence.</param>
    public static void Load(IReadOnlyList<ParameterSlice> slices, ITensorSource source, string configuration, Func<string, bool> mayBeIgnored)
    {
        using var _ = no_grad();
        Check(slices, source, configuration, mayBeIgnored);
        foreach (var slice in slices)
        {
            using var view = slice.View();
            source.ReadInto(slice.Name, view);
        }
    }

    /// <summary>
    /// A fresh model: matrices and embeddings N(0, <paramref name="deviation"/>²), biases 0, norms neutral, the padding token's embedding 0.
    /// </summary>
    public static void Randomize(Decoder decoder, double deviation, int seed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var generator = new Generator((ulong)(uint)seed);
        foreach (var slice in decoder.Tensors.Values)
        {
            var view = slice.View();
            switch (slice.Kind)
            {
                case ParameterKind.Bias:
                    view.zero_();
                    break;
                case ParameterKind.Norm:
                    view.FillInPlace(decoder.Specification.Norm.WeightIsOffset ? 0 : 1);
                    break;
                default:
                    // Drawn in float32 on the CPU, so that a seed means the same on every device and in every type.
                    view.copy_(randn(slice.Shape, ScalarType.Float32, CPU, generator: generator).Times(deviation));
                    break;
            }
            if (slice.Kind == ParameterKind.Embedding && decoder.Specification.PaddingIndex is { } padding) view.select(0, padding).zero_();
        }
    }

    /// <summary>Copies the weights of a decoder of the same specification, and its adapter.</summary>
    public static void Copy(Decoder from, Decoder to)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (source, target) in from.parameters().Zip(to.parameters())) target.copy_(source);
        if (from.Adapter is null) return;
        var adapter = LoraAdapter.Create(to, from.Adapter.Configuration, seed: 0);
        foreach (var (source, target) in from.Adapter.Tensors.Zip(adapter.Tensors)) target.Parameter.copy_(source.Parameter);
        adapter.Enabled = from.Adapter.Enabled;
    }

    private static void Check(IReadOnlyList<ParameterSlice> slices, ITensorSource source, string configuration, Func<string, bool> mayBeIgnored)
    {
        var missing = slices.Select(slice => slice.Name).Where(name => !source.Contains(name)).ToArray();
        if (missing.Length > 0)
            throw new InvalidDataException($"{source.Location}: {Count(missing, "tensor")} that {configuration} asks for {(missing.Length == 1 ? "is" : "are")} not there: {Some(missing)}.");
        foreach (var slice in slices)
        {
            var stored = source.Shape(slice.Name);
            if (!stored.SequenceEqual(slice.Shape))
                throw new InvalidDataException($"{source.Location}: {slice.Name} is [{string.Join(", ", stored)}]; by {configuration} it must be [{string.Join(", ", slice.Shape)}].");
        }
        var known = slices.Select(slice => slice.Name).ToHashSet();
        var unused = source.Names.Where(name => !known.Contains(name) && !mayBeIgnored(name)).ToArray();
        if (unused.Length > 0)
            throw new InvalidDataException($"{source.Location}: {Count(unused, "tensor")} without a place in the model that {configuration} describes: {Some(unused)}.");
    }

    // Old checkpoints store the rotary frequencies, which follow from the configuration; some store a tied output projection once more.
    private static bool IsDerived(Decoder decoder, string name) =>
        name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || (decoder.Specification.TiedEmbeddings && name == "lm_head.weight");

    private static string Count(string[] names, string noun) => names.Length == 1 ? $"one {noun}" : $"{names.Length} {noun}s";

    private static string Some(string[] names) => string.Join(", ", names.Take(3)) + (names.Length > 3 ? ", …" : "");
}
