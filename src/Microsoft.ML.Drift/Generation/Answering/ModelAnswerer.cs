using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>Answers with a model: prompts go through its chat template and tokenizer, and their ids through the generation engine.</summary>
internal sealed class ModelAnswerer : IPromptAnswerer
{
    private readonly Lazy<GenerationEngine> _engine;
    private readonly Lazy<ChatEncoder> _encoder;

    /// <exception cref="ArgumentException">The settings have problems. What they ask for and this machine cannot do is an error of the first answer: a model file can be opened everywhere.</exception>
    public ModelAnswerer(CausalLM model, GenerationOptions options, GenerationBatching batching)
    {
        GenerationEngine.Check(model.Tokenizer, options, batching);
        _engine = new(() => new(model, options, batching));
        _encoder = new(() => EncoderOf(model));
    }

    public bool TakesMessages => _encoder.Value.Template is not null;

    public IReadOnlyList<string> Answer(IReadOnlyList<PromptRow> rows)
    {
        var requests = rows.Select(row => new GenerationRequest(row.RowId, _encoder.Value.EncodePrompt(row.Prompt))).ToArray();
        return [.. _engine.Value.Generate(requests).Select(result => result.Text!)];
    }

    private static ChatEncoder EncoderOf(CausalLM model) => model.Tokenizer is { } tokenizer
        ? new(tokenizer, model.ChatTemplate, model.EndOfSequenceIds)
        : throw new InvalidOperationException("The model has no tokenizer (its folder has no tokenizer.json), so it can neither read nor write text.");
}
