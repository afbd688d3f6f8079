using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Tool.Training;

/// <summary>What a training gave: the model, what became of the rows, what was logged.</summary>
internal sealed record TrainingResult(CausalLMTransformer Transformer, TokenizationSummary Rows, TrainingHistory History);

/// <summary>The trainer that belongs to a method's options.</summary>
internal sealed record Trainer(Func<IDataView, IDataView?, TrainingResult> Fit)
{
    /// <exception cref="ArgumentException">The options are bad, or the models do not fit.</exception>
    public static Trainer Of(MLContext context, CausalLM policy, TrainingOptions options, CausalLM? reference)
    {
        if (options is SftTrainer.Options supervised)
        {
            var sft = context.Drift().Trainers.Sft(policy, supervised);
            return new((training, evaluation) => new(sft.Fit(training, evaluation), sft.TrainingRows!, sft.History!));
        }
        var dpo = context.Drift().Trainers.Dpo(policy, (DpoTrainer.Options)options, reference);
        return new((training, evaluation) => new(dpo.Fit(training, evaluation), dpo.TrainingRows!, dpo.History!));
    }
}

/// <summary>A training's records on their way to TensorBoard events and to the display; metrics.jsonl is the trainer's own.</summary>
internal sealed class TrainingLog : IProgress<TrainingRecord>, IDisposable
{
    private TensorBoardEvents? _events;

    /// <summary>Called with every record after it was written.</summary>
    public Action<TrainingRecord>? Reported { get; set; }

    /// <summary>The folder of events. It is written anew: a training that continues tells its earlier records first.</summary>
    public required string Events { get; set; }

    public void Report(TrainingRecord value)
    {
        if (_events is null && Directory.Exists(Events)) Directory.Delete(Events, recursive: true);
        _events ??= new TensorBoardEvents(Events);
        _events.Report(value);
        Reported?.Invoke(value);
    }

    public void Dispose() => _events?.Dispose();
}
