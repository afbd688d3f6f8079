using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>A matrix, its bias and its adapters where torch keeps them.</summary>
/// <param name="Weight">[Outputs, Inputs].</param>
/// <param name="Bias">[Outputs], or 0.</param>
/// <param name="Outputs">Rows.</param>
/// <param name="Inputs">Columns.</param>
internal sealed unsafe record WeightPointer(nint Weight, nint Bias, int Outputs, int Inputs)
{
    public IReadOnlyList<DeltaPointer> Deltas { get; private init; } = [];

    /// <summary>What is multiplied with instead of the weight; null: the weight itself.</summary>
    public QuantizedMatrix? Quantized { get; private init; }

    /// <summary>The same with a copy of the weight in eight bits, as the weight is now.</summary>
    public WeightPointer Quantize(WorkerTeam team) => this with { Quantized = new((float*)Weight, Outputs, Inputs, team) };

    /// <summary>Frees what was made for this pointer.</summary>
    public void Free()
    {
        Quantized?.Dispose();
        foreach (var delta in Deltas) delta.Free();
    }

    public static WeightPointer Of(Projection projection) => Of(projection.Weight) with
    {
        Bias = projection.Bias is { } bias ? (nint)TensorMemory.Address(bias) : 0,
        Deltas = [.. projection.ActiveDeltas.Select(part => DeltaPointer.Of(part.Start, part.Delta))],
    };

    public static WeightPointer Of(torch.Tensor matrix) => new((nint)TensorMemory.Address(matrix), 0, (int)matrix.shape[0], (int)matrix.shape[1]);
}

/// <summary>The adapter of some rows of a matrix: y += scale · B A x, then y · factors.</summary>
/// <param name="Start">The first row of the matrix that it belongs to.</param>
/// <param name="Outputs">How many rows.</param>
/// <param name="Rank">Rows of A.</param>
/// <param name="Scale">s.</param>
/// <param name="Down">A.</param>
/// <param name="Up">B.</param>
/// <param name="Factors">[Outputs], or 0.</param>
internal sealed unsafe record DeltaPointer(int Start, int Outputs, int Rank, float Scale, nint Down, nint Up, nint Factors)
{
    private torch.Tensor? _factors;   // computed for this pointer: it keeps them alive

    public static DeltaPointer Of(int start, LoraDelta delta)
    {
        var (scale, a, b) = delta.Factors;
        var factors = delta.RowFactors()?.DetachFromDisposeScope();
        return new(start, (int)b.shape[0], (int)a.shape[0], (float)scale, (nint)TensorMemory.Address(a), (nint)TensorMemory.Address(b), factors is null ? 0 : (nint)TensorMemory.Address(factors))
        {
            _factors = factors,
        };
    }

    public void Free() => _factors?.Dispose();
}

/// <summary>Where the weights of one layer lie; 0 for a norm that the layer does not have.</summary>
internal sealed record LayerPointers(
    LayerSpecification Specification, WeightPointer QueryKeyValue, WeightPointer Output, WeightPointer GateUp, WeightPointer Down,
    nint QueryNorm, nint KeyNorm, nint BeforeAttention, nint AfterAttention, nint BeforeFeedForward, nint AfterFeedForward)
{
    public IEnumerable<WeightPointer> Matrices => [QueryKeyValue, Output, GateUp, Down];

    public LayerPointers Quantize(WorkerTeam team) => this with
    {
        QueryKeyValue = QueryKeyValue.Quantize(team), Output = Output.Quantize(team), GateUp = GateUp.Quantize(team), Down = Down.Quantize(team),
    };

    public static unsafe LayerPointers Of(DecoderLayer layer, LayerSpecification specification)
    {
        var (attention, feedForward) = (layer.Attention, layer.FeedForward!);
        return new(
            specification, WeightPointer.Of(attention.QueryKeyValue), WeightPointer.Of(attention.Output),
            WeightPointer.Of(feedForward.GateUp), WeightPointer.Of(feedForward.Down), Norm(attention.QueryNorm), Norm(attention.KeyNorm),
            Norm(layer.BeforeAttention), Norm(layer.AfterAttention), Norm(layer.BeforeFeedForward), Norm(layer.AfterFeedForward));

        static nint Norm(RmsNorm? norm) => norm is null ? 0 : (nint)TensorMemory.Address(norm.Weight);
    }
}
