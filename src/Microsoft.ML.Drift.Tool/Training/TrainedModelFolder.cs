using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tool.Training;

/// <summary>Where a training leaves its results.</summary>
/// <remarks>
/// <code>
/// config.json, model.safetensors, tokenizer.json …   the trained model, a Hugging Face folder
/// model.zip                                          the same as an ML.NET model, written last: it is what says that the training is finished
/// adapter/                                           the PEFT adapter, where one was trained; the model above has it merged
/// run.json, reference/, checkpoints/                 what the training is, and where it can be continued
/// metrics.jsonl                                      one line for each optimizer step and evaluation
/// runs/                                              the same as TensorBoard events
/// </code>
/// </remarks>
internal sealed class TrainedModelFolder
{
    private const string RunFile = "run.json";

    private TrainedModelFolder(string path) => Path = path;

    public string Path { get; }

    private string Zip => In("model.zip");

    private string Adapter => In("adapter");

    /// <summary>Prepares the folder.</summary>
    /// <exception cref="InvalidInputException">It holds a model that is not a training's of ours, and nobody asked to overwrite it; or it is the model that is to be trained.</exception>
    public static TrainedModelFolder Open(string path, string model, bool overwrite)
    {
        var folder = new TrainedModelFolder(System.IO.Path.GetFullPath(path));
        if (File.Exists(folder.Path)) throw new InvalidInputException($"--output {path}: this is a file; name a folder.");
        if (System.IO.Path.GetFullPath(model) == folder.Path) throw new InvalidInputException($"--output {path}: this is the model to train; name another folder.");
        var holdsModel = File.Exists(folder.Zip) || File.Exists(folder.In("config.json"));
        // Of a training of ours the trainer itself says whether this is the same one, which is then continued.
        if (holdsModel && !overwrite && !File.Exists(folder.In(RunFile))) throw new InvalidInputException($"--output {path}: this folder already holds a model. Name another one, or say --overwrite.");
        Directory.CreateDirectory(folder.Path);
        if (overwrite) folder.RemoveAll();
        return folder;
    }

    /// <summary>Writes the trained model in every form; an adapter is merged first.</summary>
    public void Save(MLContext context, CausalLMTransformer transformer)
    {
        var model = transformer.Model;
        if (model.HasAdapter)
        {
            model.SaveAdapter(Adapter);
            model.MergeAdapter();
        }
        model.Save(Path);
        ModelZipFile.Write(context, transformer, Zip);
    }

    // The marks of a finished model go first.
    private void RemoveAll()
    {
        foreach (var file in new[] { Zip, In("config.json"), In(RunFile), In("metrics.jsonl") }) File.Delete(file);
        foreach (var weights in Directory.GetFiles(Path, "model*.safetensors*")) File.Delete(weights);
        foreach (var part in new[] { Adapter, In("checkpoints"), In("reference"), In("runs") })
            if (Directory.Exists(part)) Directory.Delete(part, recursive: true);
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}

/// <summary>Writes ML.NET model files whole or not at all.</summary>
internal static class ModelZipFile
{
    public static void Write(MLContext context, CausalLMTransformer transformer, string path)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            context.Model.Save(transformer, context.Data.LoadFromEnumerable<PromptRow>([]).Schema, temporary);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>What such a model reads.</summary>
    internal sealed class PromptRow
    {
        public string Prompt { get; set; } = "";
    }
}
