namespace Microsoft.ML.Drift.Models;

/// <summary>Weights as Python pickles them: such a file is a program that runs when it is read. It is known by its name and never opened.</summary>
internal static class PickledWeights
{
    private static readonly string[] Endings = [".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"];

    public static bool IsName(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>The first such file of a folder; null without one.</summary>
    public static string? In(string folder) => Directory.EnumerateFiles(folder).Where(IsName).Order(StringComparer.Ordinal).FirstOrDefault();

    public static InvalidDataException Refusal(string path) => new(
        $"{path} holds pickled weights, which are a program that runs when it is read; this library never opens one. Get the model's safetensors files, " +
        "or convert it where you trust it: transformers' save_pretrained(folder, safe_serialization=True) writes them.");
}
