using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>A router sends each token to a few of many feed-forward networks and adds their answers, weighted by its probabilities.</summary>
internal sealed class MixtureOfExperts : nn.Module
{
    private readonly ExpertsSpecification _specification;
    private readonly Projection gate;
    private readonly ModuleList<FeedForward> experts;

    public MixtureOfExperts(string name, int width, FeedForwardSpecification specification, ParameterStorage storage) : base(nameof(MixtureOfExperts))
    {
        _specification = specification.Experts ?? throw new ArgumentException("A mixture needs experts.", nameof(specification));
        gate = new([($"{name}.gate", _specification.Count)], width, bias: false, storage);
        experts = new([.. Enumerable.Range(0, _specification.Count).Select(index => new FeedForward($"{name}.experts.{index}", width, specification, storage))]);
        RegisterComponents();
    }

    /// <summary>The same with a way back: which tokens an expert gets changes from batch to batch, so libtorch keeps the graph.</summary>
    public Traced Trace(Tensor x, TrainingPass pass) => Traced.Through(input => forward(input.to(pass.ComputeDtype)), x, pass);

    /// <param name="x">[…, C], in the compute type.</param>
    public Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var tokens = x.reshape(-1, x.shape[^1]);
        var (weights, chosen) = gate.forward(tokens).softmax(-1, ScalarType.Float32).topk(_specification.PerToken, -1);
        if (_specification.Normalize) weights = weights / weights.sum(-1, keepdim: true);
        weights = weights.to(x.dtype);
        var result = zeros_like(tokens);
        for (var expert = 0; expert < _specification.Count; expert++)
        {
            using var inner = NewDisposeScope();
            var places = chosen.IsEqualTo(expert).nonzero();   // [n, 2]: token, and which of its choices
            if (places.shape[0] == 0) continue;
            var rows = places.select(1, 0);
            var share = weights[rows, places.select(1, 1)].unsqueeze(-1);
            var answer = experts[expert].forward(tokens.index_select(0, rows)) * share;
            result = result.PlusAt(rows, answer).MoveToOuterDisposeScope();
        }
        return result.reshape(x.shape).MoveToOuterDisposeScope();
    }
}
