using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Preference;

/// <summary>
/// Decides how a micro-batch goes through the model: together while it fits into the memory, else in several passes whose gradients add up, and a row that does
/// not fit alone with its layers computed again. Depends on the rows' lengths and the budget alone.
/// </summary>
internal sealed class PassPlanner
{
    /// <summary>On a CPU more tokens in one pass are hardly faster, and hold more memory.</summary>
    public const int MostTokensOnCpu = 1024;

    private const string BudgetKey = "memory.budget";

    private readonly TrainingMemory _memory;
    private readonly int _mostTokens;
    private readonly bool _checkpoint;

    /// <param name="decoder">The model.</param>
    /// <param name="budget">Bytes for activations and logits; null: without limit.</param>
    /// <param name="checkpoint">Compute layers again even where that saves nothing needed.</param>
    /// <param name="dividesFreely">Whether passes cost no more than one; else only the budget divides.</param>
    public PassPlanner(Decoder decoder, long? budget, bool checkpoint, bool dividesFreely = true)
    {
        _memory = new TrainingMemory(decoder);
        _mostTokens = dividesFreely && decoder.Device.type == DeviceType.CPU ? MostTokensOnCpu : int.MaxValue;
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
    public long LogitBudget => Budget is { } budget ? Math.Clamp((budget - TrainingMemory.Fixed) / 4, 1, TokenLogProbs.DefaultLogitBudget) : TokenLogProbs.DefaultLogitBudget;

    /// <summary>The passes of a micro-batch, in the order of its rows.</summary>
    /// <param name="rows">Tokens that each row computes, and tokens that it scores.</param>
    public IReadOnlyList<PlannedPass> Plan(IReadOnlyList<(int Tokens, int Scored)> rows)
    {
        var passes = new List<PlannedPass>();
        for (var first = 0; first < rows.Count;)
        {
            var evenly = EvenShare(rows.Skip(first).Sum(row => (long)row.Tokens));
            long tokens = rows[first].Tokens, scored = rows[first].Scored;
            var last = first + 1;
            var checkpoint = _checkpoint || !Fits(tokens, scored, false);
            while (last < rows.Count && tokens + rows[last].Tokens / 2 <= evenly && tokens + rows[last].Tokens <= _mostTokens && Fits(tokens + rows[last].Tokens, scored + rows[last].Scored, checkpoint))
            {
                tokens += rows[last].Tokens;
                scored += rows[last++].Scored;
            }
            passes.Add(new(first, last - first, checkpoint));
            first = last;
        }
        return passes;
    }

    /// <summary>Puts a pass's lasting tensors into a memory.</summary>
    public ActivationMemory Reserve(ActivationMemory memory, long tokens, bool checkpoint)
    {
        memory.Begin(_memory.Lasting(tokens, checkpoint));
        return memory;
    }

    // As few passes as can be, and all about as large.
    private long EvenShare(long tokens)
    {
        var passes = (tokens + _mostTokens - 1) / _mostTokens;
        return (tokens + passes - 1) / passes;
    }

    /// <summary>What a pass is expected to take of the budget, in bytes.</summary>
    /// <param name="tokens">Tokens it computes.</param>
    /// <param name="scored">Tokens it scores.</param>
    /// <param name="checkpoint">Whether layers are computed again.</param>
    public long Bytes(long tokens, long scored, bool checkpoint) => _memory.OfPass(tokens, scored, checkpoint, LogitBudget);

    /// <summary>What gradients and optimizer state are expected to take, in bytes.</summary>
    public static long StandingBytes(Decoder decoder, TrainingOptions options) => new TrainingMemory(decoder).Standing(floatsPerWeight: options.Optimizer == OptimizerType.AdamW ? 3 : 2);

    private bool Fits(long tokens, long scored, bool checkpoint) => Budget is not { } budget || Bytes(tokens, scored, checkpoint) <= budget;

    /// <summary>What a training may use for activations and logits.</summary>
    /// <param name="decoder">The model that will be trained.</param>
    /// <param name="options">Its options.</param>
    /// <returns>Bytes; null without limit.</returns>
    /// <exception cref="ArgumentException">The memory allowed does not hold gradients and optimizer state.</exception>
    public static long? BudgetOf(Decoder decoder, TrainingOptions options)
    {
        var standing = StandingBytes(decoder, options);
        if (options.MaxMemory is { } most)
        {
            if (most > standing + TrainingMemory.Fixed) return most - standing;
            throw new ArgumentException(
                $"MaxMemory is {most} bytes, but gradients and optimizer state take {standing} and the process {TrainingMemory.Fixed} more. Raise MaxMemory or train an adapter (Lora).", nameof(options));
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
