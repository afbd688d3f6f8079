using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Serving;

/// <summary>What a model is served as, and the limits within which it is served.</summary>
public sealed record DriftServingOptions
{
    /// <summary>The longest time that can be waited for, as timers count: 24 days.</summary>
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(24);

    /// <summary>The model's name in <c>/v1/models</c> and in requests, which must name it or nothing. Default "drift".</summary>
    public string ModelName { get; init; } = "drift";

    /// <summary>
    /// How to sample where a request does not say. A request without <c>seed</c> draws by <see cref="GenerationOptions.Seed"/> and its number since the start, so no two of
    /// them draw alike; one with a seed draws by that alone. <see cref="GenerationOptions.MaxNewTokens"/> is cut to what the context leaves.
    /// </summary>
    public GenerationOptions Generation { get; init; } = new();

    /// <summary>How many answers are sampled together, and the memory for their keys and values.</summary>
    public GenerationBatching Batching { get; init; } = new();

    /// <summary>
    /// How many answers may wait for a place in the batch. One more is refused with status 429 and <c>Retry-After</c>. 0 or greater; default 64.
    /// </summary>
    public int MaxQueueLength { get; init; } = 64;

    /// <summary>The longest prompt, in tokens; a longer one is refused with status 400. At least 1; null (the default) for what the model's context holds.</summary>
    public int? MaxPromptTokens { get; init; }

    /// <summary>The most tokens of an answer that a request may ask for. At least 1; default 4,096.</summary>
    public int MaxAnswerTokens { get; init; } = 4096;

    /// <summary>The most answers that one request may ask for: its prompts times <c>n</c>. At least 1; default 8.</summary>
    public int MaxChoices { get; init; } = 8;

    /// <summary>The largest body of a request, in bytes; a larger one is refused with status 413. At least 1; default 1 MiB.</summary>
    public long MaxRequestBytes { get; init; } = 1 << 20;

    /// <summary>The longest that a request may take, waiting included; then it ends with an error. Greater than 0, at most 24 days; default 10 minutes.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// What requests must bring as <c>Authorization: Bearer …</c>; null (the default) lets everyone in who reaches the server. The page itself and
    /// <c>/health</c> need no key.
    /// </summary>
    public string? ApiKey { get; init; }

    /// <summary>
    /// The web origins (<c>https://host:port</c>) whose pages may call the endpoints from a browser. None by default: pages of other origins are refused.
    /// </summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>
    /// The JSON Lines file to which complaints made on the page are appended as DSAT rows; null (the default) takes none. Give each server a file of its own.
    /// </summary>
    public string? FeedbackPath { get; init; }

    /// <summary>
    /// The JSON Lines file to which pairs are appended when, after a complaint, someone calls the next answer better; null (the default) takes none. Needs
    /// <see cref="FeedbackPath"/>.
    /// </summary>
    public string? SeedPairsPath { get; init; }

    /// <summary>Every problem of these settings, in words; none for valid ones.</summary>
    internal IEnumerable<string> Problems()
    {
        if (string.IsNullOrWhiteSpace(ModelName)) yield return "ModelName is empty; give the model a name.";
        foreach (var problem in Generation.Problems()) yield return problem;
        foreach (var problem in Batching.Problems()) yield return problem;
        if (MaxQueueLength < 0) yield return $"MaxQueueLength is {MaxQueueLength}; it must be 0 or greater.";
        if (MaxPromptTokens < 1) yield return $"MaxPromptTokens is {MaxPromptTokens}; it must be at least 1.";
        if (MaxAnswerTokens < 1) yield return $"MaxAnswerTokens is {MaxAnswerTokens}; it must be at least 1.";
        if (MaxChoices < 1) yield return $"MaxChoices is {MaxChoices}; it must be at least 1.";
        if (MaxRequestBytes < 1) yield return $"MaxRequestBytes is {MaxRequestBytes}; it must be at least 1.";
        if (RequestTimeout <= TimeSpan.Zero || RequestTimeout > LongestTime) yield return $"RequestTimeout is {RequestTimeout}; it must be greater than 0 and at most 24 days.";
        if (ApiKey is not null && string.IsNullOrWhiteSpace(ApiKey)) yield return "ApiKey is empty; give a key, or null for none.";
        foreach (var origin in AllowedOrigins.Where(origin => !IsOrigin(origin))) yield return $"AllowedOrigins holds \"{origin}\"; an origin is a scheme and a host, such as https://example.com or http://localhost:3000.";
        if (FeedbackPath is { Length: 0 }) yield return "FeedbackPath is empty; give a file, or null for none.";
        if (SeedPairsPath is { Length: 0 }) yield return "SeedPairsPath is empty; give a file, or null for none.";
        if (SeedPairsPath is not null && FeedbackPath is null) yield return "SeedPairsPath has no effect without FeedbackPath: a pair begins with a complaint. Set both.";
        if (SeedPairsPath is not null && FeedbackPath is not null && Path.GetFullPath(SeedPairsPath) == Path.GetFullPath(FeedbackPath)) yield return "SeedPairsPath and FeedbackPath are the same file; their rows differ, so give two.";
    }

    /// <exception cref="ArgumentException">The settings have problems; the message lists all of them.</exception>
    internal void Validate()
    {
        var problems = Problems().ToList();
        if (problems.Count > 0) throw new ArgumentException($"{nameof(DriftServingOptions)}: {string.Join(" ", problems)}");
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && text == uri.GetLeftPart(UriPartial.Authority);
}
