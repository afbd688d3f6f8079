using Microsoft.ML.Drift.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Updates parameters in place from their gradients, with PyTorch's arithmetic. A parameter without a gradient stays as it is.
/// </summary>
internal abstract class ParameterOptimizer : IDisposable
{
    private readonly Dictionary<string, Tensor[]> _state = [];

    protected ParameterOptimizer(IReadOnlyList<TrainedParameter> parameters) => Parameters = parameters;

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>The names of the tensors kept per parameter, each of the parameter's shape and float32.</summary>
    protected abstract IReadOnlyList<string> StateNames { get; }

    /// <summary>How many steps were taken.</summary>
    public long StepCount { get; private set; }

    /// <summary>One update.</summary>
    /// <param name="learningRate">The rate of this step; 0 still takes the gradients into the state.</param>
    /// <param name="gradientFactor">What every gradient is multiplied by as it is read: <see cref="GradientClipping.Factor"/>.</param>
    public void Step(double learningRate, double gradientFactor = 1)
    {
        using var mode = no_grad();
        StepCount++;
        var pieces = new List<Piece>();
        foreach (var parameter in Parameters)
        {
            using var scope = NewDisposeScope(); // each read of grad is a new handle
            if (parameter.Tensor.grad is not { } gradient) continue;
            var state = StateOf(parameter);
            if (FusedRows.CanUse(parameter.Tensor) && FusedRows.CanUse(gradient)) pieces.AddRange(PiecesOf(parameter, gradient, state));
            else Update(parameter, gradientFactor == 1 ? gradient : gradient.MultiplyInPlace(gradientFactor), state, learningRate);
        }
        // All parameters in one round: what a tensor of a few hundred weights costs is its weights.
        TorchTeam.Run(pieces.Count, index => Update(pieces[index], learningRate, (float)gradientFactor));
    }

    /// <summary>Takes the memory of state and gradients now: taken among the short-lived tensors of a step, it would leave gaps that nothing else fills.</summary>
    public void Reserve()
    {
        using var mode = no_grad();
        foreach (var parameter in Parameters)
        {
            using var scope = NewDisposeScope();
            StateOf(parameter);
            if (parameter.EveryStepReachesIt && parameter.Tensor.grad is null) parameter.Tensor.grad = zeros_like(parameter.Tensor);
        }
    }

    /// <summary>Forgets all gradients. The memory stays where the next step needs it again.</summary>
    public void ZeroGradients()
    {
        using var mode = no_grad();
        foreach (var parameter in Parameters)
        {
            using var scope = NewDisposeScope(); // each read of grad is a new handle
            if (parameter.EveryStepReachesIt) parameter.Tensor.grad?.zero_();
            else parameter.Tensor.grad = null;
        }
    }

    /// <summary>Forgets all gradients, and their memory.</summary>
    public void ReleaseGradients()
    {
        foreach (var parameter in Parameters) parameter.Tensor.grad = null;
    }

    /// <summary>State tensors by "parameter.state name", for a checkpoint; views of the live state.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> ExportState()
    {
        foreach (var parameter in Parameters)
        {
            if (!_state.TryGetValue(parameter.Name, out var tensors)) continue;
            for (var i = 0; i < tensors.Length; i++) yield return ($"{parameter.Name}.{StateNames[i]}", tensors[i]);
        }
    }

    /// <summary>Continues from an exported state.</summary>
    /// <param name="stepCount">The exported <see cref="StepCount"/>.</param>
    /// <param name="read">The tensor of a name, or null where the state has none.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or of another shape.</exception>
    public void ImportState(long stepCount, Func<string, Tensor?> read)
    {
        using var mode = no_grad();
        StepCount = stepCount;
        foreach (var parameter in Parameters)
        {
            for (var i = 0; i < StateNames.Count; i++)
            {
                var name = $"{parameter.Name}.{StateNames[i]}";
                if (read(name) is not { } saved)
                {
                    if (i > 0) throw new InvalidDataException($"The optimizer state lacks '{name}'.");
                    break;
                }
                var live = StateOf(parameter)[i];
                if (!saved.shape.SequenceEqual(live.shape))
                    throw new InvalidDataException(
                        $"The optimizer state's '{name}' has shape [{string.Join(", ", saved.shape)}]; the model's has [{string.Join(", ", live.shape)}].");
                live.copy_(saved);
            }
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _state.Values.SelectMany(tensors => tensors)) tensor.Dispose();
        _state.Clear();
    }

    /// <summary>One parameter's update; temporaries may be left to the current dispose scope.</summary>
    protected abstract void Update(TrainedParameter parameter, Tensor gradient, Tensor[] state, double learningRate);

    /// <summary>The same for some weights in main memory, in one pass.</summary>
    protected abstract void Update(Piece piece, double learningRate, float gradientFactor);

    private static IEnumerable<Piece> PiecesOf(TrainedParameter parameter, Tensor gradient, Tensor[] state)
    {
        var (weights, gradients, first, second) = (Address(parameter.Tensor), Address(gradient), Address(state[0]), state.Length > 1 ? Address(state[1]) : 0);
        var count = parameter.Tensor.numel();
        for (long start = 0; start < count; start += Piece.MostWeights)
        {
            var offset = (nint)start * sizeof(float);
            yield return new(weights + offset, gradients + offset, first + offset, second + offset, (int)Math.Min(Piece.MostWeights, count - start), parameter.Decays);
        }
    }

    private static unsafe nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    private Tensor[] StateOf(TrainedParameter parameter)
    {
        if (_state.TryGetValue(parameter.Name, out var tensors)) return tensors;
        tensors = [.. StateNames.Select(_ => zeros_like(parameter.Tensor, ScalarType.Float32).DetachFromDisposeScope())];
        _state.Add(parameter.Name, tensors);
        return tensors;
    }

    /// <summary>Neighbouring weights, and what belongs to them: addresses of float32 numbers.</summary>
    protected readonly record struct Piece(nint Weights, nint Gradients, nint FirstState, nint SecondState, int Count, bool Decays)
    {
        /// <summary>Some ten microseconds of work.</summary>
        public const int MostWeights = 1 << 16;
    }
}
