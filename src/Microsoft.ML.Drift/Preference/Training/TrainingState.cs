using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// All a stopped training needs besides the weights to continue as if it had never stopped: steps, optimizer, reference log-probs, and what
/// TRL forgets (BCO's running mean, TR-DPO's moved reference).
/// </summary>
/// <remarks>Tensors and numbers by name, so that any container can hold them. Owns its tensors.</remarks>
/// <param name="copies">Whether it holds copies of the tensors it is given, on the CPU, or the tensors as they are.</param>
internal sealed class TrainingState(bool copies = true) : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Dictionary<string, double> _numbers = [];

    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    public IReadOnlyDictionary<string, double> Numbers => _numbers;

    /// <summary>Keeps a copy, or another handle of the same values.</summary>
    public void Add(string name, Tensor tensor)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var values = tensor.detach();
        _tensors.Add(name, (copies ? values.cpu().clone() : values).DetachFromDisposeScope());
    }

    public void Add(string name, double number) => _numbers.Add(name, number);

    /// <exception cref="InvalidDataException">The state lacks it.</exception>
    public Tensor Tensor(string name) => _tensors.GetValueOrDefault(name) ?? throw Missing(name);

    /// <exception cref="InvalidDataException">The state lacks it.</exception>
    public double Number(string name) => _numbers.TryGetValue(name, out var number) ? number : throw Missing(name);

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values) tensor.Dispose();
        _tensors.Clear();
    }

    private static InvalidDataException Missing(string name) =>
        new($"The training state lacks '{name}'; it was saved by another kind of run. Start the stage again.");
}
