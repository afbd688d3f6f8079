namespace Microsoft.ML.Drift.Models;

/// <summary>
/// A low-rank adapter (LoRA, 2106.09685): next to each chosen matrix W a product B·A of rank <see cref="Rank"/> is trained, and W stays as it is.
/// </summary>
public sealed record LoraOptions
{
    /// <summary>Rank r of the products; at least 1, default 16.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>α: the product counts α / r times, or α / √r times with <see cref="UseRsLora"/>. Greater than 0; default 32.</summary>
    public double Alpha { get; init; } = 32;

    /// <summary>
    /// The matrices to adapt, by the end of their checkpoint names, such as <c>q_proj</c>. By default all linear layers except the output projection.
    /// </summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Scale by α / √r (rank-stabilised LoRA, 2312.03732); default false.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>Train the length of each output row apart from its direction (DoRA, 2402.09353); default false.</summary>
    public bool UseDora { get; init; }

    /// <summary>
    /// The share of the adapter's inputs that training sets to 0, drawn anew for each module and micro-batch, the others scaled up; generation, evaluation and
    /// the reference use all. At least 0 and below 1; default 0. PEFT's <c>lora_dropout</c>. Not for an adapted <c>lm_head</c>.
    /// </summary>
    public double Dropout { get; init; }

    /// <summary>Modules trained as a whole copy and stored with the adapter: <c>lm_head</c>, <c>embed_tokens</c> or both; default none.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Throws once, naming every bad setting.</summary>
    internal void Validate(string parameterName)
    {
        var problems = string.Join(" ", Problems());
        if (problems.Length > 0) throw new ArgumentException(problems, parameterName);
    }

    internal IEnumerable<string> Problems()
    {
        if (Rank < 1) yield return $"Rank is {Rank}; it must be at least 1.";
        if (!(Alpha > 0) || !double.IsFinite(Alpha)) yield return $"Alpha is {Alpha}; it must be greater than 0.";
        if (!(Dropout is >= 0 and < 1)) yield return $"Dropout is {Dropout}; it must be at least 0 and below 1.";
        if (Dropout > 0 && TargetModules.Contains("lm_head")) yield return "Dropout is not available for an adapter on lm_head: set it to 0, or name lm_head in ModulesToSave instead of TargetModules.";
        foreach (var name in TargetModules.Where(string.IsNullOrWhiteSpace)) yield return $"TargetModules names \"{name}\"; a module's name is needed.";
        foreach (var name in ModulesToSave.Where(name => name is not ("lm_head" or "embed_tokens")))
            yield return $"ModulesToSave names \"{name}\"; allowed are lm_head and embed_tokens.";
    }
}
