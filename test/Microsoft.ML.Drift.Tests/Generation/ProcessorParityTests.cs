using System.Text.Json;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Tests.Generation;

/// <summary>Every recorded case of transformers' logits processors: the same tokens excluded, the same probabilities within 1e-6.</summary>
[Trait("Parity", "measured")]
public class ProcessorParityTests
{
    private const float Tolerance = 1e-6f;

    [Fact]
    public void Distribution_RecordedCases_EqualTransformers()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Golden.Folder("hf", "processors.json")));
        var problems = file.RootElement.GetProperty("cases").EnumerateArray().SelectMany(Compare).ToList();
        Assert.True(problems.Count == 0, string.Join(Environment.NewLine, problems));
    }

    private static IEnumerable<string> Compare(JsonElement recorded)
    {
        var name = recorded.GetProperty("name").GetString();
        var expected = Numbers(recorded.GetProperty("probs"), float.NaN);
        var found = Probabilities(recorded, expected.Length);

        // Of equal tokens on the top-p boundary only the number that stays is fixed: compare them as a sorted list.
        var byChance = recorded.TryGetProperty("chance_among", out var tied) ? tied.EnumerateArray().Select(id => id.GetInt32()).ToHashSet() : [];
        var fixedIds = Enumerable.Range(0, expected.Length).Where(id => !byChance.Contains(id));
        var pairs = fixedIds.Select(id => (Id: id, Expected: expected[id], Found: found[id]))
            .Concat(byChance.Select(id => expected[id]).Order().Zip(byChance.Select(id => found[id]).Order(), (e, f) => (-1, e, f)));
        foreach (var (id, e, f) in pairs)
        {
            if (!float.IsNaN(e)) ParityPage.Add("Sampling rules", name!, "probability", MathF.Abs(e - f), Tolerance);
            if (float.IsNaN(e) != float.IsNaN(f)) yield return $"{name}: token {id} is {(float.IsNaN(f) ? "excluded" : "allowed")}, transformers has it the other way";
            else if (!(MathF.Abs(e - f) <= Tolerance) && !float.IsNaN(e)) yield return $"{name}: token {id} has {f}, transformers {e}";
        }
    }

    private static float[] Probabilities(JsonElement recorded, int vocabularySize)
    {
        var settings = recorded.GetProperty("settings");
        var options = ParseSettings(settings);
        var ids = recorded.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
        var promptLength = recorded.GetProperty("prompt_length").GetInt32();
        var history = new TokenHistory(ids.AsSpan(0, promptLength), ids.Length - promptLength);
        foreach (var id in ids[promptLength..]) history.Add(id);
        var endIds = settings.TryGetProperty("eos_token_id", out var eos) ? eos.EnumerateArray().Select(id => id.GetInt32()).ToArray() : [];
        var distribution = new TokenSampler(options, endIds, vocabularySize).Distribution(Numbers(recorded.GetProperty("logits"), float.NegativeInfinity), history);

        var probabilities = Enumerable.Repeat(float.NaN, vocabularySize).ToArray();
        for (var i = 0; i < distribution.Count; i++) probabilities[distribution.Ids[i]] = distribution.Probabilities[i];
        return probabilities;
    }

    /// <summary>The recorded settings by transformers' names; a name that is not known here fails the test.</summary>
    internal static GenerationOptions ParseSettings(JsonElement settings)
    {
        var options = new GenerationOptions { Temperature = 1, TopP = 1 };
        foreach (var setting in settings.EnumerateObject())
        {
            options = setting.Name switch
            {
                "temperature" => options with { Temperature = setting.Value.GetDouble() },
                "top_k" => options with { TopK = setting.Value.GetInt32() },
                "top_p" => options with { TopP = setting.Value.GetDouble() },
                "min_p" => options with { MinP = setting.Value.GetDouble() },
                "typical_p" => options with { TypicalP = setting.Value.GetDouble() },
                "repetition_penalty" => options with { RepetitionPenalty = setting.Value.GetDouble() },
                "no_repeat_ngram_size" => options with { NoRepeatNgramSize = setting.Value.GetInt32() },
                "min_new_tokens" => options with { MinNewTokens = setting.Value.GetInt32() },
                "frequency_penalty" => options with { FrequencyPenalty = setting.Value.GetDouble() },
                "presence_penalty" => options with { PresencePenalty = setting.Value.GetDouble() },
                "eos_token_id" => options,
                _ => throw new InvalidDataException($"Unknown setting '{setting.Name}'."),
            };
        }
        options.Validate();
        return options;
    }

    private static float[] Numbers(JsonElement array, float absent) =>
        array.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Null ? absent : value.GetSingle()).ToArray();
}
