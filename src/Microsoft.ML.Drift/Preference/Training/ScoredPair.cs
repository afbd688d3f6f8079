namespace Microsoft.ML.Drift.Preference;

/// <summary>One pair's numbers in one pass.</summary>
/// <param name="Row">Row number among the training or evaluation rows.</param>
/// <param name="Policy">log π of both answers.</param>
/// <param name="Reference">log π_ref of both answers.</param>
/// <param name="Start">log π of both answers with the weights of the stage's start.</param>
/// <param name="Loss">The preference loss, before the NLL term and WPO's weight.</param>
/// <param name="Weight">WPO's weight; 1 without WPO.</param>
internal readonly record struct ScoredPair(int Row, AnswerPair Policy, AnswerPair Reference, AnswerPair Start, float Loss, float Weight);

/// <summary>A number for the chosen and one for the rejected answer.</summary>
internal readonly record struct AnswerPair(float Chosen, float Rejected);

/// <summary>What one micro-batch gave.</summary>
/// <param name="Pairs">Its pairs.</param>
/// <param name="Loss">Its mean loss, NLL term included, as if it were alone.</param>
/// <param name="NllSum">−Σ log p over the tokens of the NLL term.</param>
/// <param name="NllCount">Their number.</param>
/// <param name="Chosen">Sums over the positions of chosen answers.</param>
/// <param name="Rejected">The same for rejected answers.</param>
/// <param name="Tokens">Tokens without padding.</param>
internal sealed record ScoredBatch(
    IReadOnlyList<ScoredPair> Pairs, double Loss, double NllSum, int NllCount,
    PositionSums Chosen, PositionSums Rejected, int Tokens)
{
    public double Nll => NllSum / NllCount;
}

/// <summary>Sums over positions that predict answer tokens.</summary>
/// <param name="Logits">Of the positions' mean logits.</param>
/// <param name="Entropies">Of the entropies of what they predict, in nats.</param>
/// <param name="Count">How many positions.</param>
internal readonly record struct PositionSums(double Logits, double Entropies, int Count)
{
    public static PositionSums operator +(PositionSums one, PositionSums other) => new(one.Logits + other.Logits, one.Entropies + other.Entropies, one.Count + other.Count);
}
