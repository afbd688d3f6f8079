using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Serving.Protocol;

/// <summary>Bodies of <c>/v1/chat/completions</c> and <c>/v1/completions</c> to <see cref="AnswerRequest"/>: names and ranges of OpenAI's reference, with vLLM's additions.</summary>
internal sealed class RequestReader
{
    /// <summary>What would change the answer if it were heeded, and is not: refused rather than ignored. Other unknown fields are ignored.</summary>
    private static readonly string[] Unsupported = ["tools", "functions", "logit_bias", "suffix", "echo", "audio", "web_search_options"];

    private const int MostStops = 16, MostTopLogProbs = 20;

    private readonly PretrainedTokenizer _tokenizer;
    private readonly ChatTemplate? _template;
    private readonly DriftServingOptions _options;
    private readonly int _context, _vocabulary;

    /// <exception cref="ArgumentException">The model has no tokenizer.</exception>
    public RequestReader(CausalLM model, DriftServingOptions options)
    {
        _tokenizer = model.Tokenizer ?? throw new ArgumentException("The model has no tokenizer (its folder has no tokenizer.json), so it can neither read nor write text and cannot be served.", nameof(model));
        (_template, _options) = (model.ChatTemplate, options);
        _context = model.Configuration.MaxPositionEmbeddings ?? int.MaxValue;
        _vocabulary = model.Configuration.VocabularySize;
    }

