using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

public sealed partial class DriftIterationEstimator
{
    internal static class Defaults
    {
        public const int NumberOfIterations = 2;
        public const int SeedEpochs = 3;
        public const int MaximumHeldOutRows = 100;
    }

    /// <summary>How <see cref="DriftIterationEstimator"/> works. The defaults are those of the paper's main tables.</summary>
    public sealed record Options
    {
        /// <summary>K, the number of iterations. At least 1; default 2. (In the paper's ablation a 7B model is best at 4.)</summary>
        public int NumberOfIterations { get; init; } = Defaults.NumberOfIterations;

        /// <summary>How chosen answers are sampled. Its iteration and journal are set by the run and must be left alone.</summary>
        public DsatPairSampler.Options Sampling { get; init; } = new();

        /// <summary>How each iteration trains. Default: the paper's settings, one epoch. Its progress, activity, cancellation, run folder and notices are set by the run and must be left alone.</summary>
        public DpoTrainer.Options Training { get; init; } = new();

        /// <summary>Pairs of a dissatisfying answer and the later one that satisfied the user, for a seed stage before the first iteration. Null (the default): no seed stage.</summary>
        public IDataView? SeedPairs { get; init; }

        /// <summary>Epochs of the seed stage; everything else is as in <see cref="Training"/>. Greater than 0; default 3. Only with <see cref="SeedPairs"/>.</summary>
        public double? SeedEpochs { get; init; }

        /// <summary>
        /// Rows at the start of the input that are kept out of training and measured after every iteration. 0 or greater, less than the number of rows; null (the
        /// default) is a tenth of the rows, at most 100, as in the paper.
        /// </summary>
        public int? NumberOfHeldOutRows { get; init; }

        /// <summary>Held-out DSAT rows of their own; the whole input is then trained on. Null (the default): the input's first rows.</summary>
        public IDataView? HeldOutRows { get; init; }

        /// <summary>Which iteration's model is given back. Default <see cref="ModelSelection.Last"/>. Every iteration's model is kept in any case.</summary>
        public ModelSelection Selection { get; init; } = ModelSelection.Last;

        /// <summary>
        /// A folder in which the run keeps samples, pairs, metrics and models; running again with the same settings, data and model continues at the first row or stage that is
        /// missing. Null (the default) keeps everything in memory.
        /// </summary>
        public string? RunFolder { get; init; }

        /// <summary>Whether a run that <see cref="RunFolder"/> holds is renamed (the time is added to its name) and this one begins anew. Default false.</summary>
        public bool Restart { get; init; }

        /// <summary>Told in words what a reader of logs should know: where a run continues, that a damaged checkpoint was passed over. Default none.</summary>
        public IProgress<string>? Notices { get; init; }

        /// <summary>Told what the run is doing, on the thread that calls <c>Fit</c>. Default none.</summary>
        public IProgress<DriftProgress>? Progress { get; init; }

        /// <summary>Stops the run with an <see cref="OperationCanceledException"/>; with a run folder nothing that was sampled or finished is lost. Default none.</summary>
        public CancellationToken CancellationToken { get; init; }

        internal IEnumerable<string> Problems()
        {
            if (NumberOfIterations < 1) yield return $"NumberOfIterations is {NumberOfIterations}; it must be at least 1.";
            foreach (var problem in Sampling.Problems()) yield return $"Sampling: {problem}";
            foreach (var problem in Training.Problems()) yield return $"Training: {problem}";
            if (Sampling.Iteration != 0) yield return "Sampling.Iteration is set, but the run numbers its iterations itself; leave it 0.";
            if (Sampling.JournalPath is not null) yield return "Sampling.JournalPath is set, but the run keeps its journals in RunFolder; leave it null.";
            if (Training.Progress is not null) yield return "Training.Progress is set, but the run reports through Progress; leave it null.";
            if (Training.Activity is not null) yield return "Training.Activity is set, but the run reports through Progress; leave it null.";
            if (Training.CancellationToken.CanBeCanceled) yield return "Training.CancellationToken is set, but the run has its own CancellationToken; use that.";
            if (Training.TrainInPlace) yield return "Training.TrainInPlace is set, but the iterations' models are measured against the policy, which must stay as it is; leave it false.";
            if (Training.RunFolder is not null) yield return "Training.RunFolder is set, but the run keeps each stage's training in its own RunFolder; leave it null.";
            if (Training.Restart) yield return "Training.Restart is set, but the run has its own Restart; use that.";
            if (Training.Notices is not null) yield return "Training.Notices is set, but the run has its own Notices; use that.";
            if (Training.Checkpoints is not null && RunFolder is null) yield return "Training.Checkpoints is set, but there is no RunFolder to write them to.";
            if (Restart && RunFolder is null) yield return "Restart is set, but there is no RunFolder.";
            if (Training.PromptColumnName != Data.ChatColumnNames.Prompt || Training.ChosenColumnName != Data.ChatColumnNames.Chosen || Training.RejectedColumnName != Data.ChatColumnNames.Rejected)
                yield return "Training's column names are set, but the run trains on its own samples, in the columns Prompt, Chosen and Rejected; leave them alone.";
            if (SeedEpochs is not null && SeedPairs is null) yield return "SeedEpochs is set, but there are no SeedPairs.";
            if (SeedEpochs is { } epochs && !(epochs > 0 && double.IsFinite(epochs))) yield return $"SeedEpochs is {epochs}; it must be greater than 0.";
            if (NumberOfHeldOutRows < 0) yield return $"NumberOfHeldOutRows is {NumberOfHeldOutRows}; it must be 0 or greater.";
            if (NumberOfHeldOutRows is not null && HeldOutRows is not null) yield return "Both NumberOfHeldOutRows and HeldOutRows are set; set one.";
            if (!Enum.IsDefined(Selection)) yield return $"Selection is {Selection}; it must be Last or BestHeldOutMargin.";
            if (Selection == ModelSelection.BestHeldOutMargin && NumberOfHeldOutRows == 0) yield return "Selection is BestHeldOutMargin, but NumberOfHeldOutRows is 0.";
            if (RunFolder is "") yield return "RunFolder is empty; leave it null to keep everything in memory.";
        }
    }
}
