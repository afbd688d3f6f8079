using System.Text.Json.Nodes;
using TorchSharp;

namespace Microsoft.ML.Drift.Models;

/// <summary>Rotary positions of a GGUF file as config.json describes them: <c>rope_theta</c> and <c>rope_scaling</c>.</summary>
internal static class GgufRotary
{
    public static void Read(JsonObject config, GgufFile file, GgufFields fields)
    {
        var theta = fields.OptionalPositive("rope.freq_base") ?? 10000;
        config["rope_theta"] = theta;
        config["rope_scaling"] = file.Contains(GgufNames.RotaryFactors)
            ? Llama3(file, fields, theta, (int)config["head_dim"]!)
            : Scaling(config, fields);
    }

    private static JsonObject? Scaling(JsonObject config, GgufFields fields)
    {
        // llama.cpp takes "linear" for granted where only a factor is given.
        var type = fields.OptionalText("rope.scaling.type") ?? "linear";
        var factor = fields.OptionalPositive("rope.scaling.factor") ?? fields.OptionalPositive("rope.scale_linear") ?? 1;
        var original = fields.OptionalSize("rope.scaling.original_context_length");
        return type switch
        {
            "none" => null,
            "linear" => factor == 1 ? null : new() { ["rope_type"] = "linear", ["factor"] = factor },
            "yarn" => Yarn(config, fields, factor, original),
            _ => throw fields.Bad("rope.scaling.type", $"is '{type}'; linear, yarn and none are supported"),
        };
    }

    // transformers takes the quotient of both lengths for the factor once the original length is given, so that key is only written where
    // the quotient is the file's factor; without it the original length is max_position_embeddings.
    private static JsonObject Yarn(JsonObject config, GgufFields fields, double factor, int? original)
    {
        var length = (int)config["max_position_embeddings"]!;
        var scaling = new JsonObject { ["rope_type"] = "yarn", ["factor"] = factor };
        if (original is not null && original != length)
        {
            scaling["original_max_position_embeddings"] = original;
            var longest = Math.Round(original.Value * factor);
            if (longest is < 1 or > int.MaxValue) throw fields.Bad("rope.scaling.factor", $"is {factor}; times the original length, {original}, it must give a length from 1 to {int.MaxValue}");
            config["max_position_embeddings"] = (int)longest;
        }
        if (fields.OptionalPositive("rope.scaling.yarn_beta_fast") is { } fast) scaling["beta_fast"] = fast;
        if (fields.OptionalPositive("rope.scaling.yarn_beta_slow") is { } slow) scaling["beta_slow"] = slow;
        // llama.cpp multiplies cos and sin by this and by 1 + 0.1 ln(factor); transformers' value replaces both.
        if ((fields.OptionalPositive("rope.scaling.attn_factor") ?? fields.OptionalPositive("rope.scaling.yarn_attn_factor")) is { } attention && attention != 1)
            scaling["attention_factor"] = attention * (1 + 0.1 * Math.Log(factor));
        return scaling;
    }

    // The file holds what Llama 3's rule makes of its four numbers: a divisor per frequency. The numbers are found again, and must give the same divisors.
    // Only ratios of the original length and the two frequency factors matter, so the lower factor is taken as 1, as in all published models.
    private static JsonObject Llama3(GgufFile file, GgufFields fields, double theta, int headSize)
    {
        using var tensor = file.Read(GgufNames.RotaryFactors);
        if (tensor.dtype != torch.ScalarType.Float32 || tensor.shape is not [var count] || count != headSize / 2)
            throw Unknown($"is {file.StoredType(GgufNames.RotaryFactors)} [{string.Join(", ", tensor.shape)}]; floating-point [{headSize / 2}] is expected");
        var divisors = tensor.data<float>().ToArray();
        if (divisors.Length == 0 || !Array.TrueForAll(divisors, divisor => divisor > 0 && float.IsFinite(divisor))) throw Unknown("holds no numbers, or some that are not greater than 0");
        foreach (var key in (string[])["rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length"])
            if (fields.Has(key) && fields.OptionalText("rope.scaling.type") is not ("none" or null)) throw fields.Bad(key, $"is given beside the tensor '{GgufNames.RotaryFactors}'; only one of them is supported");

        var frequencies = Enumerable.Range(0, divisors.Length).Select(i => Math.Pow(theta, -2.0 * i / headSize)).ToArray();
        double factor = divisors.Max();
        foreach (var (high, length) in Candidates(divisors, frequencies, factor))
        {
            if (length is < 1 or > int.MaxValue || high <= 1) continue;
            var expected = Divisors(frequencies, factor, 1, high, length);
            if (expected.Zip(divisors).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4 * pair.First))
                return new() { ["rope_type"] = "llama3", ["factor"] = factor, ["low_freq_factor"] = 1.0, ["high_freq_factor"] = high, ["original_max_position_embeddings"] = (int)length };
        }
        throw Unknown("does not follow Llama 3's rule for any original length");

        InvalidDataException Unknown(string what) => new($"{fields.Location}: tensor '{GgufNames.RotaryFactors}' {what}.");
    }

    private static IEnumerable<(double High, double Length)> Candidates(float[] divisors, double[] frequencies, double factor)
    {
        yield return (4, 8192); // every published Llama 3
        // Between the two wavelengths, s = (1/divisor − 1/factor) / (1 − 1/factor) is linear in 1/wavelength: s = (length / wavelength − low) / (high − low).
        var points = divisors.Zip(frequencies).Where(p => p.First > 1.0001 && p.First < factor * 0.9999)
            .Select(p => (X: p.Second / (2 * Math.PI), S: (1.0 / p.First - 1 / factor) / (1 - 1 / factor))).ToList();
        if (points.Count >= 2)
        {
            var slope = (points[0].S - points[^1].S) / (points[0].X - points[^1].X);
            var high = 1 + 1 / (slope * points[0].X - points[0].S);
            yield return (Math.Round(high, 2), Math.Round(slope * (Math.Round(high, 2) - 1)));
        }
        for (var length = 1L << 20; length >= 8; length /= 2) yield return (4, length);
    }

    /// <summary>Llama 3's rule: 1 for short wavelengths, the factor for long ones, smooth in between.</summary>
    public static double[] Divisors(IEnumerable<double> frequencies, double factor, double low, double high, double length) => frequencies.Select(frequency =>
    {
        var rotations = length * frequency / (2 * Math.PI); // within the original length
        if (rotations > high) return 1;
        if (rotations < low) return factor;
        var smooth = (rotations - low) / (high - low);
        return 1 / ((1 - smooth) / factor + smooth);
    }).ToArray();
}
