using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Persistence;

namespace Microsoft.ML.Drift.Models;

/// <summary>A model's tokenizer or chat template without its weights, for work on text alone.</summary>
public static class ModelText
{
    /// <summary>Reads the tokenizer of a model folder, a GGUF file or a model zip.</summary>
    /// <param name="path">What <see cref="CausalLM.Load"/> takes; a folder needs no weights.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder or file.</exception>
    /// <exception cref="InvalidDataException">The model has no tokenizer, or one that is damaged or uses a component that is not supported.</exception>
    public static PretrainedTokenizer LoadTokenizer(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (ModelZip.IsZip(path))
        {
            return ModelFiles.FromFiles(ModelZip.ReadFiles(path), path).Tokenizer ?? throw NoTokenizer(path);
        }
        if (GgufIn(path) is not { } file) return PretrainedTokenizer.Load(path);
        using var gguf = GgufFile.Open(file);
        return gguf.Metadata.ContainsKey("tokenizer.ggml.tokens") ? PretrainedTokenizer.FromGgufMetadata(gguf.Metadata) : throw NoTokenizer(path);
    }

    /// <summary>Reads the chat template of a model folder, a GGUF file or a model zip. A folder needs the template and the special tokens' names, no tokenizer.</summary>
    /// <inheritdoc cref="LoadTokenizer"/>
    /// <exception cref="ChatTemplateException">The template is malformed.</exception>
    public static ChatTemplate LoadChatTemplate(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path) && ConfigurationIn(path) is { ChatTemplate: { } own } configuration) return ChatTemplate.Parse(own, configuration.SpecialTokens);
        var tokenizer = LoadTokenizer(path);
        return tokenizer.ChatTemplateSource is { } source
            ? ChatTemplate.Parse(source, tokenizer.SpecialTokens)
            : throw new InvalidDataException($"{path}: there is no chat template; it stands in {TokenizerConfiguration.ChatTemplateName} or in {TokenizerConfiguration.FileName}.");
    }

    private static TokenizerConfiguration ConfigurationIn(string folder)
    {
        string[] names = [TokenizerConfiguration.FileName, TokenizerConfiguration.SpecialTokensMapName, TokenizerConfiguration.ChatTemplateName];
        return TokenizerConfiguration.Read(names.Where(name => File.Exists(Path.Combine(folder, name))).ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(folder, name))));
    }

    // The folder's own tokenizer.json wins over a GGUF file's metadata.
    private static string? GgufIn(string path)
    {
        if (File.Exists(path)) return path;
        if (!Directory.Exists(path)) throw new DirectoryNotFoundException($"{path}: there is no such model folder or file.");
        return File.Exists(Path.Combine(path, "tokenizer.json")) ? null : Directory.GetFiles(path, "*.gguf") is [var only] ? only : null;
    }

    private static InvalidDataException NoTokenizer(string path) => new($"{path}: the model has no tokenizer.");
}