    /// <summary>A body of <c>/v1/chat/completions</c>.</summary>
    /// <exception cref="ApiException">Something is wrong with it.</exception>
    public AnswerRequest ReadChat(JsonElement body)
    {
        var fields = Begin(body);
        if (fields.Find("response_format") is { } format && (format.ValueKind != JsonValueKind.Object || new JsonFields(format).Text("type") != "text"))
            throw ApiException.BadRequest("'response_format' other than {\"type\": \"text\"} is not supported: this server cannot force an answer into a form.", "response_format", "unsupported_parameter");
        if (fields.Find("modalities") is { } modalities && (modalities.ValueKind != JsonValueKind.Array || modalities.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String || item.GetString() != "text")))
            throw ApiException.BadRequest("'modalities' other than [\"text\"] are not supported: this model writes text.", "modalities", "unsupported_parameter");
        var wantsLogProbs = fields.Flag("logprobs");
        var top = fields.Integer("top_logprobs", 0, Math.Min(MostTopLogProbs, _vocabulary));
        if (top is not null && !wantsLogProbs) throw ApiException.BadRequest("'top_logprobs' needs 'logprobs': true.", "top_logprobs");
        var prompt = Encode(Render(ChatMessages.Read(fields)), "messages");
        return Finish(fields, [prompt], "messages", wantsLogProbs ? top ?? 0 : null);
    }

    /// <summary>A body of <c>/v1/completions</c>.</summary>
    /// <exception cref="ApiException">Something is wrong with it.</exception>
    public AnswerRequest ReadCompletion(JsonElement body)
    {
        var fields = Begin(body);
        var prompts = Prompts(fields);
        var choices = fields.Integer("n", 1, _options.MaxChoices) ?? 1;
        if (fields.Integer("best_of", 1, int.MaxValue) is { } best && best != choices)
            throw ApiException.BadRequest("'best_of' other than 'n' is not supported.", "best_of", "unsupported_parameter");
        return Finish(fields, prompts, "prompt", fields.Integer("logprobs", 0, Math.Min(MostTopLogProbs, _vocabulary)));
    }

    private JsonFields Begin(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object) throw ApiException.BadRequest("The body must be one JSON object.");
        var fields = new JsonFields(body);
        if (fields.Text("model") is { } model && model != _options.ModelName) throw ApiException.UnknownModel(model, _options.ModelName);
        foreach (var name in Unsupported)
            if (fields.Find(name) is { } value && !SaysNothing(value))
                throw ApiException.BadRequest($"'{name}' is not supported by this server; leave it out.", name, "unsupported_parameter");
        return fields;
    }

    private AnswerRequest Finish(JsonFields fields, IReadOnlyList<int[]> prompts, string promptField, int? topLogProbs)
    {
        var choices = fields.Integer("n", 1, _options.MaxChoices) ?? 1;
        if ((long)choices * prompts.Count > _options.MaxChoices)
            throw ApiException.BadRequest($"{prompts.Count} prompts with 'n' = {choices} ask for {choices * prompts.Count} answers; at most {_options.MaxChoices} are allowed in one request.", "n");
        var longest = prompts.Max(prompt => prompt.Length);
        var allowed = Math.Min(_options.MaxPromptTokens ?? int.MaxValue, _context - 1);
        if (longest > allowed) throw ApiException.PromptTooLong(longest, allowed, promptField);
        var seed = fields.Seed("seed");
        var stream = fields.Flag("stream");
        return new()
        {
            Prompts = prompts,
            ChoicesPerPrompt = choices,
            Options = Settings(fields, _context - longest) with { Seed = seed ?? _options.Generation.Seed },
            IsSeeded = seed is not null,
            TopLogProbs = topLogProbs,
            Stream = stream,
            IncludeUsage = IncludeUsage(fields, stream),
        };
    }

    private GenerationOptions Settings(JsonFields fields, int room)
    {
        var defaults = _options.Generation;
        var asked = MaxTokens(fields);
        if (asked > room)
            throw ApiException.BadRequest($"The prompt and {asked} new tokens exceed the model's context of {_context} tokens; at most {room} new tokens fit.", "max_tokens", "context_length_exceeded");
        var stops = fields.Texts("stop");
        if (stops is { Count: > MostStops }) throw ApiException.BadRequest($"'stop' has {stops.Count} texts; at most {MostStops} are allowed.", "stop");
        var settings = defaults with
        {
            MaxNewTokens = asked ?? Math.Min(defaults.MaxNewTokens, room),
            MinNewTokens = fields.Integer("min_tokens", 0, int.MaxValue) ?? (defaults.MinNewTokens is { } least ? Math.Min(least, asked ?? room) : null),
            Temperature = fields.Number("temperature", 0, 2) ?? defaults.Temperature,
            TopP = fields.Number("top_p", 0, 1) ?? defaults.TopP,
            TopK = fields.Integer("top_k", -1, int.MaxValue) is { } k ? Math.Max(0, k) : defaults.TopK,
            MinP = fields.Number("min_p", 0, 1) ?? defaults.MinP,
            FrequencyPenalty = fields.Number("frequency_penalty", -2, 2) ?? defaults.FrequencyPenalty,
            PresencePenalty = fields.Number("presence_penalty", -2, 2) ?? defaults.PresencePenalty,
            RepetitionPenalty = fields.Number("repetition_penalty", 0, 100) ?? defaults.RepetitionPenalty,
            IgnoreEos = fields.Find("ignore_eos") is null ? defaults.IgnoreEos : fields.Flag("ignore_eos"),
            StopTexts = stops ?? defaults.StopTexts,
        };
        var problems = settings.Problems().ToList();
        return problems.Count == 0 ? settings : throw ApiException.BadRequest(string.Join(" ", problems));
    }

    private int? MaxTokens(JsonFields fields)
    {
        var newName = fields.Integer("max_completion_tokens", 1, _options.MaxAnswerTokens);
        var oldName = fields.Integer("max_tokens", 1, _options.MaxAnswerTokens);
        if (newName is not null && oldName is not null && newName != oldName)
            throw ApiException.BadRequest("'max_tokens' and 'max_completion_tokens' differ; give one of them.", "max_tokens");
        return newName ?? oldName;
    }

    private static bool IncludeUsage(JsonFields fields, bool stream)
    {
        if (fields.Find("stream_options") is not { } options) return false;
        if (!stream) throw ApiException.BadRequest("'stream_options' needs 'stream': true.", "stream_options");
        return options.ValueKind == JsonValueKind.Object ? new JsonFields(options).Flag("include_usage") : throw JsonFields.Wrong("stream_options", options, "an object");
    }

    private string Render(List<ChatMessage> messages)
    {
        if (_template is null)
            throw ApiException.BadRequest("This model has no chat template, so messages cannot be put to it; use /v1/completions.", "messages", "no_chat_template");
        try
        {
            var continues = messages[^1].Role == ChatRole.Assistant;
            return _template.Render(messages, new ChatTemplateOptions { AddGenerationPrompt = !continues, ContinueFinalMessage = continues });
        }
        catch (Exception refusal) when (refusal is ChatTemplateException or ArgumentException)
        {
            throw ApiException.BadRequest($"The model's chat template refuses the messages: {refusal.Message}", "messages", "chat_template");
        }
    }

    /// <summary>A text, a list of texts, a list of token ids, or a list of those.</summary>
    private List<int[]> Prompts(JsonFields fields)
    {
        if (fields.Find("prompt") is not { } prompt) throw ApiException.BadRequest("'prompt' is missing; give a text.", "prompt", "missing_field");
        if (prompt.ValueKind == JsonValueKind.String) return [Encode(JsonFields.TextOf(prompt, "prompt"), "prompt")];
        if (prompt.ValueKind != JsonValueKind.Array) throw JsonFields.Wrong("prompt", prompt, "a text, a list of texts, or token ids");
        var count = prompt.GetArrayLength();
        if (count == 0) throw ApiException.BadRequest("'prompt' is empty.", "prompt");
        if (prompt[0].ValueKind == JsonValueKind.Number) return [Ids(prompt, "prompt")];
        if (count > _options.MaxChoices) throw ApiException.BadRequest($"'prompt' has {count} prompts; at most {_options.MaxChoices} answers are allowed in one request.", "prompt");
        return [.. prompt.EnumerateArray().Select((item, index) => item.ValueKind == JsonValueKind.Array ? Ids(item, $"prompt[{index}]") : Encode(JsonFields.TextOf(item, $"prompt[{index}]"), $"prompt[{index}]"))];
    }

    private int[] Ids(JsonElement list, string name)
    {
        if (list.GetArrayLength() == 0) throw ApiException.BadRequest($"'{name}' is empty.", name);
        return [.. list.EnumerateArray().Select((item, index) =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var id) && id >= 0 && id < _vocabulary
                ? id
                : throw ApiException.BadRequest($"'{name}[{index}]' is {(item.ValueKind == JsonValueKind.Number ? item.GetRawText() : "no number")}; token ids are whole numbers from 0 to {_vocabulary - 1}.", name))];
    }

    private int[] Encode(string text, string name)
    {
        var ids = _tokenizer.Encode(text);
        return ids.Length > 0 ? ids : throw ApiException.BadRequest($"'{name}' has no token; a model needs at least one to start from.", name);
    }

    private static bool SaysNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.ValueEquals(""),
        _ => false,
    };
}
