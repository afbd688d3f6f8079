using System.CommandLine;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Tool;

/// <summary>The command line's words for <see cref="GenerationOptions"/>; an option that is not given keeps the library's default.</summary>
internal static class GenerationSettings
{
    private static readonly GenerationOptions Defaults = new();

    private static readonly Option<int> MaxNewTokens = new("--max-new-tokens") { Description = "The longest answer.", HelpName = "N", DefaultValueFactory = _ => Defaults.MaxNewTokens };
    private static readonly Option<double> Temperature = new("--temperature") { Description = "0 takes the most probable token.", HelpName = "T", DefaultValueFactory = _ => Defaults.Temperature };
    private static readonly Option<double?> TopP = new("--top-p") { Description = $"The smallest set of tokens with this probability stays. [default: {FormattableString.Invariant($"{Defaults.TopP}")}]", HelpName = "P" };
    private static readonly Option<int?> TopK = new("--top-k") { Description = "The K most probable tokens stay.", HelpName = "K" };
    private static readonly Option<double?> MinP = new("--min-p") { Description = "Tokens with this share of the best one's probability stay.", HelpName = "P" };
    private static readonly Option<double?> RepetitionPenalty = new("--repetition-penalty") { Description = "Above 1: tokens seen before become less likely.", HelpName = "X" };
    private static readonly Option<bool> IgnoreEos = new("--ignore-eos") { Description = "End tokens do not end an answer." };
    private static readonly Option<string[]> Stop = new("--stop") { Description = "End an answer before this text; may be repeated.", HelpName = "TEXT" };
    private static readonly Option<string> Weights = new Option<string>("--weights")
    {
        Description = "How exactly the weights are read: q8_0 is faster at small batches; it needs AVX-512 and a float32 model.",
        DefaultValueFactory = _ => "float32",
    }.AcceptOnlyFromAmong("float32", "q8_0");

    private static readonly Option<int> BatchSize = new("--batch-size") { Description = "Rows sampled together; results do not depend on it.", HelpName = "N", DefaultValueFactory = _ => new GenerationBatching().BatchSize };

    public static void AddTo(CliCommand command)
    {
        foreach (var option in new Option[] { MaxNewTokens, Temperature, TopP, TopK, MinP, RepetitionPenalty, IgnoreEos, Stop, Weights, BatchSize }) command.Options.Add(option);
    }

    public static GenerationOptions Read(ParseResult parsed)
    {
        var temperature = parsed.GetValue(Temperature);
        return new GenerationOptions
        {
            MaxNewTokens = parsed.GetValue(MaxNewTokens),
            Temperature = temperature,
            TopP = parsed.GetValue(TopP) ?? (temperature == 0 ? 1 : Defaults.TopP),
            TopK = parsed.GetValue(TopK),
            MinP = parsed.GetValue(MinP),
            RepetitionPenalty = parsed.GetValue(RepetitionPenalty),
            IgnoreEos = parsed.GetValue(IgnoreEos),
            StopTexts = parsed.GetValue(Stop) ?? [],
            Weights = Enum.Parse<WeightPrecision>(parsed.GetValue(Weights)!, ignoreCase: true),
            Seed = parsed.GetValue(CommonOptions.Seed),
        };
    }

    public static GenerationBatching ReadBatching(ParseResult parsed) => new() { BatchSize = parsed.GetValue(BatchSize) };
}
