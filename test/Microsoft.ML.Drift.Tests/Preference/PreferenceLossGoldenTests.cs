using System.Text.Json;
using Microsoft.ML.Drift.Preference;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>The losses against TRL's <c>dpo_loss</c>, called on written-down log-probs: values, rewards, gradients, running mean.</summary>
[Trait("Parity", "measured")]
public class PreferenceLossGoldenTests
{
    private const double Tolerance = 1e-6;

    public static TheoryData<string> RecordedTypes()
    {
        var folder = Golden.FolderOrNull("losses");
        if (folder is null) return ["(no recordings)"];
        using var table = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "losses.json")));
        return [.. table.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("loss_type").GetString()!).Distinct()];
    }

    [Theory, MemberData(nameof(RecordedTypes))]
    public void PerPair_RecordedInputs_GiveTrlsLossesRewardsAndGradients(string type)
    {
        using var table = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden.Folder("losses"), "losses.json")));
        var inputs = table.RootElement.GetProperty("inputs");
        var mean = new RunningMean();
        var cases = 0;
        foreach (var recorded in table.RootElement.GetProperty("cases").EnumerateArray().Where(c => c.GetProperty("loss_type").GetString() == type))
        {
            if (recorded.TryGetProperty("running_mean_before", out var before))
            {
                if (recorded.GetProperty("inputs").GetString() == "plain") mean = new RunningMean();
                Assert.Equal(before.GetDouble(), mean.Value, Tolerance);
            }
            Check(recorded, inputs.GetProperty(recorded.GetProperty("inputs").GetString()!), mean);
            if (recorded.TryGetProperty("running_mean_after", out var after)) Assert.Equal(after.GetDouble(), mean.Value, Tolerance);
            cases++;
        }
        Assert.True(cases > 10, $"{cases} cases for {type}");
    }

    private static void Check(JsonElement recorded, JsonElement inputs, RunningMean mean)
    {
        using var scope = NewDisposeScope();
        var settings = TrlArguments.LossSettings(recorded);
        var chosen = Vector(inputs, "policy_chosen_logps").requires_grad_();
        var rejected = Vector(inputs, "policy_rejected_logps").requires_grad_();
        var logProbs = new PairLogProbs(chosen, rejected, Vector(inputs, "ref_chosen_logps"), Vector(inputs, "ref_rejected_logps"));
        var losses = PreferenceLoss.PerPair(settings, logProbs, mean);
        losses.mean().backward();

        var name = recorded.GetRawText();
        var type = recorded.GetProperty("loss_type").GetString()!;
        AssertClose(recorded, type, "losses", "losses", losses, name);
        AssertClose(recorded, type, "rewards", "chosen_rewards", PreferenceLoss.Rewards(settings.Beta, chosen, logProbs.ReferenceChosen), name);
        AssertClose(recorded, type, "rewards", "rejected_rewards", PreferenceLoss.Rewards(settings.Beta, rejected, logProbs.ReferenceRejected), name);
        AssertClose(recorded, type, "gradients", "policy_chosen_grad", chosen.grad!, name);
        AssertClose(recorded, type, "gradients", "policy_rejected_grad", rejected.grad!, name);
    }

    private static Tensor Vector(JsonElement table, string name) => tensor(Numbers(table, name).Select(x => (float)x).ToArray());

    private static double[] Numbers(JsonElement table, string name) => [.. table.GetProperty(name).EnumerateArray().Select(Number)];

    private static double Number(JsonElement value) => value.ValueKind != JsonValueKind.String ? value.GetDouble() : value.GetString() switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        var other => throw new InvalidDataException(other),
    };

    private static void AssertClose(JsonElement recorded, string type, string measure, string field, Tensor ours, string name)
    {
        var expected = Numbers(recorded, field);
        var actual = ours.to(ScalarType.Float64).data<double>().ToArray();
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var equal = double.IsFinite(expected[i])
                ? Math.Abs(expected[i] - actual[i]) <= Tolerance * Math.Max(1, Math.Abs(expected[i]))
                : expected[i].Equals(actual[i]);
            if (double.IsFinite(expected[i])) ParityPage.Add("Losses", type, measure, Math.Abs(expected[i] - actual[i]) / Math.Max(1, Math.Abs(expected[i])), Tolerance);
            Assert.True(equal, $"{field}[{i}]: recorded {expected[i]:R}, ours {actual[i]:R}\n{name}");
        }
    }
}
