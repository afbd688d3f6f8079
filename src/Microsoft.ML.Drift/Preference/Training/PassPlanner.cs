using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Decides how a micro-batch goes through the model: together while it fits into the memory, else in several passes whose gradients add up, and a row that does
/// not fit alone with its layers computed again. Depends on the rows' lengths and the budget alone.
/// </summary>
internal sealed class PassPlanner
{
    /// <summary>On the CPU more tokens in one pass are no faster, and hold more memory.</summary>
    private const int MostTokensOnCpu = 2048;

    private const string BudgetKey = "memory.budget";

    private readonly long _kept;
    private readonly long _keptByCheckpoint;
    private readonly long _work;
    private readonly long _workOfCheckpoint;
    private readonly long _perScored;
    private readonly int _mostTokens;
    private readonly bool _checkpoint;

    /// <param name="decoder">The model.</param>
    /// <param name="budget">Bytes for activations and logits; null: without limit.</param>
    /// <param name="checkpoint">Compute layers again even where that saves nothing needed.</param>
    public PassPlanner(Decoder decoder, long? budget, bool checkpoint)
    {
        var memory = new TrainingMemory(decoder);
        (_kept, _keptByCheckpoint) = (memory.KeptPerToken(false), memory.KeptPerToken(true));
        (_work, _workOfCheckpoint) = (memory.WorkPerToken(false), memory.WorkPerToken(true));
        _perScored = (long)decoder.Specification.HiddenSize * sizeof(float) * 4;
        _mostTokens = decoder.Device.type == DeviceType.CPU ? MostTokensOnCpu : int.MaxValue;
        (Budget, _checkpoint) = (budget, checkpoint);
    }

    /// <summary>Bytes for activations and logits; null: without limit.</summary>
    public long? Budget { get; set; }

    /// <summary>Keeps the budget for a run that continues: another division into passes would round differently.</summary>
    public void Save(TrainingState state) => state.Add(BudgetKey, Recorded);

    /// <summary>Takes the budget of the run's beginning.</summary>
    public void Load(TrainingState state) => Recorded = state.Number(BudgetKey);

    /// <summary>The budget as a number; -1 without limit.</summary>
    public double Recorded
    {
        get => Budget ?? -1;
        set => Budget = value >= 0 ? (long)value : null;
    }

    /// <summary>Bytes of logits that a pass may hold: a quarter of the budget, and never more than <see cref="TokenLogProbs.DefaultLogitBudget"/>.</summary>
    public long LogitBudget => Math.Min(Budget / 4 ?? long.MaxValue, TokenLogProbs.DefaultLogitBudget);

    /// <summary>The passes of a micro-batch, in the order of its rows.</summary>
    /// <param name="rows">Tokens that each row computes, and tokens that it scores.</param>
    public IReadOnlyList<PlannedPass> Plan(IReadOnlyList<(int Tokens, int Scored)> rows)
    {
        var passes = new List<PlannedPass>();
        for (var first = 0; first < rows.Count;)
        {
            long tokens = rows[first].Tokens, scored = rows[first].Scored;
            var last = first + 1;
            var checkpoint = _checkpoint || !Fits(tokens, scored, false);
            while (last < rows.Count && tokens + rows[last].Tokens <= _mostTokens && Fits(tokens + rows[last].Tokens, scored + rows[last].Scored, checkpoint))
            {
                tokens += rows[last].Tokens;
                scored += rows[last++].Scored;
            }
            passes.Add(new(first, last - first, checkpoint));
            first = last;
        }
        return passes;
    }

    /// <summary>What a pass is expected to take of the budget.</summary>
    /// <param name="tokens">Tokens it computes.</param>
    /// <param name="scored">Tokens it scores.</param>
    /// <param name="checkpoint">Whether layers are computed again.</param>
    public long Bytes(long tokens, long scored, bool checkpoint) =>
        tokens * (checkpoint ? _keptByCheckpoint + _workOfCheckpoint : _kept + _work) + scored * _perScored + LogitBudget;

    private bool Fits(long tokens, long scored, bool checkpoint) => Budget is not { } budget || Bytes(tokens, scored, checkpoint) <= budget;

    /// <summary>What a training may use for activations and logits.</summary>
    /// <param name="decoder">The model that will be trained.</param>
    /// <param name="options">Its options.</param>
    /// <returns>Bytes; null without limit.</returns>
    /// <exception cref="ArgumentException">The memory allowed does not hold gradients and optimizer state.</exception>
    public static long? BudgetOf(Decoder decoder, TrainingOptions options)
    {
        var standing = new TrainingMemory(decoder).TrainedBytes * (options.Optimizer == OptimizerType.AdamW ? 3 : 2);
        if (options.MaxMemory is { } most)
        {
            if (most > standing) return most - standing;
            throw new ArgumentException($"MaxMemory is {most} bytes, but gradients and optimizer state alone take {standing}. Raise MaxMemory or train an adapter (Lora).", nameof(options));
        }
        // A device's free memory is not ours to ask for; main memory's is.
        return decoder.Device.type == DeviceType.CPU ? Math.Max(1, (long)(FreeMemory.Bytes() * TrainingOptions.Defaults.ShareOfFreeMemory) - standing) : null;
    }
}

/// <summary>Neighbouring rows that go through the model together.</summary>
/// <param name="First">The first row.</param>
/// <param name="Count">Their number.</param>
/// <param name="Checkpoint">Whether layers are computed again in the backward pass.</param>
internal readonly record struct PlannedPass(int First, int Count, bool Checkpoint);
