using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Models;

/// <summary>The type in which weights are kept.</summary>
public enum WeightType
{
    /// <summary>32 bits; what training needs.</summary>
    Float32,

    /// <summary>16 bits with float32's range: half the memory, three significant digits. Meant for generation; an update of 5e-7 does not move such a weight.</summary>
    BFloat16,
}

/// <summary>Where a model goes, and in which type.</summary>
public sealed record CausalLMLoadOptions
{
    /// <summary>The device: <c>cpu</c>, <c>cuda</c> or <c>cuda:n</c>. Default <c>cpu</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>The type in which weights are kept, whatever they are stored as. Default <see cref="WeightType.Float32"/>.</summary>
    public WeightType Dtype { get; init; } = WeightType.Float32;

    /// <summary>A chat template (Jinja source) in place of the model's own; it is saved with the model. Null (the default) keeps the model's own.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>
    /// For an adapter that is stored without its base model (a PEFT folder, a model file with an adapter): the base model's folder or GGUF file. Null (the
    /// default) looks in the models and folders of models that the environment variable DRIFT_BASE_MODELS lists, and where the adapter says.
    /// </summary>
    public string? BaseModel { get; init; }

    /// <exception cref="ArgumentException">A base model is named for a model that is whole.</exception>
    internal void RefuseBaseModel(string path)
    {
        if (BaseModel is not null) throw new ArgumentException($"BaseModel is set, but {path} is a whole model; only an adapter needs one.", nameof(BaseModel));
    }

    internal ParameterStorage Storage()
    {
        TorchRuntime.EnsureLoaded();
        return new(ParseDevice(), Dtype switch
        {
            WeightType.Float32 => ScalarType.Float32,
            WeightType.BFloat16 => ScalarType.BFloat16,
            _ => throw new ArgumentException($"Dtype is {Dtype}; allowed are Float32 and BFloat16.", nameof(Dtype)),
        });
    }

    private Device ParseDevice()
    {
        var parts = Device.Split(':');
        if (parts is ["cpu"]) return CPU;
        var index = 0;
        if (parts is not (["cuda"] or ["cuda", _]) || (parts.Length == 2 && (!int.TryParse(parts[1], out index) || index < 0)))
            throw new ArgumentException($"Device is \"{Device}\"; allowed are cpu, cuda and cuda:n, n from 0.", nameof(Device));
        if (!cuda.is_available())
            throw new ArgumentException($"Device is \"{Device}\", but CUDA is not available: the application needs the package TorchSharp-cuda-linux or TorchSharp-cuda-windows and an NVIDIA driver.", nameof(Device));
        if (index >= cuda.device_count()) throw new ArgumentException($"Device is \"{Device}\", but there are {cuda.device_count()} CUDA devices.", nameof(Device));
        return new Device(TorchSharp.DeviceType.CUDA, index);
    }
}
