using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A linear layer y = x Wᵀ + b whose weight may hold several of the checkpoint's matrices one below the other (q, k and v; gate and up),
/// so that one product computes them all.
/// </summary>
internal sealed class Projection : nn.Module, IParameterSource
{
    private readonly IReadOnlyList<(string Name, int Rows)> _parts;
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly Dictionary<string, LoraDelta> _deltas = [];

    /// <param name="parts">The checkpoint's names (without <c>.weight</c>) and output widths, in the order of the rows.</param>
    /// <param name="inputSize">Width of x.</param>
    /// <param name="bias">Whether every part has a bias.</param>
    /// <param name="storage">Where parameters live.</param>
    public Projection(IReadOnlyList<(string Name, int Rows)> parts, int inputSize, bool bias, ParameterStorage storage) : base(nameof(Projection))
    {
        _parts = parts;
        var rows = parts.Sum(part => (long)part.Rows);
        _weight = storage.Allocate(rows, inputSize);
        register_parameter("weight", _weight);
        if (!bias) return;
        _bias = storage.Allocate(rows);
        register_parameter("bias", _bias);
    }

    public Parameter Weight => _weight;
    public Parameter? Bias => _bias;

    /// <summary>The adapters that take part in the forward pass, each with the first row of its module.</summary>
    internal IEnumerable<(int Start, LoraDelta Delta)> ActiveDeltas
    {
        get
        {
            var start = 0;
            foreach (var (name, rows) in _parts)
            {
                if (_deltas.TryGetValue(name, out var delta) && delta.IsOn) yield return (start, delta);
                start += rows;
            }
        }
    }

    /// <summary>The checkpoint's modules in the order of the rows.</summary>
    public IEnumerable<string> Modules => _parts.Select(part => part.Name);

    /// <summary>Lets an adapter take part in the forward pass of the module it names.</summary>
    public void Attach(LoraDelta delta) => _deltas.Add(delta.Module, delta);

    /// <summary>The adapters of its modules.</summary>
    public IEnumerable<LoraDelta> Deltas => _deltas.Values;

    public void Detach() => _deltas.Clear();

    /// <summary>Whether an adapter takes part at the moment.</summary>
    public bool IsAdapted => _deltas.Values.Any(delta => delta.IsOn);

    /// <param name="x">[…, input width], already in the compute type.</param>
    public Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var weight = _weight.to(x.dtype);
        var result = IsAdapted ? AddAdapters(x, nn.functional.linear(x, weight)) : nn.functional.linear(x, weight, _bias?.to(x.dtype));
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>The same with a way back.</summary>
    /// <param name="x">[T, input width] without graph.</param>
    /// <param name="again">Computes x again; null: it is kept.</param>
    /// <param name="pass">The pass.</param>
    /// <param name="allocate">Where the result goes, as in <see cref="MatrixProduct.Apply"/>.</param>
    public Traced Trace(Tensor x, Func<Tensor>? again, TrainingPass pass, Func<long, Tensor>? allocate = null)
    {
        if (IsAdapted) return TraceAdapted(x, pass, allocate);
        if (again is null) pass.Keep(x);
        return new(Apply(x, pass.ComputeDtype, allocate), gradient => Back(again?.Invoke() ?? x, gradient, pass.ComputeDtype));
    }

    // The product with W is that of a model without adapter, bit for bit; libtorch differentiates only what the adapters add.
    private Traced TraceAdapted(Tensor x, TrainingPass pass, Func<long, Tensor>? allocate)
    {
        var dtype = pass.ComputeDtype;
        var product = Multiply(x, dtype, allocate);
        if (!pass.Records) return new(AddAdapters(x.to(dtype), product), _ => throw new InvalidOperationException("The pass was made without a way back."));
        using var mode = enable_grad();
        var (input, leaf) = (pass.Keep(x.detach().requires_grad_(true)), pass.Keep(product.detach().requires_grad_(true)));
        var value = pass.Keep(AddAdapters(input.to(dtype), leaf));
        return new(value.detach(), gradient =>
        {
            using (enable_grad()) value.backward([gradient.to(value.dtype)]);
            using var scope = NewDisposeScope();
            return MultiplyBack(input.detach(), leaf.grad!, dtype).to(input.dtype).add_(input.grad!, TensorArithmetic.One).MoveToOuterDisposeScope();
        });
    }

    private Tensor AddAdapters(Tensor x, Tensor product)
    {
        var adapted = Adapt(x, product);
        return _bias is null ? adapted : adapted.Plus(_bias.to(x.dtype));
    }

    private Tensor Multiply(Tensor x, ScalarType dtype, Func<long, Tensor>? allocate)
    {
        using var scope = NewDisposeScope();
        return MatrixProduct.Apply(x.to(dtype), _weight.detach().to(dtype), allocate).MoveToOuterDisposeScope();
    }

    private Tensor MultiplyBack(Tensor x, Tensor gradient, ScalarType dtype)
    {
        var typed = gradient.contiguous();
        if (_weight.requires_grad) MatrixProduct.AccumulateWeightGradient(typed, x.to(dtype), _weight);
        return MatrixProduct.InputGradient(typed, _weight.detach().to(dtype));
    }

    private Tensor Apply(Tensor x, ScalarType dtype, Func<long, Tensor>? allocate)
    {
        using var scope = NewDisposeScope();
        var product = Multiply(x, dtype, allocate);
        return (_bias is null ? product : product.add_(_bias.detach().to(dtype), TensorArithmetic.One)).MoveToOuterDisposeScope();
    }

    private Tensor Back(Tensor x, Tensor gradient, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var typed = gradient.to(dtype);
        if (_bias is { requires_grad: true }) Traced.Accumulate(_bias, typed.sum([0]));
        return MultiplyBack(x, typed, dtype).MoveToOuterDisposeScope();
    }

    // Each module's columns through its own adapter.
    private Tensor Adapt(Tensor x, Tensor product)
    {
        var (columns, start) = (new List<Tensor>(), 0L);
        foreach (var (name, rows) in _parts)
        {
            var part = product.narrow(-1, start, rows);
            columns.Add(_deltas.TryGetValue(name, out var delta) ? delta.forward(x, part) : part);
            start += rows;
        }
        return cat(columns, -1);
    }

    public IEnumerable<ParameterSlice> Slices
    {
        get
        {
            long start = 0;
            foreach (var (name, rows) in _parts)
            {
                yield return new($"{name}.weight", _weight, start, rows, ParameterKind.Matrix);
                if (_bias is not null) yield return new($"{name}.bias", _bias, start, rows, ParameterKind.Bias);
                start += rows;
            }
        }
    }
}
