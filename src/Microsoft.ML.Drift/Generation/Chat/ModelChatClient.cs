using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>A model of ours as a chat client. Calls that overlap share one running batch.</summary>
internal sealed class ModelChatClient : IChatClient
{
    // OpenAI's names and limit.
    private const string LogProbs = "logprobs";
    private const string TopLogProbs = "top_logprobs";
    private const int MostTopLogProbs = 20;

    private readonly CausalLM _model;
    private readonly ChatEncoder _encoder;
    private readonly GenerationOptions _defaults;
    private readonly GenerationService _service;
    private readonly Lazy<ChatClientMetadata> _metadata;

    /// <exception cref="InvalidOperationException">The model has no tokenizer or no chat template.</exception>
    public ModelChatClient(CausalLM model, GenerationOptions defaults, GenerationBatching batching)
    {
        var tokenizer = model.Tokenizer ?? throw new InvalidOperationException("The model has no tokenizer (its folder has no tokenizer.json), so it can neither read nor write text.");
        if (model.ChatTemplate is null) throw new InvalidOperationException("The model has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json), so that messages cannot be put to it. Add one to the model's files.");
        (_model, _defaults) = (model, defaults);
        _encoder = new(tokenizer, model.ChatTemplate, model.EndOfSequenceIds);
        // The weights are hashed when somebody asks who replies, such as a cache of replies.
        var id = new Lazy<string>(() => $"local-{PolicyFingerprint.Of(model)[..16]}, {defaults.Describe()}");
        _metadata = new(() => new ChatClientMetadata("Microsoft.ML.Drift", defaultModelId: id.Value));
        _service = new GenerationService(model, batching, defaults.Weights);
    }

    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in GetStreamingResponseAsync(messages, options, cancellationToken).ConfigureAwait(false)) updates.Add(update);
        var response = updates.ToChatResponse();
        if (updates.Any(update => update.AdditionalProperties?.ContainsKey(LogProbs) == true)) response.AdditionalProperties = new() { [LogProbs] = Joined(updates) };
        return response;
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var prompt = _encoder.EncodePrompt(new ChatOrText(WithInstructions(messages, options?.Instructions)));
        var (generation, candidates) = Settings(options);
        var id = Guid.NewGuid().ToString("N");
        var made = 0;
        // Random draws are keyed by the prompt: the same question with the same seed has the same answer.
        var request = new GenerationRequest(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(prompt.AsSpan()))), prompt);
        await foreach (var token in _service.Generate(request, generation, candidates ?? 0, cancellationToken).ConfigureAwait(false))
        {
            made++;
            if (token.Text.Length == 0 && token.FinishReason is null && candidates is null) continue;
            var update = new ChatResponseUpdate(ChatRole.Assistant, token.Text) { ResponseId = id, MessageId = id };
            if (candidates is not null) update.AdditionalProperties = new() { [LogProbs] = LogProbsOf(token) };
            if (token.FinishReason is { } reason)
            {
                update.FinishReason = reason == FinishReason.Stop ? ChatFinishReason.Stop : ChatFinishReason.Length;
                update.Contents.Add(new UsageContent(new UsageDetails { InputTokenCount = prompt.Length, OutputTokenCount = made, TotalTokenCount = prompt.Length + made }));
            }
            yield return update;
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        return serviceType == typeof(ChatClientMetadata) ? _metadata.Value
            : serviceType == typeof(CausalLM) ? _model
            : serviceType == typeof(GenerationService) ? _service
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    public void Dispose() => _service.Dispose();

    private static IReadOnlyList<ChatMessage> WithInstructions(IEnumerable<ChatMessage> messages, string? instructions) =>
        string.IsNullOrEmpty(instructions) ? [.. messages] : [new ChatMessage(ChatRole.System, instructions), .. messages];

    /// <summary>The call's settings over the client's own, and how many candidates are wanted for each token; null: none.</summary>
    /// <exception cref="NotSupportedException">The call wants something that this client does not do.</exception>
    /// <exception cref="ArgumentException">A setting is bad.</exception>
    private (GenerationOptions Generation, int? Candidates) Settings(ChatOptions? options)
    {
        if (options is null) return (_defaults, null);
        if (options.Tools is { Count: > 0 }) throw new NotSupportedException("A local model calls no tools; remove them from the options.");
        if (options.ResponseFormat is ChatResponseFormatJson) throw new NotSupportedException("A local model's answers cannot be held to JSON; ask for it in the prompt.");
        if (options.ConversationId is not null) throw new NotSupportedException("A local model keeps no conversations; send all messages, and no ConversationId.");
        if (options.ModelId is { } model && model != _metadata.Value.DefaultModelId) throw new NotSupportedException($"The options ask for the model \"{model}\"; this client has one model, \"{_metadata.Value.DefaultModelId}\". Leave ModelId null.");
        var generation = _defaults with
        {
            Temperature = options.Temperature ?? _defaults.Temperature,
            TopP = options.TopP ?? _defaults.TopP,
            TopK = options.TopK ?? _defaults.TopK,
            MaxNewTokens = options.MaxOutputTokens ?? _defaults.MaxNewTokens,
            FrequencyPenalty = options.FrequencyPenalty ?? _defaults.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? _defaults.PresencePenalty,
            Seed = options.Seed ?? _defaults.Seed,
            StopTexts = options.StopSequences is { Count: > 0 } stops ? [.. stops] : _defaults.StopTexts,
        };
        var candidates = Number(options, TopLogProbs);
        if (candidates is < 0 or > MostTopLogProbs) throw new ArgumentException($"{TopLogProbs} is {candidates}; it must lie between 0 and {MostTopLogProbs}.", nameof(options));
        return (generation, candidates ?? (options.AdditionalProperties?.GetValueOrDefault(LogProbs) is true ? 0 : null));
    }

    private static int? Number(ChatOptions options, string name) => options.AdditionalProperties?.GetValueOrDefault(name) switch
    {
        null => null,
        int number => number,
        long number => checked((int)number),
        var other => throw new ArgumentException($"{name} is {other}; it must be a whole number.", nameof(options)),
    };

    /// <summary>A token as OpenAI's protocol has it.</summary>
    private JsonElement LogProbsOf(GeneratedToken token)
    {
        var candidates = new JsonArray([.. token.MostProbable.Select(candidate => Entry(candidate.Id, candidate.LogProb))]);
        var entry = Entry(token.Id, token.LogProb);
        entry["top_logprobs"] = candidates;
        return JsonSerializer.SerializeToElement(new JsonObject { ["content"] = new JsonArray(entry) });
    }

    private JsonObject Entry(int id, float logProb)
    {
        var text = _encoder.Tokenizer.Decode([id]);
        return new JsonObject { ["token"] = text, ["logprob"] = Math.Max(logProb, -9999f), ["bytes"] = new JsonArray([.. Encoding.UTF8.GetBytes(text).Select(value => (JsonNode)(int)value)]) };
    }

    private static JsonElement Joined(IEnumerable<ChatResponseUpdate> updates)
    {
        var tokens = updates.Select(update => update.AdditionalProperties?.GetValueOrDefault(LogProbs)).OfType<JsonElement>().SelectMany(part => part.GetProperty("content").EnumerateArray());
        return JsonSerializer.SerializeToElement(new { content = tokens });
    }
}
