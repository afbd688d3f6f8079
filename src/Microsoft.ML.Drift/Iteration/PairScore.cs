using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>What one pair scored: a line of <c>scores.train.jsonl</c> (when the pair was trained on, before its step) or <c>scores.test.jsonl</c> (with the stage's model).</summary>
/// <param name="Id">The row's name.</param>
/// <param name="Margin">DPO's reward margin, β[(log π(y_w) − log π_ref(y_w)) − (log π(y_l) − log π_ref(y_l))].</param>
/// <param name="Chosen">log π(y_w|x), in nats.</param>
/// <param name="Rejected">log π(y_l|x), in nats.</param>
/// <param name="ReferenceChosen">log π_ref(y_w|x): the stage's start for training pairs, the run's start for held-out ones.</param>
/// <param name="ReferenceRejected">log π_ref(y_l|x).</param>
/// <param name="ChosenTokens">Tokens of the chosen answer that were scored.</param>
/// <param name="RejectedTokens">Tokens of the rejected answer that were scored.</param>
internal sealed record PairScore(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("margin")] double Margin,
    [property: JsonPropertyName("logps/chosen")] double Chosen,
    [property: JsonPropertyName("logps/rejected")] double Rejected,
    [property: JsonPropertyName("ref_logps/chosen")] double ReferenceChosen,
    [property: JsonPropertyName("ref_logps/rejected")] double ReferenceRejected,
    [property: JsonPropertyName("tokens/chosen")] int ChosenTokens,
    [property: JsonPropertyName("tokens/rejected")] int RejectedTokens)
{
    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public byte[] ToLine() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Json), (byte)'\n'];

    public static PairScore Of(PreferenceTokens pair, double beta, (double Chosen, double Rejected) policy, (double Chosen, double Rejected) reference) => new(
        pair.RowId, beta * (policy.Chosen - reference.Chosen - (policy.Rejected - reference.Rejected)),
        policy.Chosen, policy.Rejected, reference.Chosen, reference.Rejected, pair.Chosen.ScoredLength, pair.Rejected.ScoredLength);

    public static PairScore Of(PreferenceTokens pair, double beta, ScoredPair score) =>
        Of(pair, beta, (score.Policy.Chosen, score.Policy.Rejected), (score.Reference.Chosen, score.Reference.Rejected));
}
